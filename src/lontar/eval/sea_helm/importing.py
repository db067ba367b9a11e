"""Making a task pack: official files copied or converted; rows from the checkout, a data folder and the hub."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol

from lontar.core.config import JsonObject
from lontar.errors import BackendError, ConfigError, DataError, UnavailableError
from lontar.eval.sea_helm.checkout import TASKS, Converted, commit_of, convert
from lontar.eval.sea_helm.loaders import Source, local_rows, source_of, third_party
from lontar.eval.sea_helm.pack import EXAMPLES, LOGPROBS, ROWS
from lontar.eval.sea_helm.rows import Checked, Record, Rules, check, file_records
from lontar.scoring.official.copy import FILES, OfficialCopy, Task

NONCOMMERCIAL = "noncommercial"
SOURCES = "SOURCES.md"
UNKNOWN = "LicenseRef-unknown"
OFFICIAL_LICENSE, OFFICIAL_NAME = "MIT", "aisingapore/SEA-HELM"
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
BUILT = ("niah", "cwe")
_HINT = "give a checkout of the official repository, or a folder with tasks.yaml, labels.yaml and so on"


def kind_of(folder: Path) -> str:
    """`specification` or `checkout`.

    Raises:
        DataError: it is neither.
    """
    if (folder / "tasks.yaml").is_file():
        return "specification"
    if (folder / TASKS).is_dir():
        return "checkout"
    if (folder / "objects").is_dir() and (folder / "HEAD").is_file():
        raise DataError(
            f"{folder}: a git directory without its files",
            hint=f"write them out: git -C {folder} archive HEAD | tar -x -C FOLDER",
        )
    what = "holds neither" if folder.is_dir() else "no such folder:"
    raise DataError(f"{folder}: {what} tasks.yaml nor {TASKS}/", hint=_HINT)


def official_files(folder: Path) -> list[Path]:
    """The files that a pack takes from a specification."""
    templates = sorted((folder / "templates").glob("*.yaml"))
    return [path for path in [*(folder / f"{name}.yaml" for name in FILES), *templates] if path.is_file()]


def write_official(folder: Path, dest: Path) -> Converted:
    """Write the official files in the layout of the specification; says what could not be read.

    Raises:
        DataError: the folder is neither a checkout nor a specification, or a file is damaged.
    """
    if kind_of(folder) == "checkout":
        return convert(folder, dest)
    for path in official_files(folder):
        target = dest / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return Converted()


def revision_of(folder: Path, given: str) -> str:
    """The revision of the official files: of a checkout its commit, of a specification what its header says.

    Raises:
        ConfigError: the one given is another.
    """
    if kind_of(folder) == "checkout":
        found = commit_of(folder)
    else:
        head = (folder / "tasks.yaml").read_text(encoding="utf-8", errors="replace")[:1000]
        match = re.search(r"@ ?([0-9a-f]{7,40})\b", head)
        found = match[1] if match else ""
    if given and found and not (found.startswith(given) or given.startswith(found)):
        raise ConfigError(
            f"{folder}: is of revision {found}, not {given}", hint="leave --revision out, or check that out"
        )
    return max(given, found, key=len)


# --- where rows are --------------------------------------------------------------------------------------------------


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


# --- all together ----------------------------------------------------------------------------------------------------


@dataclass
class Taken:
    """What a pack will hold besides the official files."""

    files: dict[str, Sequence[dict[str, Any]]] = field(default_factory=dict)
    tasks: dict[str, dict[str, JsonObject]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    terms: dict[tuple[str, str], int] = field(default_factory=dict)
    """rows by license and source"""


def base_of(task: str, copy: OfficialCopy) -> str:
    """The task whose rows a task has; itself for most."""
    base = SHARED.get(task, task.removesuffix(LOGPROBS))
    return base if base in copy.tasks else task


def take(copy: OfficialCopy, places: Sequence[Place], advance: Callable[[], None] = lambda: None) -> Taken:
    """Read and check the rows of every task in every language.

    Raises:
        DataError: a row is damaged; names file, line and field.
    """
    taken = Taken()
    for name, task in copy.tasks.items():
        if base_of(name, copy) == name:
            taken.tasks[name] = {lang: _take(copy, task, lang, places, taken) for lang in task.languages}
        advance()
    for name, task in copy.tasks.items():
        base = base_of(name, copy)
        if base != name:
            taken.tasks[name] = {
                lang: dict(taken.tasks[base].get(lang) or _nothing(task, lang)) for lang in task.languages
            }
    taken.tasks = {name: taken.tasks[name] for name in copy.tasks}
    return taken


def _take(copy: OfficialCopy, task: Task, lang: str, places: Sequence[Place], taken: Taken) -> JsonObject:
    entry = _nothing(task, lang)
    rules = Rules.of(copy, task.name, lang)
    for examples in (False, True):
        try:
            found = next((f for place in places if (f := place.find(task, lang, examples=examples))), None)
            checked = Checked() if found is None else _checked(found, rules.for_examples if examples else rules)
        except HubError as err:
            taken.problems.append(f"{task.name} {lang}: {err}".replace("\n", " "))
            entry |= {} if examples else {"why": str(err)}
            continue
        if found is None:
            continue
        prefix = "" if found.base is None else f"{found.base}/"
        taken.problems += [text.replace(prefix, "") if prefix else text for text in checked.problems]
        if not checked.rows:
            entry |= {} if examples else {"why": f"{found.origin}: {checked.why}", "from": found.origin}
            continue
        count, file = ("examples", "examples_file") if examples else ("rows", "file")
        name = f"{EXAMPLES if examples else ROWS}/{task.name}/{lang}.jsonl"
        taken.files[name] = checked.rows
        key = (found.license, found.origin.removesuffix(" (sides swapped)"))
        taken.terms[key] = len(checked.rows)
        entry |= {count: len(checked.rows), file: name}
        if not examples:
            entry |= {"from": found.origin, "license": found.license, "why": ""}
    return entry


def _checked(found: Found, rules: Rules) -> Checked:
    if found.strict:
        return check(found.load(), rules)
    records = found.load()
    with _one_data_set():
        return check(records, replace(rules, strict=False))


def _nothing(task: Task, lang: str) -> JsonObject:
    """The entry of a task without rows."""
    source = source_of(task, lang)
    hub: JsonObject | None = None
    named = task.settings.get("dataset")
    name = named.get(lang) if isinstance(named, Mapping) else named
    if source is not None:
        hub = {
            "path": source.path,
            "config": source.config,
            "split": source.split,
            "examples_split": source.examples_split or None,
        }
        why, origin = "not here: --hub fetches it", f"hf:{source.path} {source.config or 'default'} {source.split}"
    elif task.metric_family in BUILT:
        why, origin = "made for the tokenizer of a model, when it is evaluated", ""
    elif isinstance(name, str) and name.endswith(".jsonl"):
        why, origin = "its file of the official repository is not at hand", name
    elif task.settings.get("task_modality"):
        why, origin = "shows pictures: not read yet", f"hf:{name}" if name else ""
    else:
        why, origin = "no loader knows its shape", f"hf:{name}" if name else ""
    return {
        "rows": 0,
        "examples": 0,
        "from": origin,
        "license": "",
        "file": "",
        "examples_file": "",
        "hub": hub,
        "why": why,
    }


def places(
    folder: Path, copy: OfficialCopy, data: Path | None, *, noncommercial: bool, hub: bool
) -> tuple[list[Place], list[str]]:
    """The places to look for rows in, first to last, and what stands in them unused.

    Raises:
        DataError: there is no such data folder, or a file in it is named by no language.
        MissingExtraError: the hub is asked for, and its client is not installed.
    """
    found: list[Place] = []
    notes: list[str] = []
    if kind_of(folder) == "checkout":
        found.append(CheckoutFiles(folder, official_license(folder)))
    if data is not None:
        if not data.is_dir():
            raise DataError(f"{data}: no such folder", hint="give the folder that holds <task>/<language>.jsonl")
        given = DataFolder(data, noncommercial, lambda task, lang: Rules.of(copy, task, lang).fields)
        notes += given.strangers(copy)
        found.append(given)
    if hub:
        from lontar.eval.sea_helm.hub import open_hub

        found.append(open_hub())
    return found, notes


def source_files(folder: Path, data: Path | None, *, noncommercial: bool) -> dict[str, Path]:
    """Everything a pack is made from, by a name that does not depend on where it stands.

    Raises:
        DataError: the folder is neither a checkout nor a specification.
    """
    if kind_of(folder) == "specification":
        files = official_files(folder)
    else:
        base = folder / TASKS
        files = [path for ending in ("yaml", "jsonl", "py") for path in base.rglob(f"*.{ending}")]
        files += [path for path in folder.glob("LICENSE*") if path.is_file()]
    found = {f"official/{path.relative_to(folder).as_posix()}": path for path in files if path.is_file()}
    if data is not None:
        own = [*data.rglob("*.jsonl"), *data.glob(SOURCES)]
        names = {path.relative_to(data).as_posix(): path for path in own if path.is_file()}
        found |= {
            f"data/{name}": path
            for name, path in names.items()
            if noncommercial or not name.startswith(f"{NONCOMMERCIAL}/")
        }
    return dict(sorted(found.items()))


def official_license(folder: Path) -> str:
    """Terms of the official files: what the folder states, else those of the official repository."""
    from lontar.models.adopt import find_license

    return find_license(folder) or OFFICIAL_LICENSE


def lines(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as JSON lines."""
    return b"".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for row in rows)
