"""What an evaluation asks: tasks in languages with their samples, those of a task pack among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lontar.core.artifact import Corpus
from lontar.errors import DataError
from lontar.eval.config import EvalConfig
from lontar.eval.parts import Part, Plan, Skipped
from lontar.eval.samples import available, make_samples
from lontar.eval.task import Task
from lontar.scoring import Sample
from lontar.scoring.judged import own_questions

if TYPE_CHECKING:
    from lontar.eval.sea_helm.tasks import PackTasks


NO_JUDGE = "it needs a judge: give one with --judge"


def make_plan(
    config: EvalConfig, corpus: Corpus | None = None, pack: PackTasks | None = None, *, judge: bool = False
) -> Plan:
    """Everything that will be asked.

    Args:
        config: tasks, languages, limits.
        corpus: where held-out text comes from.
        pack: tasks of an opened task pack.
        judge: whether there is a judge.

    Raises:
        UnknownNameError: the pack has no such task or suite.
        DataError: a language that was asked for has no items, or there are none at all.
    """
    parts: list[Part] = []
    skipped: list[Skipped] = []
    suite: Mapping[str, Sequence[str]] = {}
    if config.from_pack:
        if pack is None:
            raise DataError(
                f"{config.from_pack[0]!r} is a task of a pack, and no pack is given",
                hint="give one with --pack; `lontar eval import-sea-helm` makes it",
            )
        found = pack.plan(config, judge=judge)
        parts, skipped, suite = list(found.parts), list(found.skipped), found.suite
    for task, limit in config.chosen():
        own = _own(config, task, limit, corpus)
        if task.judge is not None and not judge:
            skipped += [Skipped(task.name, part.lang, NO_JUDGE) for part in own]
        else:
            parts += own
    if not parts:
        why = f": {skipped[0].task}, {skipped[0].lang}: {skipped[0].why}" if skipped else ""
        raise DataError(f"there is nothing to evaluate on: no task has items in any language{why}")
    return Plan(tuple(parts), tuple(skipped), suite)


def _own(config: EvalConfig, task: Task, limit: int | None, corpus: Corpus | None) -> list[Part]:
    parts, known = [], available(task, corpus)
    for code in sorted(set(config.languages)) or known:
        samples = make_samples(task, code, corpus, limit) if code in known else []
        if samples:
            runs = config.runs if task.output == "text" else 1
            if task.judge is not None:
                # A prompt that does not show the answer is told of before anything is asked.
                own_questions(task.judge.prompt, samples[0], "", criteria_of(task, samples[0]))
            parts.append(Part(task, code, tuple(samples), runs, judged=task.judge is not None))
        elif config.languages:
            raise _no_items(task.name, code, known)
    return parts


def criteria_of(task: Task, sample: Sample) -> tuple[str, ...]:
    """What a judge is asked about an answer: criteria of the item, else of the task.

    Raises:
        DataError: the item's are no texts.
    """
    own = sample.facts.get("criteria")
    if own is None:
        return task.judge.criteria if task.judge is not None else ()
    if not isinstance(own, list) or not all(isinstance(one, str) for one in own):
        raise DataError(f"task {task.name}, {sample.lang}, item {sample.id!r}: `criteria` must be a list of texts")
    return tuple(map(str, own))


def _no_items(task: str, code: str, known: Sequence[str]) -> DataError:
    return DataError(
        f"task {task!r} has no items in {code!r}",
        hint=f"leave that language out; there are items in: {', '.join(known) or 'none'}",
    )
