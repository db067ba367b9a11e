from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lontar.core.artifact import Evaluation
from lontar.core.config import Config
from lontar.core.job import Job
from lontar.core.recipe import gates
from lontar.core.shards import write_json
from lontar.core.stage import stage
from lontar.errors import ConfigError
from lontar.eval.render import score_rows
from lontar.eval.scores import verdict
from lontar.eval.task import find_task
from lontar.scoring import Difference


class Rows(Config):
    rows: list[dict[str, Any]]


@stage("test.evaluation", out=Evaluation, version=1)
def make(job: Job, *, config: Rows) -> None:
    """An evaluation with given rows."""
    write_json(job.dir / "scores.json", {"rows": config.rows})  # type: ignore[dict-item]


def row(
    task: str, lang: str, value: float, difference: tuple[float, float] | None, better: str = "lower"
) -> dict[str, Any]:
    base, found = None, None
    if difference is not None:
        low, high = difference
        nothing = {"low": None, "high": None, "nulls": 0, "failed": 0, "bounds": None}
        base = {"value": value - (low + high) / 2, **nothing}
        found = {"value": (low + high) / 2, "low": low, "high": high, "p": 0.01}
    figures = {"low": value - 0.1, "high": value + 0.1, "n": 20, "nulls": 1, "failed": 0, "bounds": None}
    about = {"task": task, "lang": lang, "better": better, "unit": "bits/byte", "chance": None}
    return {**about, **figures, "value": value, "baseline": base, "difference": found, "verdict": None}


@pytest.fixture
def evaluation(tmp_path: Path) -> Evaluation:
    rows = [
        row("bits_per_byte", "en", 1.2, (0.01, 0.05)),
        row("bits_per_byte", "id", 1.2, (-0.2, 0.1)),
        row("bits_per_byte", "th", 1.0, (-0.5, -0.3)),
        row("word_order", "th", 0.7, (-0.3, -0.1), "higher"),
        row("word_order", "lo", 0.7, None, "higher"),
    ]
    return make(tmp_path / "e", config=Rows(rows=rows))


def held(evaluation: Evaluation, spec: Any) -> list[str]:
    found = gates.use(spec)(evaluation)
    assert isinstance(found, list)
    return found


def test_no_regression_fails_only_on_what_the_interval_shows(evaluation: Evaluation) -> None:
    assert held(evaluation, {"no_regression": ["id", "th"]}) == []
    (problem,) = held(evaluation, {"no_regression": ["en", "id", "th"]})
    assert problem == "bits_per_byte.en: 1.17 became 1.2 bits/byte (difference +0.01 to +0.05; allowed 0)"
    assert held(evaluation, {"no_regression": {"languages": ["en"], "margin": 0.02}}) == []
    assert len(held(evaluation, "no_regression")) == 1, "without languages all of them"
    (worse,) = held(evaluation, {"no_regression": {"languages": ["th"], "tasks": ["word_order"]}})
    assert worse.startswith("word_order.th"), "higher is better there"


def test_what_was_not_evaluated_does_not_pass(evaluation: Evaluation) -> None:
    assert held(evaluation, {"no_regression": ["my"]}) == ["bits_per_byte.my: not evaluated"]
    assert held(evaluation, {"no_regression": {"tasks": ["nothing"]}}) == ["nothing: not evaluated"]
    (problem,) = held(evaluation, {"no_regression": {"languages": ["lo"], "tasks": ["word_order"]}})
    assert "no baseline" in problem
    assert held(evaluation, {"at_least": {"bars": {"x": 1}}}) == ["x: not evaluated"]


def test_at_least(evaluation: Evaluation) -> None:
    assert held(evaluation, {"at_least": {"bars": {"word_order": 0.7, "bits_per_byte.th": 1.0}}}) == []
    assert held(evaluation, {"at_least": {"bars": {"word_order.th": 0.8, "bits_per_byte.th": 0.9}}}) == [
        "bits_per_byte.th: 1 is above 0.9",
        "word_order.th: 0.7 is below 0.8",
    ]
    assert len(held(evaluation, {"at_least": {"bars": {"word_order": 0.65}, "use": "sure"}})) == 2


def test_misspelled_settings_have_hints() -> None:
    with pytest.raises(ConfigError, match="margin"):
        gates.use({"no_regression": {"margn": 1}})


def test_verdicts() -> None:
    lower, higher = find_task("bits_per_byte"), find_task("word_order")
    down, up, around = (Difference(0.0, low, high, 0.01) for low, high in ((-2, -1), (1, 2), (-1, 1)))
    assert [verdict(lower, d) for d in (down, up, around)] == ["better", "worse", "no difference shown"]
    assert [verdict(higher, d) for d in (down, up, around)] == ["worse", "better", "no difference shown"]
    assert verdict(lower, Difference(5.0, None, None, None)) == "no difference shown", "too few groups to tell"
    assert verdict(lower, Difference(0.0, 0.0, 0.0, 1.0)) == "no difference shown"


def test_the_table(evaluation: Evaluation) -> None:
    columns, rows = score_rows(evaluation)
    assert columns == ("task", "language", "unit", "n", "chance", "baseline", "model", "difference", "p", "shown")
    assert all(len(r) == len(columns) for r in rows)
    english, *_, lao, _ = rows
    assert english[5:9] == ("1.170", "1.200 [1.100, 1.300]", "+0.030 [+0.010, +0.050]", "0.010")
    assert english[2] == "bits/byte ↓" and "nulls 1" in english[-1]
    assert lao[5] == lao[7] == "–"
