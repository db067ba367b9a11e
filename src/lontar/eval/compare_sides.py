"""The sides of a comparison, and the questions that all of them were asked and answered.

A question is the same when its id, its turns, its references and its choices are: a task that was rebuilt may ask
something else under an old id.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from lontar.core.artifact import Evaluation
from lontar.errors import ConfigError, DataError
from lontar.eval.rows import BASELINE, MODEL, Row, read_rows, rows_file, sides_of
from lontar.scoring import RowScore, Sample

Key: TypeAlias = tuple[str, str]
"""task and language"""
Facts: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Side:
    """One model: a side of an evaluation under the name that it has in the comparison."""

    name: str
    evaluation: Evaluation
    side: str
    top: Facts
    """`scores.json` without its rows"""
    scores: Mapping[Key, Facts]
    """rows of `scores.json`; of a baseline with its own figures in place of the model's"""

    def rows(self, key: Key) -> list[Row]:
        """What it answered; nothing when the file is not there."""
        path = self.evaluation.path / rows_file(self.side, *key)
        return list(read_rows(path)) if path.is_file() else []


def opened(evaluations: Sequence[Evaluation]) -> list[Side]:
    """The models of several evaluations, or model and baseline of a single one.

    Raises:
        ConfigError: there is nothing to compare with.
        DataError: an evaluation has no scores.
    """
    if len(evaluations) > 1:
        names = _names([evaluation.path.resolve() for evaluation in evaluations])
        return [_side(name, found, MODEL) for name, found in zip(names, evaluations, strict=True)]
    if not evaluations or BASELINE not in sides_of(evaluations[0]):
        raise ConfigError(
            "there is nothing to compare with", hint="give two evaluations or more, or one that has a baseline"
        )
    return [_side(side, evaluations[0], side) for side in (BASELINE, MODEL)]


def _names(paths: Sequence[Path]) -> list[str]:
    """Names of the folders; with that of the folder above where two are the same."""
    names = [path.name for path in paths]
    if len(set(names)) < len(names):
        names = [f"{path.parent.name}/{path.name}" for path in paths]
    if len(set(names)) < len(names):
        names = [f"{name} ({number})" for number, name in enumerate(names, 1)]
    return names


def _side(name: str, evaluation: Evaluation, side: str) -> Side:
    path = evaluation.path / "scores.json"
    try:
        top = json.loads(path.read_text(encoding="utf-8"))
        rows = {(str(row["task"]), str(row["lang"])): row for row in top.pop("rows")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
        raise DataError(f"{path}: not the scores of an evaluation: {err!r}") from err
    if side == BASELINE:
        rows = {key: {**row, **row["baseline"]} for key, row in rows.items() if row.get("baseline")}
    return Side(name, evaluation, side, top, rows)


# --- the same questions


@dataclass(frozen=True)
class LeftOut:
    """What is not compared, counted."""

    missing: int = 0
    """questions that not every side was asked"""
    differently: int = 0
    """questions whose id is the same and whose text is not"""
    failed: int = 0
    """runs of a question whose request never succeeded on one side or another"""


@dataclass(frozen=True)
class Question:
    """A question with the scored rows of each side, in order of their runs."""

    id: str
    group: str
    rows: tuple[tuple[Row, ...], ...]

    def values(self, side: int) -> list[float]:
        """What each run is worth; no answer is worth nothing."""
        return [worth(row) for row in self.rows[side]]


@dataclass(frozen=True)
class Shared:
    """A task in one language: what all sides were asked and answered."""

    questions: tuple[Question, ...]
    left_out: LeftOut

    @property
    def groups(self) -> int:
        """How many clusters there are to resample."""
        return len({question.group for question in self.questions})

    def of(self, side: int) -> tuple[list[RowScore], list[str]]:
        """Scores of one side, all runs, with the group of each."""
        listed = [(row.score, q.group) for q in self.questions for row in q.rows[side] if row.score is not None]
        return [score for score, _ in listed], [group for _, group in listed]

    def runs(self, side: int) -> list[list[RowScore]]:
        """Scores of one side, run by run."""
        found: dict[int, list[RowScore]] = {}
        for question in self.questions:
            for row in question.rows[side]:
                if row.score is not None:
                    found.setdefault(row.run, []).append(row.score)
        return [found[run] for run in sorted(found)]


def worth(row: Row) -> float:
    """The value of a row; 0 where there is no answer."""
    return row.score.value if row.score is not None and row.score.value is not None else 0.0


def shared(sides: Sequence[Sequence[Row]]) -> Shared:
    """The questions that all sides were asked in the same words and answered.

    A run that failed on one side is left out on all of them, a question of which nothing is left altogether.
    """
    by_id = [_by_id(rows) for rows in sides]
    everywhere = set.intersection(*(set(found) for found in by_id))
    missing = len(set.union(*(set(found) for found in by_id)) - everywhere)
    questions, differently, failed = [], 0, 0
    for id_ in sorted(everywhere):
        asked = [found[id_] for found in by_id]
        if len({_wording(rows[0].sample) for rows in asked}) > 1:
            differently += 1
            continue
        lost = {row.run for rows in asked for row in rows if row.score is None}
        kept = tuple(tuple(row for row in rows if row.run not in lost) for rows in asked)
        failed += len(lost)
        if all(kept):
            questions.append(Question(id_, asked[0][0].sample.group or id_, kept))
    return Shared(tuple(questions), LeftOut(missing, differently, failed))


def _by_id(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.sample.id, []).append(row)
    return {id_: sorted(listed, key=lambda row: row.run) for id_, listed in found.items()}


def _wording(sample: Sample) -> bytes:
    asked = sample.model_dump(include={"turns", "references", "choices"})
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode("ascii")).digest()


# --- what can be compared


@dataclass(frozen=True)
class Comparable:
    """Tasks and languages that every side has, and in words what keeps others out or makes them doubtful."""

    keys: tuple[Key, ...]
    notes: tuple[str, ...]


def comparable(sides: Sequence[Side]) -> Comparable:
    """What every side has in the same version.

    Raises:
        DataError: nothing at all.
    """
    common = set.intersection(*(set(side.scores) for side in sides))
    others = set.union(*(set(side.scores) for side in sides)) - common
    notes = [f"only some were asked: {', '.join(sorted(map(label, others)))}"] if others else []
    refused: set[str] = set()
    for task in sorted({task for task, _ in common}):
        versions = _distinct(sides, [key for key in common if key[0] == task], "version")
        if len(set(versions.values())) > 1:
            refused.add(task)
            listed = ", ".join(f"{version} in {name}" for name, version in versions.items())
            notes.append(f"{task}: version {listed}; another version is another task, not compared")
    keys = tuple(sorted(key for key in common if key[0] not in refused))
    if not keys:
        names = " and ".join(side.name for side in sides)
        raise DataError("; ".join([f"{names}: no task in any language is in all of them", *notes]))
    return Comparable(keys, (*notes, *_doubts(sides, keys)))


def _distinct(sides: Sequence[Side], keys: Sequence[Key], name: str) -> dict[str, str]:
    """What each side says of a task under a name, all its languages together."""
    said = {side.name: {json.dumps(side.scores[key].get(name), sort_keys=True) for key in keys} for side in sides}
    return {side: ", ".join(sorted(values)) for side, values in said.items()}


def _doubts(sides: Sequence[Side], keys: Sequence[Key]) -> list[str]:
    found = []
    for task in sorted({task for task, _ in keys}):
        mine = [key for key in keys if key[0] == task]
        differing = [
            name
            for name in ("mode", "extract", "scorer", "aggregate", "sampling")
            if len(set(_distinct(sides, mine, name).values())) > 1
        ]
        defined = {side.evaluation.manifest.uses.get(f"task:{task}") for side in sides} - {None}
        if not differing and len(defined) > 1:
            differing = ["definition"]
        if differing:
            found.append(f"{task}: not the same {' and '.join(differing)} everywhere, which may make the difference")
    for name in ("compat", "mode"):
        said = {str(side.top.get(name) or "none") for side in sides}
        if len(said) > 1:
            found.append(f"not the same `{name}` everywhere; compared are our own scores of the answers")
        elif name == "compat" and said != {"none"}:
            found.append("compared are our own scores of the answers, not those of the official code")
    return found


def label(key: Key) -> str:
    """A task in a language, as messages name it."""
    return ".".join(key)
