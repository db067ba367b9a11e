"""Making a task pack: official files copied or converted; rows from the checkout, a data folder and the hub."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lontar.core.config import JsonObject
from lontar.errors import ConfigError, DataError
from lontar.eval.sea_helm.checkout import TASKS, Converted, commit_of, convert
from lontar.eval.sea_helm.loaders import source_of
from lontar.eval.sea_helm.pack import EXAMPLES, LOGPROBS, ROWS
from lontar.eval.sea_helm.places import (
    NONCOMMERCIAL,
    SHARED,
    SOURCES,
    CheckoutFiles,
    DataFolder,
    Found,
    HubError,
    Place,
    _one_data_set,
)
from lontar.eval.sea_helm.rows import Checked, Rules, check
from lontar.scoring.official.copy import FILES, OfficialCopy, Task

OFFICIAL_LICENSE, OFFICIAL_NAME = "MIT", "aisingapore/SEA-HELM"
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
