"""`eval.run` on a small task pack of our own, end to end with a model that a test puts words into the mouth of."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

from lontar import backends
from lontar.backends import Prompt, register_backend
from lontar.backends.base import Delta, ModelIdentity, Sampling, TokenScores, Usage, prompt_text
from lontar.backends.drive import Policy
from lontar.cli.main import run as lontar
from lontar.core.artifact import Evaluation, Model, TaskPack
from lontar.core.manifest import sha256_bytes
from lontar.errors import BackendError, ConfigError, DataError, LontarError, MissingExtraError, UnavailableError
from lontar.eval import answering, stages
from lontar.eval.config import EvalConfig
from lontar.eval.import_stages import ImportConfig, import_
from lontar.eval.rows import Row, read_rows, rows_file
from lontar.eval.sea_helm.pack import Pack
from lontar.eval.sea_helm.tasks import PackTasks, _unique
from tests.unit.eval.conftest import Named, make_model, read_scores
from tests.unit.eval.official_files import FEELING, data_folder, feeling, specification, write_lines
from tests.unit.eval.test_voice import no_sleep, scores_of

SUITE = "sea-helm"


class Mouth:
    """Says what `answer` makes of the prompt; every test sets its own."""

    answer: ClassVar[Callable[..., Any]]
    asked: ClassVar[list[tuple[str, Any, Sampling]]] = []

    def __init__(self, target: str | Path = "") -> None:
        self.name = Path(target).name

    async def stream(self, prompt: Prompt, sampling: Sampling, /) -> AsyncIterator[Delta]:
        Mouth.asked.append((self.name, prompt, sampling))
        said = Mouth.answer(self.name, prompt_text(prompt), sampling)
        if isinstance(said, BaseException):
            raise said
        if isinstance(said, str):
            yield Delta(said, finish_reason="stop", usage=Usage(5, 2))
            return
        for piece in said:
            yield piece if isinstance(piece, Delta) else Delta(piece)

    async def score(self, prompt: Prompt, text: Any, /, *, top: int = 0) -> TokenScores:
        return scores_of(text, -0.1)

    def describe(self) -> ModelIdentity:
        return ModelIdentity(name=self.name, backend="mouth", digest=sha256_bytes(self.name.encode()))

    @classmethod
    def texts(cls, name: str = "model") -> list[str]:
        return [prompt_text(prompt) for owner, prompt, _ in cls.asked if owner == name]


@pytest.fixture(autouse=True)
def mouth(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Mouth]]:
    monkeypatch.setattr(backends, "_BACKENDS", dict(backends._BACKENDS))
    monkeypatch.setattr(answering, "Policy", partial(Policy, sleep=no_sleep))
    register_backend("mouth", Mouth)
    Mouth.asked, Mouth.answer = [], staticmethod(lambda name, text, sampling: "So: dull")
    yield Mouth


JUDGE = {
    "judge_prompts": {
        "system_prompt": "You mark.",
        "criteria_prompt": "Q: {prompt} A: {response} Point: {keyPointText}",
    },
    "judge_generation_kwargs": {"max_tokens": 50, "temperature": 0.0},
}


def judged_rows(n: int = 3) -> list[dict[str, Any]]:
    rows = feeling("id", n)
    return [{**row, "id": f"r{row['id']}", "criteria": [{"criterion": "kind"}, {"criterion": "brief"}]} for row in rows]


@pytest.fixture
def pack(tmp_path: Path) -> TaskPack:
    """The small benchmark with a judged task, one of two turns, and one that counts needles."""
    spec, data = specification(tmp_path / "spec"), data_folder(tmp_path / "data")
    head, _, listed = (spec / "tasks.yaml").read_text(encoding="utf-8").partition("\n")
    tasks = json.loads(listed)
    shared = {"template": "nlu__feeling#0", "languages": ["id"], "max_tokens": 16, "competency": "nlu"}
    tasks.append({**shared, "task": "kindness", "metric": "average_criteria_score", "metric_family": "judge_criteria"})
    tasks[-1]["judge"] = "judges.yaml:kindness"
    tasks.append({**shared, "task": "rain", "metric": "normalized_rougel_f1", "metric_family": "rougeL"})
    (spec / "tasks.yaml").write_text(f"{head}\n{json.dumps(tasks)}", encoding="utf-8")
    (spec / "judges.yaml").write_text(json.dumps({"kindness": JUDGE}), encoding="utf-8")
    write_lines(data / "kindness" / "id.jsonl", judged_rows())
    turns = {"prompts": [{"text": "Rain?"}, {"text": "And now?"}], "label": "It rains."}
    write_lines(data / "rain" / "id.jsonl", [{"id": "t", **turns, "metadata": {}}])
    found = import_(tmp_path / "pack", config=ImportConfig(path=str(spec), data=str(data)))
    return TaskPack.open(found.path)


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return make_model(tmp_path / "model", config=Named(name="model"))


def config(*tasks: str, **more: Any) -> EvalConfig:
    names = [f"{SUITE}/{task}" for task in tasks]
    return EvalConfig.model_validate({"backend": "mouth", "tasks": names, "bootstraps": 100, **more})


def rows(evaluation: Evaluation, task: str, side: str = "model") -> list[Row]:
    return list(read_rows(evaluation.path / rows_file(side, f"{SUITE}/{task}", "id")))


def test_labels_and_official_figures_stand_side_by_side(tmp_path: Path, pack: TaskPack, model: Model) -> None:
    found = stages.run(tmp_path / "s", model, None, None, pack, config=config("feeling"))
    (row,) = read_scores(found.path)["rows"]
    assert (row["n"], row["nulls"], row["failed"]) == (4, 0, 0)
    assert row["value"] == pytest.approx(0.0), "always one label: what guessing gives"
    assert row["compat"]["metric"] == "normalized_accuracy" and len(row["compat"]["runs"]) == 1
    assert [r.prediction.answer for r in rows(found, "feeling") if r.prediction] == ["dull"] * 4
    assert all(r.compat and "scores" in r.compat for r in rows(found, "feeling"))
    totals = json.loads((found.path / "compat.json").read_text(encoding="utf-8"))
    assert totals["runs"][0]["id"]["nlu"]["feeling"]["normalized_accuracy"] == row["compat"]["value"]
    assert [entry["task"] for entry in totals["tasks"]] == ["feeling"] and len(totals["totals"]) == 1


def test_official_scores_may_be_those_that_count(tmp_path: Path, pack: TaskPack, model: Model, mouth: Any) -> None:
    mouth.answer = staticmethod(lambda name, text, s: f"So: {'dull' if 'Day 0' in text or 'Day 2' in text else 'fine'}")
    found = stages.run(tmp_path / "s", model, None, None, pack, config=config("feeling", compat="official"))
    scores = read_scores(found.path)
    (row,) = scores["rows"]
    assert scores["compat"] == "official" and row["value"] == row["compat"]["value"] == 100
    assert row["low"] is None or row["low"] <= 100 <= row["high"] + 1e-9


def test_runs_have_numbers_and_stay_together(tmp_path: Path, pack: TaskPack, model: Model, mouth: Any) -> None:
    mouth.answer = staticmethod(
        lambda name, text, s: [Delta("So: dull", index=i, finish_reason="stop") for i in range(s.n)]
    )
    found = stages.run(tmp_path / "s", model, None, None, pack, config=config("feeling", runs=3))
    assert [(r.sample.id, r.run) for r in rows(found, "feeling")] == [
        (f"{i}", run) for i in range(4) for run in range(3)
    ]
    (row,) = read_scores(found.path)["rows"]
    assert (row["n"], row["groups"], len(row["run_means"]), len(row["compat"]["runs"])) == (12, 4, 3, 3)
    assert [s.n for _, _, s in mouth.asked] == [3] * 4


def test_a_base_model_sees_examples_in_plain_text(tmp_path: Path, pack: TaskPack, model: Model, mouth: Any) -> None:
    mouth.answer = staticmethod(lambda name, text, s: " fine" if text.endswith("So:") else [*"Well. So: dull"])
    found = stages.run(tmp_path / "s", model, None, None, pack, config=config("feeling", base_model=True))
    first = next(prompt for _, prompt, _ in mouth.asked)
    assert isinstance(first, str) and first.endswith("\n\n") and first.count("So:") == 2, "two examples"
    assert {r.prediction.texts for r in rows(found, "feeling") if r.prediction} == {("Well. So: fine",)}
    second = [(p, s) for _, p, s in mouth.asked if p.endswith("So:")]
    assert len(second) == 4 and all(s.max_tokens == 7 and s.stop == ("\n\n",) for _, s in second)
    assert first.rstrip().endswith("Day 0 of rain.")


def test_log_probabilities_of_labels(tmp_path: Path, pack: TaskPack, model: Model, mouth: Any) -> None:
    mouth.answer = staticmethod(lambda name, text, s: "Hm. So: x" if "Day 0" not in text else "never")
    found = stages.run(tmp_path / "s", model, None, None, pack, config=config("feeling-logprobs", runs=4))
    first, *others = rows(found, "feeling-logprobs")
    assert len(others) == 3, "asked once, whatever the number of runs"
    assert first.score and first.score.value is None and "tag was not written" in str(first.score.reason)
    assert all(r.prediction and r.prediction.texts == ("Hm. So:",) and r.prediction.likelihoods for r in others)
    (row,) = read_scores(found.path)["rows"]
    assert row["nulls"] == 1 and any("tag was not written" in reason for reason in row["reasons"])


def test_conversations(tmp_path: Path, pack: TaskPack, model: Model, mouth: Any) -> None:
    mouth.answer = staticmethod(lambda name, text, s: "So: It rains.")
    found = stages.run(tmp_path / "s", model, None, None, pack, config=config("rain"))
    (row,) = rows(found, "rain")
    assert row.prediction and len(row.prediction.texts) == 2
    _, prompt, _ = mouth.asked[1]
    assert [message.role for message in prompt] == ["user", "assistant", "user"]
    assert read_scores(found.path)["rows"][0]["value"] == pytest.approx(100)


# --- judges


def judge_says(text: str) -> Callable[..., Any]:
    def answer(name: str, asked: str, sampling: Sampling) -> Any:
        return text if name == "judge" else "A kind answer."

    return staticmethod(answer)


def test_without_a_judge_the_task_is_skipped_with_a_reason(tmp_path: Path, pack: TaskPack, model: Model) -> None:
    found = stages.run(tmp_path / "s", model, None, None, pack, config=config("feeling", "kindness"))
    assert read_scores(found.path)["skipped"] == [
        {"task": "sea-helm/feeling", "lang": "th", "why": "not here: --hub fetches it"},
        {"task": "sea-helm/kindness", "lang": "id", "why": "it needs a judge: give one with --judge"},
    ]
    with pytest.raises(DataError, match="needs a judge"):
        stages.run(tmp_path / "t", model, None, None, pack, config=config("kindness"))


def test_a_task_whose_judge_is_not_in_the_pack_is_skipped(tmp_path: Path, pack: TaskPack, model: Model) -> None:
    opened = Pack.open(pack)
    tasks = PackTasks(replace(opened, copy=replace(opened.copy, judges={})))
    plan = tasks.plan(config("kindness"), judge=True)
    assert plan.parts == () and "no judge for the task 'kindness'" in plan.skipped[0].why


def test_a_judge_is_asked_about_every_criterion(tmp_path: Path, pack: TaskPack, model: Model, mouth: Any) -> None:
    mouth.answer = judge_says("<classification>CLASS_EXACTLY_MET</classification>")
    judge = make_model(tmp_path / "judge", config=Named(name="judge"))
    found = stages.run(tmp_path / "s", model, None, None, pack, judge, config=config("kindness", judge_tokens=9))
    assert len(mouth.texts("judge")) == 6 and len(mouth.texts()) == 3
    assert sum(text.endswith("A: A kind answer. Point: brief") for text in mouth.texts("judge")) == 3
    assert {s.max_tokens for name, _, s in mouth.asked if name == "judge"} == {9}
    first, *_ = rows(found, "kindness")
    assert first.prediction and [j.id for j in first.prediction.judgements] == ["r0_criteria0", "r0_criteria1"]
    (row,) = read_scores(found.path)["rows"]
    assert row["value"] == pytest.approx(100) and row["compat"]["value"] == pytest.approx(100)


def test_a_refused_judgement_is_no_zero(tmp_path: Path, pack: TaskPack, model: Model, mouth: Any) -> None:
    def answer(name: str, text: str, sampling: Sampling) -> Any:
        if name != "judge":
            return "A kind answer."
        return DataError("filtered") if "Day 1" in text else "<classification>CLASS_EXACTLY_MET</classification>"

    mouth.answer = staticmethod(answer)
    judge = make_model(tmp_path / "judge", config=Named(name="judge"))
    found = stages.run(tmp_path / "s", model, None, None, pack, judge, config=config("kindness"))
    (row,) = read_scores(found.path)["rows"]
    assert row["value"] == pytest.approx(100), "two of three rows could be judged"
    assert row["nulls"] == 1 and row["reasons"]


def test_a_judge_out_of_reach_leaves_the_row_open_and_is_asked_again(
    tmp_path: Path, pack: TaskPack, model: Model, mouth: Any
) -> None:
    down = ["Day 1"]

    def answer(name: str, text: str, sampling: Sampling) -> Any:
        if name != "judge":
            return "A kind answer."
        broken = any(part in text for part in down) and text.endswith("brief")
        return UnavailableError("judge is away") if broken else "<classification>CLASS_UNMET</classification>"

    mouth.answer = staticmethod(answer)
    judge = make_model(tmp_path / "judge", config=Named(name="judge"))
    partly = stages.run(tmp_path / "s", model, None, None, pack, judge, config=config("kindness"))
    assert not partly.manifest.complete and list(partly.manifest.failures.values()) == ["judge: judge is away"]
    (row,) = read_scores(partly.path)["rows"]
    assert row["failed"] == 1 and row["n"] == 2 and row["bounds"] is not None
    down.clear()
    mouth.asked = []
    whole = stages.run(tmp_path / "s", model, None, None, pack, judge, config=config("kindness"))
    assert whole.manifest.complete and read_scores(whole.path)["rows"][0]["failed"] == 0
    assert mouth.texts() == [], "the model's answer was kept"
    assert len(mouth.texts("judge")) == 1, "and so were the other judgements"


def test_model_and_judge_keep_files_of_their_own(tmp_path: Path, pack: TaskPack, model: Model, mouth: Any) -> None:
    def answer(name: str, text: str, sampling: Sampling) -> Any:
        if name == "judge" and "Day 2" in text:
            return BackendError("HTTP 401: no key")
        return "<classification>CLASS_UNMET</classification>" if name == "judge" else "A kind answer."

    mouth.answer = staticmethod(answer)
    judge = make_model(tmp_path / "judge", config=Named(name="judge"))
    with pytest.raises(BackendError, match="401"):
        stages.run(tmp_path / "s", model, None, None, pack, judge, config=config("kindness", concurrency=1))
    kept = {path.name for path in tmp_path.rglob("*.jsonl") if path.parent.name == ".scratch"}
    assert kept == {"answers.jsonl", "judgements.jsonl"}


# --- thinking


def test_thinking_never_counts(tmp_path: Path, pack: TaskPack, model: Model, mouth: Any) -> None:
    mouth.answer = staticmethod(
        lambda name, text, s: [
            Delta(thinking="So: fine"),
            Delta("So: dull", finish_reason="stop", usage=Usage(1, 9, 6)),
        ]
    )
    found = stages.run(tmp_path / "s", model, None, None, pack, config=config("feeling", thinking_budget=50))
    first, *_ = rows(found, "feeling")
    assert first.prediction and first.prediction.thinking == ("So: fine",) and first.prediction.answer == "dull"
    assert {s.max_tokens for _, _, s in mouth.asked} == {66}
    (row,) = read_scores(found.path)["rows"]
    assert (row["tokens_thinking"], row["tokens_out"]) == (24, 36)


# --- failures


def code_of(words: list[str]) -> int:
    try:
        return lontar(words)
    except SystemExit as exit:
        return int(exit.code or 0)


def test_the_command_says_7_until_everything_is_answered(
    tmp_path: Path, pack: TaskPack, model: Model, mouth: Any, capsys: Any
) -> None:
    broken = [True]
    mouth.answer = staticmethod(
        lambda name, text, s: DataError("too long") if broken[0] and "Day 3" in text else "So: dull"
    )
    words = ["eval", "run", "--model", str(model.path), "--pack", str(pack.path), "--out", str(tmp_path / "s")]
    words += [f"tasks=[{SUITE}/feeling]", "languages=[id]", "backend=mouth", "bootstraps=100"]
    assert code_of(words) == 7
    assert "too long" in capsys.readouterr().err
    (row,) = read_scores(tmp_path / "s")["rows"]
    assert (row["n"], row["failed"]) == (3, 1) and row["bounds"]["low"] <= row["value"] <= row["bounds"]["high"]
    broken[0], n = False, len(mouth.asked)
    assert code_of(words) == 0
    assert len(mouth.asked) == n + 1
    (row,) = read_scores(tmp_path / "s")["rows"]
    assert (row["n"], row["failed"], row["bounds"]) == (4, 0, None)


# --- compat


def test_translation_tells_that_metricx_was_not_run(tmp_path: Path, pack: TaskPack, model: Model, mouth: Any) -> None:
    pytest.importorskip("sacrebleu")
    mouth.answer = staticmethod(lambda name, text, s: "So: Hujan turun.")
    found = stages.run(tmp_path / "s", model, None, None, pack, config=config("translation-en-xx"))
    (row,) = read_scores(found.path)["rows"]
    assert row["value"] == pytest.approx(100)
    assert row["compat"] is not None


def test_a_missing_library_costs_the_official_figure_alone(
    tmp_path: Path, pack: TaskPack, model: Model, mouth: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lontar.scoring.official import rouge

    def missing(module: str, *, extra: str) -> Any:
        raise MissingExtraError(f"{module} is not installed", hint=f"pip install 'lontar[{extra}]'")

    monkeypatch.setattr(rouge, "_aggressive", lambda: missing("pyonmttok", extra="seahelm"))
    monkeypatch.setattr(rouge, "need", missing)
    mouth.answer = staticmethod(lambda name, text, s: "So: It rains.")
    found = stages.run(tmp_path / "s", model, None, None, pack, config=config("rain", compat="official"))
    (row,) = read_scores(found.path)["rows"]
    assert row["compat"]["value"] is None and "is not installed" in row["compat"]["problems"][0]
    assert row["value"] is None or row["value"] == pytest.approx(100)


# --- hostile text and bad input


@pytest.mark.parametrize("text", ["\ud800", "So: \x00dull", "", "ก" * 10_000_000, "So: " * 200_000, "So: pear"])
def test_any_answer_is_a_row(tmp_path: Path, pack: TaskPack, model: Model, mouth: Any, text: str) -> None:
    mouth.answer = staticmethod(lambda name, asked, s: text)
    found = stages.run(tmp_path / "s", model, None, None, pack, config=config("feeling", limit=1))
    (row,) = rows(found, "feeling")
    assert row.failed is None and row.score is not None
    if "dull" not in text:
        assert row.score.value is None and row.score.reason


def own_task(tmp_path: Path, listed: list[Any], **more: Any) -> EvalConfig:
    task = {"name": "mine", "version": 1, "competency": "nlu", "source": {"jsonl": "mine.jsonl"}, "output": "text"}
    task |= {"prompt": "{question}", "reference": "{answer}", "scorer": "exact_match", **more}
    (tmp_path / "mine.yaml").write_text(json.dumps(task), encoding="utf-8")
    write_lines(tmp_path / "mine.jsonl", listed)
    return EvalConfig.model_validate({"backend": "mouth", "tasks": [str(tmp_path / "mine.yaml")], "bootstraps": 100})


@pytest.mark.parametrize(
    ("listed", "more", "message"),
    [
        ([{"id": "a", "lang": "id", "answer": "x"}], {}, "question"),
        ([{"id": "a", "lang": "id", "question": "q", "answer": "x"}] * 2, {}, "comes twice"),
        ([], {}, "no (task has )?items"),
        ([{"lang": "id", "question": "q", "answer": "x"}], {}, "'id' is required"),
        ([{"id": "a", "lang": "zz", "question": "q", "answer": "x"}], {}, "no (task has )?items"),
        ([{"id": "a", "lang": "id", "question": "q", "answer": "x"}], {"output": "choices"}, "`choices` must"),
        (
            [{"id": "a", "lang": "id", "question": "q", "choices": ["x", "y"], "answer": 2}],
            {"output": "choices"},
            "number of a choice",
        ),
    ],
)
def test_bad_rows_of_an_own_task(
    tmp_path: Path, model: Model, listed: list[Any], more: dict[str, Any], message: str
) -> None:
    with pytest.raises(LontarError, match=message):
        stages.run(tmp_path / "s", model, config=own_task(tmp_path, listed, languages=["id"], **more))


def test_wrong_names(tmp_path: Path, pack: TaskPack, model: Model) -> None:
    with pytest.raises(LontarError, match="no task 'felling'"):
        stages.run(tmp_path / "s", model, None, None, pack, config=config("felling"))
    with pytest.raises(LontarError, match="no pack is given"):
        stages.run(tmp_path / "s", model, config=config("feeling"))
    with pytest.raises(ValueError, match="language"):
        config("feeling", languages=["xx"])
    with pytest.raises(DataError, match="nothing to evaluate on"):
        stages.run(tmp_path / "s", model, None, None, pack, config=config("feeling", languages=["vi"]))
    other = EvalConfig.model_validate({"tasks": ["other/feeling"], "backend": "mouth"})
    with pytest.raises(LontarError, match="the pack is called"):
        stages.run(tmp_path / "s", model, None, None, pack, config=other)


def test_a_label_outside_the_set_is_never_right(tmp_path: Path, model: Model) -> None:
    spec, data = specification(tmp_path / "spec"), tmp_path / "data"
    write_lines(
        data / "feeling" / "id.jsonl", [*feeling("id", 2), {**feeling("id", 1)[0], "id": "odd", "label": "wet"}]
    )
    made = import_(tmp_path / "pack", config=ImportConfig(path=str(spec), data=str(data)))
    found = stages.run(tmp_path / "s", model, None, None, TaskPack.open(made.path), config=config("feeling"))
    *_, odd = rows(found, "feeling")
    assert odd.sample.facts["labels"] == FEELING and odd.score and not odd.score.value


def test_names_are_made_unique_without_meeting_others() -> None:
    assert _unique(["a", "b"]) == ["a", "b"]
    found = _unique(["a", "a", "a#2", "a", "a#2"])
    assert len(set(found)) == 5 and found[0] == "a" and found[2] == "a#2"


def test_no_such_endpoint(tmp_path: Path) -> None:
    from lontar.eval.answering import _endpoint

    for text in ("{", "[]", '{"url": 1, "model": "m"}'):
        (tmp_path / "endpoint.json").write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match="endpoint"):
            _endpoint(tmp_path / "endpoint.json")


# --- judges of own tasks


def judged_task(tmp_path: Path, prompt: str = "{question}\n{answer}\nIs it true: {criterion}?") -> EvalConfig:
    listed: list[dict[str, Any]] = [
        {"id": f"q{i}", "lang": "id", "question": f"Tolong bantu nomor {i}.", "references": []} for i in range(4)
    ]
    listed[3]["criteria"] = ["brief"]
    judge = {"prompt": prompt, "criteria": ["polite", "helpful"], "max_tokens": 7}
    more = {"judge": judge, "extract": "spoken", "scorer": {"judged_scale": {"labels": {"yes": 1, "no": 0}}}}
    return own_task(tmp_path, listed, aggregate="judged_percent", **more)


def test_a_task_of_ones_own_has_a_judge(tmp_path: Path, model: Model, mouth: Any) -> None:
    settings = judged_task(tmp_path)
    verdict = {"polite": "yes", "brief": "yes", "helpful": "no"}
    mouth.answer = lambda name, text, _: next((v for k, v in verdict.items() if f"true: {k}" in text), "Ya.")
    judge = make_model(tmp_path / "judge", config=Named(name="judge"))
    found = stages.run(tmp_path / "s", model, None, None, None, judge, config=settings)
    listed = list(read_rows(found.path / "samples" / "model" / "mine-id.jsonl.zst"))
    assert [row.score.value for row in listed if row.score] == [0.5, 0.5, 0.5, 1.0]
    assert [j.id for j in listed[0].prediction.judgements] == ["q0_criteria0", "q0_criteria1"]  # type: ignore[union-attr]
    assert {s.max_tokens for name, _, s in mouth.asked if name == "judge"} == {7}
    assert read_scores(found.path)["rows"][0]["value"] == pytest.approx(62.5)


def test_a_judged_task_of_ones_own_waits_for_its_judge(tmp_path: Path, model: Model) -> None:
    with pytest.raises(DataError, match="needs a judge"):
        stages.run(tmp_path / "s", model, config=judged_task(tmp_path))


def test_a_judge_must_see_the_answer(tmp_path: Path, model: Model) -> None:
    judge = make_model(tmp_path / "judge", config=Named(name="judge"))
    with pytest.raises(ConfigError, match=r"no \{answer\}"):
        stages.run(tmp_path / "s", model, None, None, None, judge, config=judged_task(tmp_path, "{criterion}?"))
