"""`lontar eval compare`: the same questions, differences, verdicts, ranks, flips."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lontar.cli.commands import click_command
from lontar.core.artifact import Evaluation
from lontar.core.command import Command
from lontar.core.shards import read_jsonl, write_jsonl
from lontar.errors import ConfigError, DataError
from lontar.eval.compare import Compared, Comparison, compare
from lontar.eval.compare_commands import compare as command
from lontar.eval.compare_flips import one_line, tail
from lontar.eval.compare_sides import LeftOut, opened
from lontar.eval.config import EvalConfig
from lontar.eval.rows import Row
from lontar.scoring import Likelihood, Prediction, RowScore, Sample, Sure
from tests.conftest import made
from tests.unit.eval.conftest import Named, make_model

Answers = dict[tuple[str, str], list[Row]]
Make = Callable[..., Evaluation]


def row(i: int, value: float | None, *, run: int = 0, lang: str = "id", **more: Any) -> Row:
    sample = {"turns": (f"Soal {i}?",), "references": ("ya",), "group": f"g{i}", **more.pop("sample", {})}
    return Row(
        sample=Sample(id=f"q{i:04d}", lang=lang, **sample),
        run=run,
        prediction=Prediction(texts=("ya" if value else "tidak",), answer="ya" if value else None, tokens_out=4 + run),
        score=RowScore(value=value),
        **more,
    )


def rows(values: Sequence[float | None], **more: Any) -> list[Row]:
    return [row(i, value, **more) for i, value in enumerate(values)]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """An evaluation from the rows of each task and language."""

    def build(name: str, answers: Answers, baseline: Answers | None = None, **facts: Any) -> Evaluation:
        scratch = tmp_path / f".{name}"
        for side, listed in (("model", answers), ("baseline", baseline or {})):
            for (task, lang), found in listed.items():
                dumped = [each.model_dump(mode="json", exclude_defaults=True) for each in found]
                write_jsonl(scratch / "samples" / side / f"{task}-{lang}.jsonl.zst", dumped)
        scores = [
            {"task": task, "lang": lang, "version": 1, "unit": "share", "better": "higher", "aggregate": "mean"}
            | ({"baseline": {"n": 1}} if baseline else {})
            | facts.get(task, {})
            for task, lang in answers
        ]
        payload = {p.relative_to(scratch).as_posix(): p.read_bytes() for p in scratch.rglob("*.zst")}
        payload["scores.json"] = json.dumps({"confidence": 0.95, "rows": scores}).encode()
        made(tmp_path / name, "evaluation", payload)
        return Evaluation.open(tmp_path / name)

    return build


def found(*evaluations: Evaluation, resamples: int = 400) -> Compared:
    return compare(opened(evaluations), Sure(resamples=resamples))


def one(*evaluations: Evaluation) -> Comparison:
    listed = found(*evaluations).rows
    assert len(listed) == 1
    return listed[0]


KEY = ("sea-helm/sentiment", "id")


def test_a_winner_beyond_the_noise(make: Make) -> None:
    a, b = make("a", {KEY: rows([1, 0, 0, 0] * 25)}), make("b", {KEY: rows([1, 1, 1, 0] * 25)})
    comparison = one(a, b)
    assert comparison.verdict == "second better" and comparison.needed is None
    assert comparison.difference.value == pytest.approx(0.5) and comparison.difference.low > 0.3  # type: ignore[operator]
    assert comparison.mcnemar is not None and (comparison.mcnemar.b, comparison.mcnemar.c) == (50, 0)
    assert (comparison.flips.for_first, comparison.flips.for_second) == (0, 50)
    assert (comparison.n, comparison.groups, comparison.left_out) == (100, 100, LeftOut())
    assert comparison.figures[1].cost.tokens_out == 4 and comparison.figures[1].cost.seconds is None
    assert one(b, a).verdict == "first better"


def test_lower_may_be_better(make: Make) -> None:
    low, high = ([value + i % 5 / 10 for i in range(40)] for value in (1.0, 2.0))
    facts = {"bits": {"better": "lower", "unit": "bits/byte"}}
    a, b = (make(name, {("bits", "id"): rows(v)}, **facts) for name, v in (("a", low), ("b", high)))
    comparison = one(a, b)
    assert comparison.verdict == "first better" and comparison.mcnemar is None
    assert (comparison.flips.for_first, comparison.flips.for_second) == (40, 0)


def test_noise_has_no_winner_and_says_what_would_show_one(make: Make) -> None:
    a, b = make("a", {KEY: rows([1, 0] * 50)}), make("b", {KEY: rows([1, 0] * 48 + [1, 1] * 2)})
    comparison = one(a, b)
    assert comparison.verdict == "no difference shown"
    assert comparison.needed is not None and comparison.needed > 100
    same = one(a, make("same", {KEY: rows([1, 0] * 50)}))
    assert (same.verdict, same.needed, same.corrected) == ("no difference shown", None, 1.0)
    few = one(make("few", {KEY: rows([1] * 5)}), make("none", {KEY: rows([0] * 5)}))
    assert (few.verdict, few.corrected, few.difference.low) == (None, None, None)


def test_equal_models_rarely_get_a_winner_in_a_large_family(make: Make) -> None:
    rng = np.random.default_rng(7)
    keys = [(f"t{i}", "id") for i in range(40)]
    a, b = (make(name, {key: rows(list(rng.integers(0, 2, 60).astype(float))) for key in keys}) for name in "ab")
    compared = found(a, b)
    assert compared.resamples >= 40 / 0.05, "enough to show something in 40 rows"
    assert sum(each.difference.p < 0.05 for each in compared.rows) >= 1  # type: ignore[operator]
    assert {each.verdict for each in compared.rows} == {"no difference shown"}


def test_only_the_same_questions_count(make: Make) -> None:
    theirs = rows([1] * 30)
    theirs[3] = row(3, 1, sample={"turns": ("Soal lain?",)})
    theirs[4] = row(4, 1, sample={"references": ("tidak",)})
    theirs[5] = row(5, None).model_copy(update={"score": None, "failed": "timeout"})
    comparison = one(make("a", {KEY: rows([0] * 29)}), make("b", {KEY: theirs}))
    assert comparison.left_out == LeftOut(missing=1, differently=2, failed=1) and comparison.n == 26


def test_runs_are_no_new_questions(make: Make) -> None:
    rng = np.random.default_rng(3)
    base = [float(v) for v in rng.integers(0, 2, 40)]
    better = [max(v, float(i % 6 == 0)) for i, v in enumerate(base)]
    single = one(make("a", {KEY: rows(base)}), make("b", {KEY: rows(better)}))
    thrice = [rows(better, run=run) for run in range(3)]
    repeated = one(make("c", {KEY: rows(base)}), make("d", {KEY: [r for listed in thrice for r in listed]}))
    assert repeated.difference == single.difference, "an answer given three times is as sure as given once"
    assert repeated.mcnemar is None and repeated.sign_flip is not None and single.sign_flip is None
    assert [figure.runs for figure in repeated.figures] == [1, 3] and repeated.figures[1].run_spread == 0
    assert repeated.figures[1].share_of_runs == 0 and repeated.figures[0].share_of_runs is None
    lost = [r for listed in thrice for r in listed]
    lost[0] = lost[0].model_copy(update={"score": None, "failed": "timeout"})
    assert one(make("e", {KEY: [r for x in thrice for r in x]}), make("f", {KEY: lost})).left_out.failed == 1


def test_questions_of_one_text_stand_together(make: Make) -> None:
    def of(values: list[float]) -> list[Row]:
        return [row(i, v, sample={"group": f"text{i // 10}"}) for i, v in enumerate(values)]

    comparison = one(make("a", {KEY: of([0] * 50)}), make("b", {KEY: of([1] * 50)}))
    assert (comparison.n, comparison.groups, comparison.verdict) == (50, 5, None)
    assert comparison.mcnemar is None and comparison.sign_flip == 2 / 2**5


def test_versions_and_scorers_that_differ(make: Make) -> None:
    answers = {("t", "id"): rows([1] * 9), ("u", "id"): rows([1] * 9)}
    a = make("a", answers, t={"version": 1}, u={"scorer": "f1"})
    b = make("b", {**answers, ("v", "th"): rows([1] * 9)}, t={"version": 2}, u={"scorer": "exact"})
    compared = found(a, b)
    assert [each.task for each in compared.rows] == ["u"]
    assert compared.notes == (
        "only some were asked: v.th",
        "t: version 1 in a, 2 in b; another version is another task, not compared",
        "u: not the same scorer everywhere, which may make the difference",
    )
    with pytest.raises(DataError, match="no task in any language"):
        found(a, make("c", {("w", "id"): rows([1] * 9)}))
    with pytest.raises(ConfigError, match="nothing to compare"):
        opened([a])
    official = opened([a, b])
    assert (
        "not the same `compat` everywhere"
        in compare([official[0], replace(official[1], top={"compat": "official"})], Sure()).notes[-1]
    )
    unknown = {"t": {"aggregate": "of_a_plugin"}}
    d, e = (make(name, {("t", "id"): rows([1] * 9)}, **unknown) for name in "de")
    assert found(d, e).rows == () and "of_a_plugin" in found(d, e).notes[0]


def test_a_baseline_is_a_side(make: Make) -> None:
    comparison = one(make("a", {KEY: rows([1] * 20)}, {KEY: rows([0, 0, 0, 1] * 5)}))
    assert (comparison.first, comparison.second, comparison.verdict) == ("baseline", "model", "second better")


def test_ranks_of_three(make: Make) -> None:
    def answers(skill: int) -> Answers:
        listed = {(t, lang): rows([float(i % 10 < skill) for i in range(60)]) for t in "tu" for lang in ("id", "th")}
        return {**listed, ("bits", "id"): rows([2.0 - skill / 10 + i % 3 for i in range(60)])}

    facts = {"bits": {"better": "lower", "unit": "bits/byte"}}
    compared = found(*(make(n, answers(s), **facts) for n, s in (("weak", 2), ("strong", 9), ("weak2", 2))))
    assert len(compared.rows) == 10
    by_name = {standing.name: standing for standing in compared.standings}
    assert by_name["t"].ranks == ((2, 3), (1, 1), (2, 3)) and by_name["t"].over == ("id", "th")
    assert by_name["bits"].ranks == ((2, 3), (1, 1), (2, 3))
    assert [(s.name, s.over, s.ranks) for s in compared.overall] == [("share", ("t", "u"), ((2, 3), (1, 1), (2, 3)))]
    assert compared.overall[0].figures[1].value == pytest.approx(0.9)
    duel = by_name["t"].duels[0]
    assert (duel.first, duel.second, duel.winner) == (0, 1, 1)
    width = lambda spread: spread.high - spread.low  # noqa: E731
    ratio = width(compared.overall[0].figures[1]) / width(by_name["t"].figures[1])
    assert ratio == pytest.approx(0.5**0.5, abs=0.12), "two tasks are surer than one: they are drawn on their own"


def test_flips_show_what_was_said(make: Make) -> None:
    long = "ប្រ" * 3000
    ours = [*rows([1, 0, 1]), row(3, 1, sample={"turns": (long,)})]
    theirs = [*rows([1, 1, None]), row(3, 0, sample={"turns": (long,)})]
    flips = found(make("a", {KEY: ours}), make("b", {KEY: theirs})).flips
    assert [(flip.id, flip.scores) for flip in flips] == [("q0001", (0, 1)), ("q0002", (1, None)), ("q0003", (1, 0))]
    assert (flips[0].prompt, flips[0].reference, flips[0].answers) == ("Soal 1?", "ya", ("tidak", "ya"))
    assert flips[2].prompt.startswith("…ប្រ") and len(flips[2].prompt) < 330
    assert one_line("a\x1b[2J\nb\u202ec", 20) == "a [2J b c" and tail("abc", 3) == "abc"


def test_choices_are_named(make: Make) -> None:
    def of(right: bool) -> list[Row]:
        sample = {"choices": ("satu", "dua"), "facts": {"answer": 1}}
        likely = tuple(Likelihood(logprob=p, n_tokens=1) for p in ((-2, -1) if right else (-1, -2)))
        made_row = row(0, float(right), sample=sample)
        return [made_row.model_copy(update={"prediction": Prediction(likelihoods=likely)})]

    (flip,) = found(make("a", {KEY: of(False)}), make("b", {KEY: of(True)})).flips
    assert (flip.answers, flip.reference) == (("satu", "dua"), "dua")


# --- the command


def printed(*arguments: str) -> str:
    from click.testing import CliRunner

    result = CliRunner().invoke(click_command(Command("eval.compare", command)), arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command(make: Make, tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    keys = [KEY, ("sea-helm/sentiment", "th"), ("sea-helm/qa", "id")]
    a, b, c = (make(n, {key: rows(list(rng.integers(0, 2, 80).astype(float))) for key in keys}) for n in "abc")
    text = printed(str(a.path), str(b.path), str(c.path), "--flips", str(tmp_path / "flips.jsonl"), "--limit", "3")
    assert "A = a, B = b" in text and "A = a, C = c" in text and "1-3" in text
    assert "more questions would separate them" in text and "none shown" in text
    tables = text[: text.index("sea-helm/qa.id, a and")].splitlines()
    assert max(len(line.rstrip()) for line in tables) <= 100
    written = [line for _, line in read_jsonl(tmp_path / "flips.jsonl")]
    value = json.loads(printed(str(a.path), str(b.path), str(c.path), "--json"))
    assert written == value["flips"] and len(value["rows"]) == 6 and value["names"] == ["a", "b", "c"]
    assert {"p", "low", "high", "value", "error"} == set(value["rows"][0]["difference"])
    with pytest.raises(ConfigError, match="confidence"):
        command((a.path, b.path), confidence=2.0)


def test_notes_in_plain_words(make: Make) -> None:
    many = [r for run in range(3) for r in rows([float((i + run) % 2) for i in range(40)], run=run)]
    theirs = rows([1, 0] * 20)
    theirs[2] = row(2, 1, sample={"turns": ("Lain?",)})
    report = command((make("a", {KEY: many}).path, make("b", {KEY: theirs}).path))
    notes = "\n".join(report.notes)
    assert "sea-helm/sentiment.id: asked differently: 1" in notes
    assert "a: 100% of the uncertainty of its scores (median of rows) comes from runs" in notes
    assert "more runs would help" in notes and "sea-helm/sentiment.id: no difference shown " in notes
    same = command((make("c", {KEY: rows([1, 0] * 20)}).path, make("d", {KEY: rows([1, 0] * 20)}).path))
    assert "no difference to separate" in same.notes[0] and "corrected for 1 row " in same.notes[-1]
    few = command((make("e", {KEY: rows([1] * 3)}).path, make("f", {KEY: rows([0] * 3)}).path))
    assert "too few independent questions to tell: 3 of at least 6" in few.notes[0]


def test_what_eval_run_writes_can_be_compared(tmp_path: Path) -> None:
    from lontar.eval import stages

    settings = {"backend": "echo", "languages": ["th", "id"], "bootstraps": 100}
    listed = [
        stages.run(
            tmp_path / f"scores-{n}",
            make_model(tmp_path / n, config=Named(name=n)),
            config=EvalConfig.model_validate(settings),
        )
        for n in "ab"
    ]
    compared = found(*listed)
    assert len(compared.rows) == 6 and compared.notes == () and compared.flips == ()
    assert {(r.verdict, r.difference.value) for r in compared.rows} == {("no difference shown", 0.0)}
