"""An evaluation as the layouts read it: its scores, and its rows part by part, so that memory holds one part."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lontar.core.artifact import Evaluation
from lontar.errors import ConfigError, DataError
from lontar.eval.rows import MODEL, SAMPLES, Row, read_rows, sides_of

_SUFFIX = ".jsonl.zst"
Flags = Mapping[tuple[str, str, str], frozenset[str]]
"""kinds of contamination (`exact`, `ngram`) by task, language and sample"""


@dataclass(frozen=True)
class PartFile:
    """Rows of a task in a language on one side."""

    side: str
    task: str
    lang: str
    path: Path

    def rows(self) -> list[Row]:
        """All rows, by run and then in stored order."""
        return sorted(read_rows(self.path), key=lambda row: row.run)


@dataclass(frozen=True)
class Source:
    """An evaluation to export."""

    evaluation: Evaluation
    scores: Mapping[str, Any]
    flags: Flags | None = None

    @classmethod
    def open(cls, evaluation: Evaluation, contamination: Path | None = None) -> Source:
        """Read the scores, and the flags of a contamination check.

        Raises:
            DataError: a file is missing or damaged.
        """
        flags = None if contamination is None else read_flags(contamination)
        return cls(evaluation, read_object(evaluation.path / "scores.json"), flags)

    @property
    def stamp(self) -> str:
        """When the evaluation was made, for names of files: the same export twice gives the same names."""
        return self.evaluation.manifest.created.replace(tzinfo=None).isoformat(timespec="microseconds")

    def model(self, side: str = MODEL) -> str:
        """Name of a side's model; the beginning of its digest where it has none."""
        known = (self.scores.get("models") or {}).get(side) or {}
        return str(known.get("name") or str(known.get("digest") or side)[:12])

    def sides(self, wanted: str = "") -> list[str]:
        """All sides, or the one that is wanted.

        Raises:
            ConfigError: there is none of that name.
        """
        found = sides_of(self.evaluation)
        if wanted and wanted not in found:
            raise ConfigError(f"the evaluation has no side {wanted!r}", hint=f"it has {', '.join(found) or 'none'}")
        return [wanted] if wanted else found

    def parts(self, side: str) -> Iterator[PartFile]:
        """Files of a side, sorted by name."""
        start = f"{SAMPLES}/{side}/"
        for name in sorted(self.evaluation.manifest.files):
            if name.startswith(start) and name.endswith(_SUFFIX):
                task, lang = self._named(name[len(start) : -len(_SUFFIX)])
                yield PartFile(side, task, lang, self.evaluation.path / name)

    def _named(self, part: str) -> tuple[str, str]:
        """Task and language of a part; a name may have hyphens, so the scores tell where it ends."""
        rows = self.scores.get("rows") or ()
        known = {f"{row['task']}-{row['lang']}": (str(row["task"]), str(row["lang"])) for row in rows}
        task, _, lang = part.rpartition("-")
        return known.get(part, (task, lang))

    def score_row(self, part: PartFile) -> Mapping[str, Any]:
        """The row of `scores.json` of a part; empty where there is none."""
        for row in self.scores.get("rows") or ():
            if (row["task"], row["lang"]) == (part.task, part.lang):
                return dict(row)
        return {}

    def flagged(self, part: PartFile, sample: str) -> frozenset[str]:
        """How a sample is contaminated."""
        return frozenset() if self.flags is None else self.flags.get((part.task, part.lang, sample), frozenset())


def read_flags(place: Path) -> Flags:
    """Flags of a contamination check: its folder, or the `contamination.json` or `.jsonl` in it.

    Raises:
        DataError: there is no such file, or it is damaged.
    """
    from lontar.core.shards import read_jsonl

    path = (place if place.is_dir() else place.parent) / "contamination.jsonl"
    found: dict[tuple[str, str, str], set[str]] = {}
    for number, row in read_jsonl(path):
        try:
            key = str(row["task"]), str(row["lang"]), str(row["id"])
            found.setdefault(key, set()).add(str(row["kind"]))
        except KeyError as err:
            raise DataError(f"{path}:{number}: no field {err.args[0]!r}", hint="run eval contamination again") from err
    return {key: frozenset(kinds) for key, kinds in found.items()}


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        DataError: it cannot be read, or is something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as err:
        raise DataError(f"{path}: cannot read: {err}") from err
    if not isinstance(value, dict):
        raise DataError(f"{path}: expected a JSON object (got {type(value).__name__})")
    return value


def by_sample(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows of each sample, by run."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.sample.id, []).append(row)
    return found
