"""Tasks of mixed and informal chat, and the example of a user's own task that the documentation shows."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from lontar.core.artifact import Model
from lontar.core.records import Message
from lontar.errors import LontarError
from lontar.eval.config import EvalConfig
from lontar.eval.samples import available, make_samples
from lontar.eval.scores import Rules, total
from lontar.eval.stages import run
from lontar.eval.task import Task, find_suite, find_task, load_task
from lontar.scoring import Prediction, Sample, Sure
from tests.unit.eval.conftest import read_scores

ALL = ["en", "id", "jv", "km", "lo", "ms", "my", "su", "ta", "th", "tl", "vi", "zh"]
DOCS = Path(__file__).parents[3] / "docs" / "how-to"
EXAMPLE = DOCS / "own-task"
INTENT = find_task("mixed_intent")
NORMALIZE = find_task("mixed_normalize")
REPLY = find_task("mixed_reply_language")


def prompt(sample: Sample) -> str:
    (turn,) = sample.turns
    assert isinstance(turn, tuple)
    (message,) = turn
    assert isinstance(message, Message)
    return message.content


def value(task: Task, lang: str, answers: list[tuple[Sample, str]]) -> float:
    rules = Rules.of(task, lang)
    rows = [rules.score(sample, Prediction(texts=(text,))) for sample, text in answers]
    found = total(rules, rows, Sure(resamples=100)).value
    assert found is not None
    return found


def test_the_suite_has_the_three_tasks() -> None:
    assert set(find_suite("mixed").tasks) == {"mixed_intent", "mixed_normalize", "mixed_reply_language"}
    assert available(INTENT, None) == available(REPLY, None) == ALL
    assert available(NORMALIZE, None) == ["id", "ms", "th", "tl", "vi"]


@pytest.mark.parametrize("lang", ALL)
def test_choices_are_balanced_and_those_of_the_topic(lang: str) -> None:
    samples = make_samples(INTENT, lang)
    assert len(samples) == 24
    assert Counter(sample.references[0] for sample in samples) == dict.fromkeys("ABCD", 6)
    right = defaultdict(list)
    for sample in samples:
        choices = [str(sample.facts[letter]) for letter in "abcd"]
        assert len(set(choices)) == 4
        right[tuple(sorted(choices))].append(str(sample.facts[sample.references[0].lower()]))
        assert str(sample.facts["answer_tag"]).rstrip(":：") in prompt(sample), "the tag that is read is asked for"
        assert all(choice in prompt(sample) for choice in choices)
    assert len(right) == 6
    assert all(sorted(answers) == list(choices) for choices, answers in right.items())
    assert len({str(sample.facts["message"]) for sample in samples}) == 24


@pytest.mark.parametrize("lang", ALL)
def test_answers_are_read_with_their_reasons_and_guessing_scores_nothing(lang: str) -> None:
    samples = make_samples(INTENT, lang)
    told = [(s, f"A? B? C.\n\n**{s.facts['answer_tag']}** ({s.references[0]})") for s in samples]
    assert value(INTENT, lang, told) == pytest.approx(100.0)
    assert value(INTENT, lang, [(s, "A") for s in samples]) == pytest.approx(0.0)
    assert value(INTENT, lang, [(s, "A, B, C, D") for s in samples]) == 0.0


@pytest.mark.parametrize("lang", ALL)
def test_a_reply_counts_in_the_language_of_its_message_alone(lang: str) -> None:
    samples = make_samples(REPLY, lang)
    assert len(samples) == 12
    assert value(REPLY, lang, [(s, s.references[0]) for s in samples]) > 95
    english = "You could go for a walk by the sea and then cook something together at home with your friends."
    thought = f"<think>{english}</think>"
    assert value(REPLY, lang, [(s, thought + s.references[0]) for s in samples]) > 95
    if lang != "en":
        assert value(REPLY, lang, [(s, english) for s in samples]) < 5
    else:
        malay = "Awak boleh berjalan-jalan di taman, kemudian memasak bersama kawan-kawan di rumah."
        assert value(REPLY, lang, [(s, malay) for s in samples]) < 5


@pytest.mark.parametrize("lang", ["id", "ms", "th", "tl", "vi"])
def test_copying_an_informal_message_is_far_from_its_standard_form(lang: str) -> None:
    samples = make_samples(NORMALIZE, lang)
    assert len(samples) == 16
    for number in (0, -1):
        assert value(NORMALIZE, lang, [(s, s.references[number]) for s in samples]) == pytest.approx(100.0)
    assert value(NORMALIZE, lang, [(s, str(s.facts["message"])) for s in samples]) < 50
    assert all(str(s.facts["message"]) in prompt(s) and len(s.references) in (1, 2) for s in samples)


def test_no_text_is_used_twice_within_a_language() -> None:
    for lang in ALL:
        tasks = [task for task in (INTENT, NORMALIZE, REPLY) if lang in available(task, None)]
        texts = [str(s.facts["message"]) for task in tasks for s in make_samples(task, lang)]
        assert len(texts) == len(set(texts))
        assert all(text == text.strip() and "\n" not in text for text in texts)


def test_the_documented_task_runs(models: tuple[Model, Model], tmp_path: Path) -> None:
    config = EvalConfig(tasks=(f"{EXAMPLE}/",), backend="echo", bootstraps=100)
    scores = read_scores(run(tmp_path / "scores", config=config, model=models[0]).path)
    assert [(row["task"], row["lang"], row["n"]) for row in scores["rows"]] == [
        ("market", "en", 3),
        ("market", "id", 3),
    ]


@pytest.mark.parametrize("lang", ["en", "id"])
def test_the_documented_task_can_be_solved(lang: str) -> None:
    task = load_task(EXAMPLE / "market.yaml")
    samples = make_samples(task, lang)
    told = [(sample, f"{sample.facts['answer_tag']} {sample.references[0]}") for sample in samples]
    assert value(task, lang, told) == pytest.approx(100.0)


def test_the_page_shows_the_files_that_are_there() -> None:
    page = (DOCS / "own-tasks.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(?:yaml|json)\n(.*?)```", page, re.DOTALL)
    assert (EXAMPLE / "market.yaml").read_text(encoding="utf-8") in blocks
    assert any(block == (EXAMPLE / "market.id.jsonl").read_text(encoding="utf-8") for block in blocks)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("market.yaml", "scorer: label_match", "scorer: labels_match"),
        ("market.yaml", "{question}", "{text_of_question}"),
        ("market.id.jsonl", '"id-2"', '"id-1"'),
    ],
)
def test_the_page_shows_the_errors_that_come(file: str, old: str, new: str, tmp_path: Path) -> None:
    folder = tmp_path / "own-task"
    folder.mkdir()
    for path in EXAMPLE.iterdir():
        text = path.read_text(encoding="utf-8")
        (folder / path.name).write_text(text.replace(old, new) if path.name == file else text, encoding="utf-8")
    with pytest.raises(LontarError) as caught:
        task = load_task(folder / "market.yaml")
        for lang in available(task, None):
            make_samples(task, lang, limit=3)
    page = (DOCS / "own-tasks.md").read_text(encoding="utf-8")
    assert caught.value.message.replace(f"{tmp_path}/", "") in page
