"""All parts through one queue: conversations, runs, two phases, labels, judges, failures, going on after a stop."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lontar.backends.base import Delta, Sampling, TokenScores, Usage, prompt_text
from lontar.backends.drive import Failed
from lontar.core.records import Message
from lontar.errors import BackendError, CapabilityError, DataError, UnavailableError
from lontar.eval.asking import Answer, Answers, Asker, Manner, prediction_of, prompt_of
from lontar.eval.parts import Part
from lontar.eval.task import Task
from lontar.eval.voice import Reply, Voice
from lontar.scoring import Prediction, Sample
from tests.unit.eval.test_voice import Batcher, Talker, scores_of, several, speaking

TAG = "So:"


def user(text: str) -> tuple[Message, ...]:
    return (Message(role="user", content=text),)


def part(
    *samples: Sample,
    name: str = "own",
    runs: int = 1,
    tag: str = "",
    output: str = "text",
    judged: bool = False,
    **sampling: Any,
) -> Part:
    task = Task.model_validate(
        {
            "name": name,
            "version": 1,
            "competency": "nlu",
            "source": "heldout",
            "output": output,
            "scorer": "exact_match",
            "sampling": {"max_tokens": 20, "temperature": None, **sampling},
        }
    )
    return Part(task, "id", samples, runs, tag, judged)


def sample(name: str, *turns: Any, **more: Any) -> Sample:
    return Sample(id=name, lang="id", turns=turns or (user(name),), group=name, **more)


def ask(
    voice: Voice, parts: Sequence[Part], known: dict[str, Answers] | None = None, **more: Any
) -> dict[str, Answers]:
    found: dict[str, Answers] = {}
    manner = more.pop("manner", Manner())
    asker = Asker(voice, manner, **more)
    asyncio.run(asker.ask(parts, known or {}, lambda part, answers: found.__setitem__(part.name, answers)))
    return found


def said(answer: Answer) -> str:
    return f"! {answer.reason}" if isinstance(answer, Failed) else answer.texts[-1]


def history(prompt: Any, sampling: Sampling) -> str:
    return "|".join(f"{m.role[0]}{m.content}" for m in prompt)


# --- conversations


@pytest.mark.parametrize("kind", [Talker, Batcher])
def test_a_conversation_carries_its_history(kind: type[Talker]) -> None:
    turns = (Message(role="system", content="S"), *user("one")), user("two"), user("three")
    short, talk = sample("short", user("alone")), sample("talk", *turns)
    answers = ask(speaking(kind(history)), [part(short, talk)])["own-id"]
    found = answers["talk", 0]
    assert isinstance(found, Prediction)
    assert found.texts[1] == "sS|uone|asS|uone|utwo"
    assert found.texts[2] == f"{found.texts[1].replace('|utwo', '|utwo')}|a{found.texts[1]}|uthree"
    assert found.tokens_in == 9 and found.finish == ("stop",) * 3
    assert said(answers["short", 0]) == "ualone"


def test_thinking_of_former_turns_is_not_shown_again() -> None:
    talk = sample("talk", user("one"), user("two"))
    shown = prompt_of(talk, [Reply("yes", thinking="hm")])
    assert [m.content for m in shown if isinstance(m, Message)] == ["one", "yes", "two"]


def test_plain_turns_stand_alone() -> None:
    assert prompt_of(sample("p", "a", "b"), [Reply("x")]) == "b"


def test_a_failed_second_turn_keeps_the_first_ones_answer(tmp_path: Path) -> None:
    broken = [True]

    def answer(prompt: Any, sampling: Sampling) -> Any:
        return DataError("too long") if broken[0] and prompt_text(prompt) == "two" else "yes"

    backend = Talker(answer)
    parts = [part(sample("t", user("one"), user("two")))]
    first = ask(speaking(backend, tmp_path / "c"), parts)["own-id"]
    assert said(first["t", 0]) == "! too long"
    broken[0] = False
    again = ask(speaking(backend, tmp_path / "c"), parts)["own-id"]["t", 0]
    assert isinstance(again, Prediction) and again.texts == ("yes", "yes")
    assert backend.texts == ["one", "two", "two"]


def test_a_failed_turn_of_a_batch_leaves_the_others_alone() -> None:
    backend = Batcher(lambda prompt, s: DataError("no") if prompt_text(prompt) == "bad" else "yes")
    samples = [sample("a", user("x"), user("bad"), user("z")), sample("b", user("x"), user("y"), user("z"))]
    found = ask(speaking(backend), [part(*samples)])["own-id"]
    assert said(found["a", 0]) == "! no"
    assert isinstance(found["b", 0], Prediction) and len(found["b", 0].texts) == 3
    assert backend.texts == ["x", "x", "bad", "y", "z"]


@pytest.mark.parametrize("kind", [Talker, Batcher])
def test_after_an_exception_nothing_answered_is_asked_again(tmp_path: Path, kind: type[Talker]) -> None:
    limit = [150]

    def answer(prompt: Any, sampling: Sampling) -> Any:
        limit[0] -= 1
        if limit[0] < 0:
            raise RuntimeError("killed")
        return prompt_text(prompt)

    samples = [sample(f"s{i:03}") for i in range(200)]
    backend = kind(answer)
    with pytest.raises(RuntimeError, match="killed"):
        ask(speaking(backend, tmp_path / "c", concurrency=4), [part(*samples)])
    before, limit[0] = len(backend.asked), 10_000
    found = ask(speaking(backend, tmp_path / "c", concurrency=4), [part(*samples)])["own-id"]
    assert [said(found[s.id, 0]) for s in samples] == [s.id for s in samples]
    again = len(backend.asked) - before
    assert again == 50 if kind is Talker else 50 <= again <= 50 + 64


def test_known_answers_are_not_asked() -> None:
    known = {"own-id": {("a", 0): Prediction(texts=("old",)), ("b", 1): Prediction(texts=("old",))}}
    backend = Talker(lambda p, s: f"new{s.seed}")
    found = ask(speaking(backend), [part(sample("a"), sample("b"), runs=2)], known)["own-id"]
    assert {key: said(answer) for key, answer in found.items()} == {
        ("a", 0): "old", ("a", 1): "new1", ("b", 0): "new0", ("b", 1): "old"
    }  # fmt: skip


# --- runs


def test_runs_come_from_one_request_or_with_a_seed_each() -> None:
    backend = Talker(several)
    found = ask(speaking(backend), [part(sample("a"), runs=3)], manner=Manner(seed=7))["own-id"]
    assert [said(found["a", run]) for run in range(3)] == ["0", "1", "2"]
    assert [(s.n, s.seed) for _, s in backend.asked] == [(3, 7)]
    single = Talker(lambda p, s: f"{s.seed}")
    found = ask(speaking(single), [part(sample("a"), runs=3)], manner=Manner(seed=7))["own-id"]
    assert [said(found["a", run]) for run in range(3)] == ["7", "8", "9"]
    batch = Batcher(lambda p, s: f"{s.seed}")
    found = ask(speaking(batch), [part(sample("a"), runs=3)], manner=Manner(seed=7))["own-id"]
    assert [said(found["a", run]) for run in range(3)] == ["7", "8", "9"]


def test_nothing_is_drawn_at_temperature_0() -> None:
    (first, second) = Manner(seed=3, temperature=0.0).samplings(part().task, 2)
    assert first == second and first.seed is None and first.temperature == 0
    assert [s.seed for s in Manner(seed=3).samplings(part().task, 2)] == [3, 4]
    assert [s.seed for s in Manner(seed=3).samplings(part(seed=11).task, 2)] == [11, 11]


def test_thinking_has_a_budget_of_its_own() -> None:
    (given,) = Manner(thinking_tokens=100, max_tokens=5).samplings(part().task, 1)
    assert given.max_tokens == 105
    (given,) = Manner(thinking_tokens=100).samplings(part(max_tokens=None).task, 1)
    assert given.max_tokens is None


def test_thinking_is_kept_apart_and_summed() -> None:
    pieces = [Delta(thinking="hm, So: no"), Delta("So: yes", finish_reason="stop", usage=Usage(2, 9, 4))]
    found = ask(speaking(Talker(lambda *_: pieces)), [part(sample("t", user("one"), user("two")))])["own-id"]["t", 0]
    assert isinstance(found, Prediction)
    assert found.texts == ("So: yes",) * 2 and found.thinking == ("hm, So: no",) * 2
    assert (found.tokens_out, found.tokens_thinking) == (18, 8)


# --- two phases


def test_a_base_model_goes_on_behind_the_tag_with_what_is_left() -> None:
    def answer(prompt: str, sampling: Sampling) -> str:
        return "well So: x" if not prompt.endswith(TAG) else " fine\n\n"

    backend = Talker(answer)
    plain = part(sample("a", "Q\n\n"), tag=TAG, stop=("\n\n",))
    found = ask(speaking(backend), [plain])["own-id"]["a", 0]
    assert isinstance(found, Prediction) and found.texts == ("well So: fine\n\n",)
    (first, one), (second, two) = backend.asked
    assert (first, one.stop, one.max_tokens) == ("Q\n\n", (), 20)
    assert (second, two.stop, two.max_tokens) == ("Q\n\nwell So:", ("\n\n",), 20 - len("well So:"))


def test_the_same_for_many_at_once() -> None:
    class Matching(Batcher):
        async def generate_many(self, prompts: Any, sampling: Sampling, /) -> Any:
            from lontar.backends import Generation

            self.asked += [(prompt, sampling) for prompt in prompts]
            first = {"q1": ("aa ", TAG, 4), "q2": ("no tag", "", 6), "q3": ("b ", TAG, 3), "q4": ("all", TAG, 20)}
            return [
                Generation(first[p][0], matched=first[p][1], usage=Usage(1, first[p][2]))
                if p in first
                else DataError("no room")
                if p.startswith("q3")
                else Generation(" yes", usage=Usage(1, 2))
                for p in prompts
            ]

    backend = Matching(lambda *_: "")
    found = ask(speaking(backend), [part(*(sample(q, q) for q in ("q1", "q2", "q3", "q4")), tag=TAG)])["own-id"]
    assert [said(found[f"q{i}", 0]) for i in (1, 2, 3, 4)] == ["aa So: yes", "no tag", "! no room", "allSo:"]
    assert [(p, s.stop, s.max_tokens) for p, s in backend.asked[4:]] == [("q1aa So:", (), 16), ("q3b So:", (), 17)]
    out = found["q1", 0]
    assert isinstance(out, Prediction) and out.tokens_out == 6
    used_up = found["q4", 0]
    assert isinstance(used_up, Prediction) and used_up.finish == ("length",)


def test_without_the_tag_the_text_of_the_first_phase_stays() -> None:
    backend = Talker(lambda *_: "no tag at all")
    assert said(ask(speaking(backend), [part(sample("a", "Q"), tag=TAG)])["own-id"]["a", 0]) == "no tag at all"
    assert len(backend.asked) == 1


def test_a_budget_that_ends_with_the_tag_is_used_up() -> None:
    backend = Talker(lambda *_: "So:")
    found = ask(speaking(backend), [part(sample("a", "Q"), tag=TAG, max_tokens=3)])["own-id"]["a", 0]
    assert isinstance(found, Prediction) and found.texts == ("So:",) and found.finish == ("length",)
    assert len(backend.asked) == 1


# --- labels


class Scoring(Talker):
    scored: list[tuple[Any, str]]

    async def score(self, prompt: Any, text: Any, /, *, top: int = 0) -> TokenScores:
        self.scored = [*getattr(self, "scored", []), (prompt, text)]
        return scores_of(text, -0.5)


@pytest.mark.parametrize(("turn", "prompt", "text"), [(user("Q"), user("Q"), "hm So: fine"), ("Q", "Qhm So:", " fine")])
def test_the_label_is_scored_behind_the_tag(turn: Any, prompt: Any, text: str) -> None:
    backend = Scoring(lambda *_: "hm So: dull")
    facts = {"answer_tag": TAG, "separator": " "}
    asked = part(sample("a", turn, references=("fine",), facts=facts), output="label", runs=2)
    found = ask(speaking(backend), [asked])["own-id"]
    answer = found["a", 0]
    assert isinstance(answer, Prediction) and found["a", 1] == answer
    assert backend.scored == [(prompt, text)]
    assert answer.texts == ("hm So:",)
    (likelihood,) = answer.likelihoods
    assert likelihood.logprob == pytest.approx(-0.5 * len(" fine"))


def test_without_the_tag_there_is_no_likelihood_and_a_reason() -> None:
    backend = Scoring(lambda *_: "nothing")
    asked = part(sample("a", references=("fine",), facts={"answer_tag": TAG}), output="label")
    answer = ask(speaking(backend), [asked])["own-id"]["a", 0]
    assert isinstance(answer, Prediction) and answer.likelihoods == () and "tag was not written" in str(answer.reason)


def test_a_failed_label_is_one_failure() -> None:
    backend = Scoring(lambda *_: DataError("no"))
    asked = part(sample("a", references=("fine",), facts={"answer_tag": TAG}), output="label")
    voice = speaking(backend, max_failures=1)
    assert said(ask(voice, [asked])["own-id"]["a", 0]) == "! no"
    assert voice.driver.failures == ["no"], "counted once"


def test_choices_after_a_failed_one_are_not_asked() -> None:
    class Down(Scoring):
        async def score(self, prompt: Any, text: Any, /, *, top: int = 0) -> TokenScores:
            self.asked.append((text, Sampling()))
            raise UnavailableError("down")

    backend = Down(lambda *_: "")
    voice = speaking(backend)
    found = ask(voice, [part(sample("a", "q", choices=("x", "y", "z")), output="choices")])["own-id"]
    assert said(found["a", 0]) == "! down"
    assert [text for text, _ in backend.asked] == ["x"] * 3 and voice.driver.failures == ["down"]


def test_what_a_back_end_cannot_do_names_the_task() -> None:
    with pytest.raises(CapabilityError, match="task 'own': back-end 'talker' cannot score"):
        ask(speaking(Talker(lambda *_: "")), [part(sample("a", "q", choices=("x", "y")), output="choices")])


# --- judges


class Judging:
    def __init__(self, *found: Any) -> None:
        self.found, self.seen = list(found), list[str]()

    async def judged(self, part: Part, sample: Sample, prediction: Prediction, /) -> Answer:
        await asyncio.sleep(0)
        self.seen.append(f"{sample.id}:{prediction.texts[-1]}")
        found = self.found.pop(0) if self.found else prediction
        if isinstance(found, BaseException):
            raise found
        return found  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", [Talker, Batcher])
def test_answers_go_through_the_judge_and_failures_do_not(kind: type[Talker]) -> None:
    judge, done = Judging(), list[Answer]()
    backend = kind(lambda p, s: DataError("no") if prompt_text(p) == "b" else "yes")
    parts = [part(sample("a"), sample("b"), judged=True), part(sample("c"), name="other")]
    found = ask(speaking(backend), parts, judge=judge, on_done=done.append)
    assert judge.seen == ["a:yes"] and len(done) == 3
    assert said(found["own-id"]["b", 0]) == "! no" and said(found["other-id"]["c", 0]) == "yes"


def test_a_judge_that_fails_for_all_ends_the_run_at_once() -> None:
    backend = Talker(lambda *_: "yes")
    judge = Judging(BackendError("no key"))
    with pytest.raises(BackendError, match="no key"):
        ask(speaking(backend, concurrency=2), [part(*(sample(f"{i}") for i in range(500)), judged=True)], judge=judge)
    assert len(backend.asked) < 20, "the model is not asked five hundred things for nothing"


# --- failures


def test_a_server_that_is_down_ends_the_run() -> None:
    backend = Talker(lambda *_: UnavailableError("down"))
    with pytest.raises(BackendError, match="4 requests in a row found the server unavailable:\n  down") as caught:
        ask(speaking(backend, max_unavailable=4, concurrency=2), [part(*(sample(f"{i}") for i in range(50)))])
    assert "run the same command again" in str(caught.value.hint)
    assert len(backend.asked) <= 3 * 6


def test_refused_requests_do_not_mean_that_the_server_is_down() -> None:
    backend = Talker(lambda *_: DataError("too long"))
    voice = speaking(backend, max_unavailable=4)
    found = ask(voice, [part(*(sample(f"{i}") for i in range(50)))])["own-id"]
    assert len(voice.driver.failures) == len(found) == len(backend.asked) == 50


def test_a_batch_that_is_down_counts_too() -> None:
    backend = Batcher(lambda *_: UnavailableError("down"))
    with pytest.raises(BackendError, match="4 requests in a row"):
        ask(speaking(backend, max_unavailable=4), [part(*(sample(f"{i}") for i in range(50)))])


def test_parts_without_questions_are_finished() -> None:
    known = {"own-id": {("a", 0): Prediction(texts=("old",))}}
    assert set(ask(speaking(Talker(lambda *_: "")), [part(sample("a"))], known)) == {"own-id"}


def test_joined_replies_are_one_text() -> None:
    found = prediction_of([Reply("a So:", tokens_out=2), Reply(" b", finish="length", tokens_out=1)], joined=True)
    assert (found.texts, found.finish, found.tokens_out) == (("a So: b",), ("length",), 3)
    assert math.isclose(found.seconds, 0)
