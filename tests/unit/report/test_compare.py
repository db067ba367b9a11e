"""`report.compare`: ranks with ties, differences, items; and what cannot be compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lontar.core.artifact import Evaluation
from lontar.errors import ConfigError, DataError
from lontar.report.config import CompareConfig
from lontar.report.stages import compare

from .conftest import LANGS, LESS, SKILL
from .html_checks import Page, problems_of

pytest.importorskip("jinja2")
Make = Callable[..., Evaluation]


def compared(folder: Path, listed: list[Evaluation], **config: Any) -> tuple[str, dict[str, Any]]:
    report = compare(folder, tuple(listed), config=CompareConfig(bootstraps=2000, **config))
    return (report.path / "compare.html").read_text("utf-8"), json.loads(
        (report.path / "figures.json").read_text("utf-8")
    )


def test_two_models(evaluations: Make, tmp_path: Path) -> None:
    page, figures = compared(tmp_path / "c", [evaluations("old", LESS), evaluations("new", SKILL)])
    assert problems_of(page) == []
    assert Page(page).named("title") and "old and new" in page
    board = next(b for b in figures["boards"] if b["task"] == "bits_per_byte")
    assert [(row["from"], row["models"][0]["name"]) for row in board["rows"]] == [(1, "new"), (2, "old")]
    rows = {row["lang"]: row for d in figures["differences"] if d["task"] == "bits_per_byte" for row in d["rows"]}
    assert rows["my"]["verdict"] == "better" and rows["en"]["verdict"] == "worse"
    assert rows["my"]["difference"]["high"] < 0
    tied = next(b for b in figures["boards"] if b["task"] == "continue_in_language")
    assert [(row["from"], row["to"], len(row["models"])) for row in tied["rows"]] == [(1, 2, 2)]


def test_mean_over_languages_is_the_mean(evaluations: Make, tmp_path: Path) -> None:
    new = evaluations("new", SKILL)
    _, figures = compared(tmp_path / "c", [evaluations("old", LESS), new])
    stored = json.loads((new.path / "scores.json").read_text("utf-8"))["rows"]
    for board in figures["boards"]:
        values = [row["value"] for row in stored if row["task"] == board["task"]]
        assert board["figures"][1]["value"] == pytest.approx(sum(values) / len(values))


def test_three_models_with_labels(evaluations: Make, tmp_path: Path) -> None:
    listed = [evaluations("old", LESS), evaluations("new", SKILL), evaluations("same", LESS)]
    page, figures = compared(tmp_path / "c", listed, labels=("a", "b", "c"), first=("th",))
    assert problems_of(page) == [] and figures["models"] == ["a", "b", "c"]
    board = next(b for b in figures["boards"] if b["task"] == "bits_per_byte")
    assert [(r["from"], r["to"], [m["name"] for m in r["models"]]) for r in board["rows"]] == [
        (1, 1, ["b"]),
        (2, 3, ["a", "c"]),
    ]
    assert figures["heat"]["languages"] == ["th", "en", "km", "my"]
    assert len(figures["heat"]["rows"]) == 9 and all(len(row["cells"]) == len(LANGS) for row in figures["heat"]["rows"])


def test_heat_is_dark_where_a_model_is_good(evaluations: Make, tmp_path: Path) -> None:
    _, figures = compared(tmp_path / "c", [evaluations("old", LESS), evaluations("new", SKILL)])
    cells = {
        (row["task"], row["model"]): {
            code: cell for code, cell in zip(figures["heat"]["languages"], row["cells"], strict=True)
        }
        for row in figures["heat"]["rows"]
    }
    assert cells["word_order", "new"]["my"]["level"] > cells["word_order", "old"]["my"]["level"]
    assert cells["bits_per_byte", "new"]["my"]["level"] > cells["bits_per_byte", "old"]["my"]["level"]


def test_items_that_disagree_are_shown_on_both_sides(evaluations: Make, tmp_path: Path) -> None:
    page, figures = compared(tmp_path / "c", [evaluations("old", LESS), evaluations("new", SKILL)], items=4)
    found = {d["task"]: d for d in figures["disagreements"]}
    assert "continue_in_language" not in found  # both answered alike
    assert {item["gain"] > 0 for item in found["bits_per_byte"]["items"]} == {True, False}
    assert found["word_order"]["items"][0]["first"]["value"] == 0.0
    assert found["word_order"]["items"][0]["id"] in page


def test_what_cannot_be_compared(evaluations: Make, make_artifact: Any, tmp_path: Path) -> None:
    new = evaluations("new", SKILL)
    with pytest.raises(ConfigError, match="two evaluations or more"):
        compared(tmp_path / "a", [new])
    with pytest.raises(ConfigError, match="labels are x"):
        compared(tmp_path / "b", [new, evaluations("old", LESS)], labels=("x",))
    empty = make_artifact(tmp_path / "empty", "evaluation", {"scores.json": b'{"rows": []}'})
    with pytest.raises(DataError, match="no task in any language"):
        compared(tmp_path / "c", [new, empty])


def test_other_items_under_the_same_ids_are_refused(evaluations: Make, make_artifact: Any, tmp_path: Path) -> None:
    from lontar.core.shards import read_jsonl, write_jsonl

    new = evaluations("new", SKILL)
    files = {name: (new.path / name).read_bytes() for name in new.manifest.files}
    name = "samples/model/word_order-th.jsonl.zst"
    rows = [row for _, row in read_jsonl(new.path / name)]
    rows[3]["sample"]["references"] = ["another text"]  # type: ignore[index, call-overload]
    write_jsonl(tmp_path / "x.jsonl.zst", rows)
    other = make_artifact(tmp_path / "other", "evaluation", {**files, name: (tmp_path / "x.jsonl.zst").read_bytes()})
    with pytest.raises(DataError, match="s003"):
        compared(tmp_path / "c", [new, other])
