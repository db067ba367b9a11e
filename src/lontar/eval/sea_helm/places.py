"""Where rows of official tasks are found: files of a checkout, a folder of the user's, the hub."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol

from lontar.core.license import UNKNOWN
from lontar.errors import BackendError, DataError, UnavailableError
from lontar.eval.sea_helm.loaders import Source, local_rows, source_of, third_party
from lontar.eval.sea_helm.pack import EXAMPLES
from lontar.eval.sea_helm.rows import Record, file_records
from lontar.scoring.official.copy import OfficialCopy, Task

NONCOMMERCIAL = "noncommercial"
SOURCES = "SOURCES.md"
# Rows of the right task are those of the left one with the sides swapped.
SWAPPED = {
    "translation-xx-en": "translation-en-xx",
    "translation-en-xx": "translation-xx-en",
    "translation-xx-id": "translation-id-xx",
    "translation-id-xx": "translation-xx-id",
}
# Tasks with the rows of another one.
SHARED = {"mt-bench-increased-tokens": "mt-bench"}
JUDGED = {"mt-bench-judge": "mt-bench"}


@dataclass(frozen=True)
class Found:
    """Where rows of a task in one language come from."""

    origin: str
    """file relative to its folder, or a place on the hub"""
    license: str
    load: Callable[[], list[Record]]
    strict: bool = True
    base: Path | None = None
    """what problems leave out of the names of files"""


class Place(Protocol):
    """A place that may have rows."""

    def find(self, task: Task, lang: str, *, examples: bool) -> Found | None:
        """Rows of a task in a language, or its few-shot examples."""
        ...


@dataclass(frozen=True)
class CheckoutFiles:
    """JSON lines that stand in a checkout."""

    folder: Path
    license: str

    def find(self, task: Task, lang: str, *, examples: bool) -> Found | None:
        """The file that the task names, where it is in the checkout."""
        named = task.settings.get("examples" if examples else "dataset")
        name = named.get(lang) if isinstance(named, Mapping) else named
        if not isinstance(name, str) or not name.endswith(".jsonl"):
            return None
        path = self.folder / name
        if not path.is_file() or not path.resolve().is_relative_to(self.folder.resolve()):
            return None
        return Found(
            name, self.license, lambda: local_rows(task.name, file_records(path, numbered=True)), base=self.folder
        )


@dataclass(frozen=True)
class DataFolder:
    """A folder with `<task>/<lang>.jsonl` and `examples/<task>/<lang>.jsonl`."""

    folder: Path
    noncommercial: bool
    template_fields: Callable[[str, str], frozenset[str]]

    def find(self, task: Task, lang: str, *, examples: bool) -> Found | None:
        """The task's own file, or one whose rows serve it."""
        name = task.name
        if (own := self._file(name, lang, examples)) is not None:
            return self._found(own, partial(file_records, own))
        if name in SWAPPED and (other := self._file(SWAPPED[name], lang, examples)):
            fields = self.template_fields(name, lang)
            return self._found(other, partial(_swapped_file, other, fields), " (sides swapped)")
        if name in JUDGED and (other := self._file(JUDGED[name], lang, examples)):
            records = file_records(other)
            if all(isinstance(row.get("criteria"), list) for _, row in records):
                return self._found(other, lambda: records)
        return None

    def _file(self, task: str, lang: str, examples: bool) -> Path | None:
        places = (
            [f"{EXAMPLES}/{task}/{lang}.jsonl", f"{task}/{lang}_dev.jsonl"] if examples else [f"{task}/{lang}.jsonl"]
        )
        if self.noncommercial:
            places += [f"{NONCOMMERCIAL}/{place}" for place in places]
        return next((self.folder / place for place in places if (self.folder / place).is_file()), None)

    def _found(self, path: Path, load: Callable[[], list[Record]], how: str = "") -> Found:
        name = path.relative_to(self.folder).as_posix()
        return Found(name + how, self.licenses.get(name, self._default(name)), load, base=self.folder)

    def _default(self, name: str) -> str:
        return "CC-BY-NC-4.0" if name.startswith(f"{NONCOMMERCIAL}/") else UNKNOWN

    @cached_property
    def licenses(self) -> dict[str, str]:
        """SPDX identifiers by file, as a table of SOURCES.md gives them."""
        return licenses_of(self.folder / SOURCES)

    def strangers(self, copy: OfficialCopy) -> list[str]:
        """What stands in the folder and belongs to no task.

        Raises:
            DataError: a file is named by something that is no language of the benchmark.
        """
        notes = []
        languages = {lang for task in copy.tasks.values() for lang in task.languages}
        bases = [self.folder, self.folder / EXAMPLES, *([self.folder / NONCOMMERCIAL] if self.noncommercial else [])]
        for base in bases:
            for folder in sorted(path for path in base.glob("*") if path.is_dir()):
                if folder.name in copy.tasks:
                    notes += _strange_files(folder, copy.tasks[folder.name], languages, self.folder)
                elif folder.name not in (EXAMPLES, NONCOMMERCIAL):
                    notes.append(f"{folder.relative_to(self.folder)}: no task of that name, left out")
        if (self.folder / NONCOMMERCIAL).is_dir() and not self.noncommercial:
            notes.append(f"{NONCOMMERCIAL}: left out; --noncommercial takes it in, with its terms")
        return notes


def _strange_files(folder: Path, task: Task, languages: set[str], base: Path) -> list[str]:
    notes = []
    for path in sorted(folder.glob("*.jsonl")):
        code = path.stem.removesuffix("_dev")
        if code not in languages:
            raise DataError(
                f"{path}: {code!r} is no language of the benchmark", hint=f"known: {', '.join(sorted(languages))}"
            )
        if code not in task.languages:
            notes.append(f"{path.relative_to(base)}: the task has no language {code!r}, left out")
    return notes


def licenses_of(path: Path) -> dict[str, str]:
    """SPDX identifiers by file from a table in Markdown with the columns `file` and `licence`."""
    if not path.is_file():
        return {}
    found: dict[str, str] = {}
    columns: list[str] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.lstrip().startswith("|") else []
        names = [cell.lower().replace("licence", "license") for cell in cells]
        if "file" in names and "license" in names:
            columns = names
        elif not cells:
            columns = []
        elif columns and len(cells) == len(columns):
            row = dict(zip(columns, cells, strict=True))
            if spdx := spdx_of(row["license"]):
                found[row["file"]] = spdx
    return found


def spdx_of(text: str) -> str:
    """`CC BY-SA 4.0` as `CC-BY-SA-4.0`; empty for a line of dashes."""
    name = re.sub(r"\s+", "-", text.strip())
    name = f"{name}-1.0" if name.upper() == "CC0" else name
    return name if re.search(r"[A-Za-z]", name) else ""


def _swapped_file(path: Path, fields: frozenset[str]) -> list[Record]:
    return swapped(file_records(path), fields)


def swapped(records: Iterable[Record], fields: frozenset[str]) -> list[Record]:
    """Rows of a translation the other way round: what was asked is the label, and the label is asked.

    Raises:
        DataError: a row has not one text on each side.
    """
    turned: list[Record] = []
    for where, row in records:
        prompts, label = row.get("prompts"), row.get("label")
        sides = (
            [*prompts[0].values()]
            if isinstance(prompts, list) and len(prompts) == 1 and isinstance(prompts[0], dict)
            else []
        )
        if len(sides) != 1 or len(fields) != 1 or not isinstance(label, str) or not isinstance(sides[0], str):
            raise DataError(f"{where}: field 'prompts': the sides cannot be swapped: one text on each is needed")
        turned.append((where, {**row, "label": sides[0], "prompts": [{next(iter(fields)): label}]}))
    return turned


class HubError(Exception):
    """A data set of the hub that cannot be had or is of another shape: the other tasks go on."""


@contextmanager
def _one_data_set() -> Iterator[None]:
    try:
        yield
    except UnavailableError:  # no connection: no other data set can be had either
        raise
    except (BackendError, DataError) as err:
        raise HubError(str(err)) from err


@dataclass(frozen=True)
class Hub:
    """Data sets on the hub, through a function that gives rows of (path, config, split)."""

    read: Callable[[str, str | None, str], list[dict[str, Any]]]
    license: Callable[[str], str]

    def find(self, task: Task, lang: str, *, examples: bool) -> Found | None:
        """The data set that the task names, where its shape is known."""
        source = source_of(task, lang)
        if source is None or (examples and not source.examples_split):
            return None
        split = source.examples_split if examples else source.split
        with _one_data_set():
            spdx = self.license(source.path)
        return Found(
            f"hf:{source.path} {source.config or 'default'} {split}",
            spdx,
            lambda: self._load(task, lang, source, split, examples),
            strict=False,
        )

    def _load(self, task: Task, lang: str, source: Source, split: str, examples: bool) -> list[Record]:
        name = source.config if not examples else source.examples_config
        with _one_data_set():
            raw = self.read(source.path, name, split)
            rows = third_party(task.name, lang, raw, path=source.path, examples=examples)
        where = f"hf:{source.path} {name or 'default'} {split}"
        return [(f"{where}: row {i}", row) for i, row in enumerate(rows)]
