"""Every task, in every language it has items in: it renders, perfect answers score best and empty ones worst."""

from __future__ import annotations

import pytest

from lontar.core.records import Message
from lontar.eval.extremes import nothing, perfect
from lontar.eval.samples import available, make_samples
from lontar.eval.scores import Row, Rules, total
from lontar.eval.task import Task, all_tasks, find_suite, find_task
from lontar.scoring import Prediction, Sample, Sure

LIMIT = 12
PAIRS = [(task, lang) for task in all_tasks() for lang in available(task, None)]


def ids(value: object) -> str:
    return value.name if isinstance(value, Task) else str(value)


def test_the_packaged_tasks_are_there() -> None:
    assert {"bits_per_byte", "word_order", "continue_in_language"} <= {task.name for task in all_tasks()}
    assert set(find_suite("smoke").tasks) == {"bits_per_byte", "word_order", "continue_in_language"}
    assert all(find_task(name) for name in find_suite("smoke").tasks)


@pytest.mark.parametrize("task", all_tasks(), ids=ids)
def test_it_tells_what_it_measures(task: Task) -> None:
    assert task.description.endswith((".", "?")) and task.unit
    assert task.folder.name == task.competency, "a task stands in the folder of its competency"
    assert Task.model_validate(task.model_dump(mode="json")).digest == task.digest
    assert task.output != "choices" or task.chance is not None


@pytest.mark.parametrize(("task", "lang"), PAIRS, ids=ids)
def test_it_renders(task: Task, lang: str) -> None:
    samples = make_samples(task, lang, limit=LIMIT)
    assert samples and make_samples(task, lang, limit=LIMIT) == samples
    for sample in samples:
        assert sample.lang == lang and sample.group
        assert Sample.model_validate_json(sample.model_dump_json()) == sample
        for turn in sample.turns:
            texts = [turn] if isinstance(turn, str) else [m.content for m in turn if isinstance(m, Message)]
            assert all("{" not in text for text in texts), "no field is left open"
        if task.output == "likelihood":
            assert sample.references[0].strip()


def scored(task: Task, lang: str, predictions: list[tuple[Sample, Prediction]]) -> float:
    rules = Rules.of(task, lang)
    rows: list[Row] = [rules.score(sample, prediction) for sample, prediction in predictions]
    value = total(rules, rows, Sure(resamples=100)).value
    assert value is not None
    return value


@pytest.mark.parametrize(("task", "lang"), PAIRS, ids=ids)
def test_perfect_and_empty_answers(task: Task, lang: str) -> None:
    samples = make_samples(task, lang, limit=LIMIT)
    best = scored(task, lang, [(sample, perfect(task, sample)) for sample in samples])
    assert best == pytest.approx({"share": 1.0, "bits/byte": 0.0}.get(task.unit, best))
    empty = [(sample, answer) for sample in samples if (answer := nothing(task, sample)) is not None]
    if not empty:
        assert task.output == "likelihood"
        return
    worst = scored(task, lang, empty)
    assert worst == 0.0
    assert worst < best if task.better == "higher" else worst > best
