"""`report.build` on a run made by hand: whole, in part, and with text that means harm."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from lontar.core.artifact import Artifact, Report
from lontar.report.config import ReportConfig
from lontar.report.stages import build

from .html_checks import Page, problems_of

pytest.importorskip("jinja2")
QUICK = {"bootstraps": 2000, "title": ""}
ORDER = ["data", "tokens", "learning", "scores", "worse", "lineage", "cost", "reproduce", "method"]


def made(folder: Path, artifacts: list[Artifact], **config: Any) -> tuple[str, dict[str, Any], Report]:
    report = build(folder, tuple(artifacts), config=ReportConfig(**{**QUICK, **config}))
    figures = json.loads((report.path / "figures.json").read_text("utf-8"))
    return (report.path / "report.html").read_text("utf-8"), figures, report


@pytest.fixture(scope="module")
def whole(run: dict[str, Artifact], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any], Report]:
    gate = {"no_regression": ["km", "my"]}
    return made(tmp_path_factory.mktemp("report") / "report", list(run.values()), gate=gate, recipe="tiny")


def test_page_is_well_formed_and_inert(whole: tuple[str, dict[str, Any], Report]) -> None:
    assert problems_of(whole[0]) == []
    assert len(whole[0].encode()) <= 400_000


def test_policy_comes_first_and_fits_the_style(whole: tuple[str, dict[str, Any], Report]) -> None:
    head = whole[0].partition("<head>")[2].lstrip()
    assert head.startswith('<meta http-equiv="Content-Security-Policy"')
    style = re.search(r"<style>(.*?)</style>", whole[0], re.S)
    assert style is not None
    assert base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode() in head.partition(">")[0]


def test_sections_stand_in_reading_order(whole: tuple[str, dict[str, Any], Report]) -> None:
    page = Page(whole[0])
    assert [attrs["id"] for attrs in page.named("section")] == ORDER
    assert list(whole[1]) == sorted(["title", "verdict", *ORDER])


def test_first_screen_says_what_the_intervals_show(whole: tuple[str, dict[str, Any], Report]) -> None:
    verdict = whole[1]["verdict"]
    assert verdict["quality"]["high"] < 0 < verdict["kept"]["low"]
    assert set(verdict["quality"]["languages"]) == {"km", "my", "th"}
    assert re.fullmatch(
        r"Across 3 languages the model needs [\d.]+% fewer tokens for a sentence and needs [\d.]+% fewer bits "
        r"for unseen text; English got worse by [\d.]+%\.",
        verdict["sentence"],
    ), verdict["sentence"]
    limits = " ".join(verdict["limits"])
    for words in ("Not above chance: word order", "not an assistant", "no native speaker"):
        assert words in limits
    assert verdict["gates"] == [{"gate": "no_regression", "step": "scores", "said": "Khmer, Burmese", "problems": []}]
    assert whole[1]["title"] == "From base to model"


def test_gate_that_does_not_hold_is_shown(run: dict[str, Artifact], tmp_path: Path) -> None:
    page, figures, _ = made(tmp_path / "r", list(run.values()), gate={"no_regression": ["en"]})
    assert "does not hold" in page and figures["verdict"]["gates"][0]["problems"]


def test_figures_of_the_page_are_kept(whole: tuple[str, dict[str, Any], Report]) -> None:
    data = whole[1]["data"]["corpora"][0]
    assert (data["in"], data["kept"], data["reasons"]) == (88, 80, {"zawgyi": 8})
    assert [row["id"] for row in data["decisions"]] == ["d1", "d3", "d2"]  # dropped first
    rows = {row["lang"]: row for row in whole[1]["tokens"]["rows"]}
    assert rows["km"]["change"] < -0.5 and rows["km"]["high"] < 0
    assert rows["km"]["parity_after"] < rows["km"]["parity_before"] and rows["en"]["parity_after"] == 1.0
    assert whole[1]["learning"]["models"][1]["rows"][0]["series"] == [[0.0, 8.0], [10.0, 3.0], [20.0, 2.0]]
    task = next(t for t in whole[1]["scores"]["evaluations"][0]["tasks"] if t["task"] == "bits_per_byte")
    verdicts = {row["lang"]: row["verdict"] for row in task["rows"]}
    assert verdicts["my"] == "better" and verdicts["en"] == "worse"
    assert any(row["lang"] == "en" for row in whole[1]["worse"]["worse"])
    assert whole[1]["cost"]["seconds"] == 5.0


def test_boxes_of_each_script_spell_the_sentence(whole: tuple[str, dict[str, Any], Report]) -> None:
    shown = whole[1]["tokens"]["sentences"]
    assert [one["lang"] for one in shown] == ["my", "km", "th"]
    assert len({one["id"] for one in shown}) == 1  # the same sentence
    for one in shown:
        for side in (one["before"], one["after"]):
            assert "".join(text for text, _ in side["cells"]) == one["text"]
            assert {token for _, tokens in side["cells"] for token in tokens} == set(range(side["n"]))
        assert one["after"]["n"] < one["before"]["n"]


def test_answers_come_failures_first_with_item_ids(whole: tuple[str, dict[str, Any], Report]) -> None:
    tasks = {t["task"]: t for t in whole[1]["scores"]["evaluations"][0]["tasks"]}
    thai = [s for s in tasks["continue_in_language"]["samples"] if s["lang"] == "th"]
    assert thai[0]["answer"]["value"] is None and thai[0]["id"] == "s002"
    assert tasks["continue_in_language"]["n_samples"] == 96
    assert tasks["bits_per_byte"]["samples"] == []  # a likelihood is no answer
    assert "8 of 96" in whole[0]


def test_text_that_means_harm_does_nothing(run: dict[str, Artifact], tmp_path: Path) -> None:
    page, _, _ = made(tmp_path / "r", list(run.values()), samples=20)
    assert "&lt;script&gt;alert(1)" in page and "<script" not in page
    assert '<span class="chip">ZWSP</span>' in page and '<span class="chip">RLO</span>' in page
    assert not re.search("[\u200b\u202e\ue000]", page)
    assert problems_of(page) == []


@pytest.mark.parametrize(
    ("names", "there"),
    [
        (["corpus"], {"data"}),
        (["tokenizer"], {"tokens", "worse"}),
        (["english", "tokenizer"], {"tokens", "worse"}),
        (["model"], {"learning"}),
        (["scores"], {"scores", "worse"}),
        (["base", "scores"], {"learning", "scores", "worse"}),
    ],
)
def test_any_part_of_a_run_makes_a_page(
    run: dict[str, Artifact], tmp_path: Path, names: list[str], there: set[str]
) -> None:
    page, figures, _ = made(tmp_path / "r", [run[name] for name in names])
    assert problems_of(page) == []
    assert set(figures) - {"title", "verdict", "lineage", "cost", "reproduce", "method"} == there


def test_artifacts_of_unknown_shape_are_told_by_their_manifest(make_artifact: Any, tmp_path: Path) -> None:
    odd = make_artifact(tmp_path / "odd", "corpus", {"counts.json": b'{"en": 4}'})
    bare = make_artifact(tmp_path / "bare", "evaluation", {"x": b""}, parents={"model": odd})
    page, figures, _ = made(tmp_path / "r", [odd, bare])
    assert problems_of(page) == [] and figures["data"]["corpora"][0]["rows"] == []


def test_two_runs_of_one_stage_are_equal_without_cost(run: dict[str, Artifact], tmp_path: Path) -> None:
    digests = {made(tmp_path / name, list(run.values()), cost=False)[2].digest for name in ("a", "b")}
    assert len(digests) == 1
    assert 'id="cost"' not in (tmp_path / "a" / "report.html").read_text("utf-8")


def test_recipe_on_the_page_is_the_run(whole: tuple[str, dict[str, Any], Report]) -> None:
    import yaml

    recipe = yaml.safe_load(whole[1]["reproduce"]["steps"])
    assert list(recipe["steps"]) == ["corpus", "english", "tokenizer", "base", "model", "scores"]
    assert recipe["steps"]["model"]["inputs"] == {"corpus": "corpus", "model": "base", "tokenizer": "tokenizer"}


def test_lineage_names_every_ancestor_once(whole: tuple[str, dict[str, Any], Report]) -> None:
    def walk(node: dict[str, Any]) -> list[dict[str, Any]]:
        return [node, *(found for parent in node["parents"] for found in walk(parent))]

    nodes = [node for tree in whole[1]["lineage"]["trees"] for node in walk(tree)]
    full = [node["name"] for node in nodes if "again" not in node]
    assert sorted(full) == ["base", "corpus", "english", "model", "scores", "tokenizer"]
    assert {node["again"] for node in nodes if "again" in node} <= {node.get("id") for node in nodes}
