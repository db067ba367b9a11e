"""`eval.rescore`: the same scores under the same rules, other ones under others, without model and without pack."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lontar.core.artifact import Evaluation, Model, TaskPack
from lontar.errors import DataError
from lontar.eval import rescore_stages, stages
from lontar.eval.compare import compare
from lontar.eval.compare_sides import opened
from lontar.eval.rescore_stages import RescoreConfig, rescore
from lontar.scoring import Sure
from lontar.scoring.families import Rule
from tests.unit.eval.conftest import Named, make_model, read_scores
from tests.unit.eval.test_pack_run import config, model, mouth, pack, rows  # noqa: F401 - fixtures

Say = Callable[..., Any]


def answers(name: str, text: str, sampling: Any) -> Any:
    if "Day 3" in text and name == "model":
        return DataError("too long")
    return "So: dull" if "Day 0" in text else "It is fine"


@pytest.fixture
def run(tmp_path: Path, pack: TaskPack, model: Model, mouth: Any) -> Evaluation:  # noqa: F811
    mouth.answer = staticmethod(answers)
    base = make_model(tmp_path / "baseline", config=Named(name="baseline"))
    return stages.run(tmp_path / "s", model, base, None, pack, config=config("feeling", runs=2, languages=["id"]))


def again(run: Evaluation, out: Path, **more: Any) -> Evaluation:
    return rescore.using(allow_incomplete=True)(out, run, config=RescoreConfig.model_validate(more))


@pytest.mark.parametrize("rules", ["current", "stored"])
def test_the_same_rules_give_the_same(tmp_path: Path, run: Evaluation, mouth: Any, rules: str) -> None:  # noqa: F811
    shutil.rmtree(tmp_path / "pack")
    shutil.rmtree(tmp_path / "model")
    mouth.asked = []
    found = again(run, tmp_path / "r", rules=rules)
    before, after = read_scores(run.path), read_scores(found.path)
    assert after.pop("rescored") == {"from": run.digest, "changes": []}
    assert after == before and mouth.asked == []
    for side in ("model", "baseline"):
        assert rows(found, "feeling", side) == rows(run, "feeling", side)
    for file in ("compat.json", "official.json", "tasks.json"):
        assert (found.path / file).read_bytes() == (run.path / file).read_bytes()
    assert found.manifest.failures == run.manifest.failures and len(found.manifest.failures) == 2


def test_another_answer_rule_gives_other_scores(
    tmp_path: Path, run: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = rescore_stages.rule_of

    def other(family: str) -> Rule:
        found = rule(family)
        return Rule("whole", "exact_match", "percent", found.note)

    monkeypatch.setattr(rescore_stages, "rule_of", other)
    found = again(run, tmp_path / "r")
    before, after = read_scores(run.path), read_scores(found.path)
    (change,) = after["rescored"]["changes"]
    assert (change["task"], change["lang"]) == ("sea-helm/feeling", "id")
    assert change["before"] == before["rows"][0]["value"] and change["after"] == after["rows"][0]["value"] == 0
    same = again(run, tmp_path / "stored", rules="stored")
    assert read_scores(same.path)["rescored"]["changes"] == []


def test_official_scores_can_be_chosen_later(tmp_path: Path, run: Evaluation) -> None:
    found = again(run, tmp_path / "r", compat="official")
    scores = read_scores(found.path)
    assert scores["compat"] == "official"
    assert scores["rows"][0]["value"] == scores["rows"][0]["compat"]["value"]
    back = again(found, tmp_path / "b", compat="none")
    assert read_scores(back.path)["rows"] == read_scores(run.path)["rows"]


def test_it_can_be_compared_with_the_original(tmp_path: Path, run: Evaluation) -> None:
    found = compare(opened([run, again(run, tmp_path / "r")]), Sure(0.95, 100, 0))
    (row,) = found.rows
    assert row.difference is not None and row.difference.value == 0


def test_own_tasks_are_scored_again(tmp_path: Path) -> None:
    owner = make_model(tmp_path / "m", config=Named(name="m"))
    settings = stages.EvalConfig(tasks=("word_order",), languages=("th",), backend="echo", bootstraps=100)
    first = stages.run(tmp_path / "s", owner, config=settings)
    found = again(first, tmp_path / "r")
    after = read_scores(found.path)
    after.pop("rescored")
    assert after == read_scores(first.path)


def test_a_task_that_asks_for_something_else_by_now_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = make_model(tmp_path / "m", config=Named(name="m"))
    settings = stages.EvalConfig(tasks=("word_order",), languages=("th",), backend="echo", bootstraps=100)
    first = stages.run(tmp_path / "s", owner, config=settings)
    task = rescore_stages.find_task("word_order")
    changed = task.model_copy(update={"output": "text", "scorer": "exact_match"})
    monkeypatch.setattr(rescore_stages, "find_task", lambda name: changed)
    assert read_scores(again(first, tmp_path / "r").path)["rescored"]["changes"] == []


def test_an_evaluation_without_definitions(tmp_path: Path, run: Evaluation) -> None:
    (run.path / "tasks.json").unlink()
    with pytest.raises(DataError, match=r"tasks\.json: not there"):
        rescore_stages.tasks_of(run, "current")
    (run.path / "tasks.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"tasks\.json"):
        rescore_stages.tasks_of(run, "current")
    (run.path / "tasks.json").write_text(json.dumps({"parts": [{"task": {}}]}), encoding="utf-8")
    with pytest.raises(DataError, match=r"tasks\.json"):
        rescore_stages.tasks_of(run, "current")
