"""A task pack of official tasks, opened: the official files, rows and examples by task and language.

``pack.json`` says what there is. A task may use the files of another one: every ``<task>-logprobs`` has the rows of
``<task>``, so an entry names its files::

    {"name": "sea-helm", "source": "checkout" | "specification", "revision": "6844e6c", "license": {...},
     "tasks": {"sentiment": {"id": {"rows": 400, "examples": 5, "from": "sentiment/id.jsonl", "license": "CC-BY-SA-4.0",
                                    "file": "rows/sentiment/id.jsonl", "examples_file": "examples/sentiment/id.jsonl",
                                    "hub": {"path", "config", "split", "examples_split"} | null,
                                    "why": "" | why there are no rows}}},
     "problems": ["sentiment/id.jsonl:7: ..."], "notes": [what could not be read of the official files]}
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lontar.core.artifact import TaskPack
from lontar.core.config import nearest
from lontar.core.shards import parse_row
from lontar.errors import DataError
from lontar.scoring.official.aggregate import expanded
from lontar.scoring.official.copy import OfficialCopy

PACK, OFFICIAL, ROWS, EXAMPLES = "pack.json", "official", "rows", "examples"
# The official files once more, checked: YAML takes a second to read.
COPY = "official.json"
LOGPROBS = "-logprobs"
_REPAIR = "the pack is damaged: import it again"


@dataclass(frozen=True)
class Pack:
    """A task pack: what `lontar eval import-sea-helm` made."""

    name: str
    copy: OfficialCopy
    folder: Path
    revision: str
    license: str
    """SPDX identifiers of the whole, as one expression"""
    entries: Mapping[str, Mapping[str, Any]] = field(repr=False)
    """`tasks` of pack.json"""
    problems: Sequence[str] = field(default=(), repr=False)
    """what is odd about the rows"""
    notes: Sequence[str] = field(default=(), repr=False)
    """what was left out, and what of the official files could not be read"""

    @classmethod
    def open(cls, artifact: TaskPack) -> Pack:
        """Open a pack.

        Raises:
            DataError: it is damaged, or its official files are.
        """
        facts = _facts(artifact.path / PACK)
        copy = OfficialCopy.of_json(artifact.path / OFFICIAL, _read_json(artifact.path / COPY))
        spdx = artifact.manifest.license.spdx
        texts = {key: [str(text) for text in facts[key] or ()] for key in ("problems", "notes")}
        return cls(str(facts["name"]), copy, artifact.path, str(facts["revision"]), spdx, facts["tasks"], **texts)

    def tasks(self) -> list[str]:
        """Official names of all tasks, those without rows included."""
        return list(self.copy.tasks)

    def languages(self, task: str) -> list[str]:
        """Languages in which a task has rows.

        Raises:
            DataError: there is no such task.
        """
        return [lang for lang in self.copy.task(task).languages if self._entry(task, lang).get("rows")]

    def rows(self, task: str, lang: str) -> list[dict[str, Any]]:
        """Official rows of a task in a language; none where the pack has none.

        Raises:
            DataError: there is no such task or language, or the file is damaged.
        """
        return self._read(task, lang, "file")

    def examples(self, task: str, lang: str) -> list[dict[str, Any]]:
        """Rows for few-shot prompts, as `rows`."""
        return self._read(task, lang, "examples_file")

    def why(self, task: str, lang: str) -> str:
        """Why a task has no rows in a language; empty where it has some."""
        return str(self._entry(task, lang).get("why") or "")

    def suite(self, name: str) -> dict[str, list[str]]:
        """Official names of a suite's tasks by language: groups and `all` are expanded, tasks without rows stay.

        Raises:
            DataError: there is no such suite.
        """
        suites = self.copy.suites.get("suites")
        known = suites if isinstance(suites, Mapping) else {}
        if name not in known:
            raise DataError(f"{self.copy.folder / 'suites.yaml'}: no suite {name!r}", hint=nearest(name, known))
        entries = {task.name: task.settings for task in self.copy.tasks.values()}
        return {str(lang): expanded(listed, str(lang), entries) for lang, listed in known[name].items()}

    def labels(self, task: str, lang: str) -> list[str]:
        """Labels that a task may have in a language, sorted: as labels.yaml lists them, else those of its rows.

        A list that stands for many tasks (`thai_exam_<exam>`) may be longer than one of them needs: there the rows
        tell, where there are any.
        """
        listed, exact = listed_labels(self.copy.labels, task, lang)
        if listed and (exact or not self._entry(task, lang).get("rows")):
            return sorted(listed)
        found = {label for row in self.rows(task, lang) for label in _labels_of(row)}
        return sorted(found) or sorted(listed)

    def _entry(self, task: str, lang: str) -> Mapping[str, Any]:
        own = self.copy.task(task)
        if lang not in own.languages:
            raise DataError(f"task {task!r} has no language {lang!r}", hint=f"it has {', '.join(own.languages)}")
        found = (self.entries.get(task) or {}).get(lang)
        return found if isinstance(found, Mapping) else {}

    def _read(self, task: str, lang: str, what: str) -> list[dict[str, Any]]:
        name = self._entry(task, lang).get(what)
        return read_rows(self.folder / str(name)) if name else []


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a file that was checked when the pack was made.

    Raises:
        DataError: it is damaged; names file and line.
    """
    try:
        lines = path.read_bytes().split(b"\n")
        return [json.loads(line) for line in lines if line]
    except OSError as err:
        raise DataError(f"{path}: cannot read: {err.strerror or err}", hint=_REPAIR) from err
    except (ValueError, RecursionError):
        for number, line in enumerate(lines, 1):
            if line:
                parse_row(line, f"{path}:{number}")
        raise


def listed_labels(labels: Mapping[str, Any], task: str, lang: str) -> tuple[list[str], bool]:
    """Labels that labels.yaml lists for a task in a language, and whether the list is this task's own.

    Keys such as `global_mmlu_<subject>`, `musr_*` and `world_cuisine_task1|2` stand for many tasks.
    """
    base = task.removesuffix(LOGPROBS)
    exact = base in labels
    key = base if exact else next((key for key in labels if stands_for(str(key), base)), None)
    entries = labels.get(key) if key is not None else None
    if not isinstance(entries, Mapping):
        return [], False
    entry = entries.get(lang) or entries.get("*")
    listed = entry.get("labels") if isinstance(entry, Mapping) else None
    return ([str(label) for label in listed] if isinstance(listed, list) else []), exact


def stands_for(key: str, task: str) -> bool:
    """Whether a key of labels.yaml such as `musr_*` means a task."""
    text = re.escape(re.sub(r"<\w+>", "*", key))
    text = re.sub(r"(\w)\\\|(\w)", r"(?:\1|\2)", text)
    return re.fullmatch(text.replace(r"\*", ".+"), task) is not None


def _labels_of(row: Mapping[str, Any]) -> list[str]:
    label = row.get("label")
    return [label] if isinstance(label, str) else []


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as err:
        raise DataError(f"{path}: cannot read: {err}", hint=_REPAIR) from err
    if not isinstance(found, dict):
        raise DataError(f"{path}: not an object", hint=_REPAIR)
    return found


def _facts(path: Path) -> dict[str, Any]:
    facts = _read_json(path)
    if not isinstance(facts.get("tasks"), dict):
        raise DataError(f"{path}: no mapping of tasks", hint=_REPAIR)
    return {"name": "", "revision": "", "problems": [], "notes": [], **facts}
