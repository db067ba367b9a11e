"""What a pack has and lacks, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lontar.core.command import Report, Table
from lontar.core.config import JsonObject
from lontar.eval.sea_helm.pack import Pack

# So many problems are printed; pack.json has them all.
SHOWN = 20


def overview(pack: Pack, problems: Sequence[str] = (), notes: Sequence[str] = ()) -> Report:
    """Tasks by languages with rows and without, and where the rest is found."""
    own = {name: entries for name, entries in pack.entries.items() if not _is_shared(name, entries)}
    have = [_row(name, entries) for name, entries in own.items() if any(_n(entry) for entry in entries.values())]
    value: JsonObject = {
        "pack": str(pack.folder),
        "revision": pack.revision,
        "license": pack.license,
        "tasks": {name: _facts(entries) for name, entries in pack.entries.items()},
        "problems": [*problems],
        "notes": [*notes],
    }
    tables = [
        Table(f"tasks with rows: {len(have)}", ("task", "rows by language", "no rows in", "the rest"), have),
        Table("without any rows", ("tasks", "why", "where"), _lacking(pack, own)),
    ]
    rest = len(problems) - SHOWN
    said = [*notes, *problems[:SHOWN], *([f"{rest} more problems: see pack.json"] if rest > 0 else [])]
    shared = len(pack.entries) - len(own)
    said.append(f"{shared} tasks have the rows of another (the -logprobs ones, for example)")
    said.append(f"{pack.folder}: {pack.name} {pack.revision[:12]}, {pack.license}")
    return Report(value, tables, said)


def _n(entry: Mapping[str, Any]) -> int:
    return int(entry.get("rows") or 0)


def _is_shared(name: str, entries: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether its rows are those of another task."""
    files = [str(entry.get("file") or "") for entry in entries.values()]
    return name.endswith("-logprobs") or any(file and file.split("/")[1] != name for file in files)


def _row(name: str, entries: Mapping[str, Mapping[str, Any]]) -> tuple[str, str, str, str]:
    has = ", ".join(f"{lang} {_n(entry)}" for lang, entry in entries.items() if _n(entry))
    lacks = {lang: entry for lang, entry in entries.items() if not _n(entry)}
    rest = sorted({_where(entry) for entry in lacks.values()})
    return name, has, " ".join(lacks), "; ".join(rest)


def _where(entry: Mapping[str, Any]) -> str:
    hub = entry.get("hub")
    return f"hf:{hub['path']}" if isinstance(hub, Mapping) else str(entry.get("from") or entry.get("why") or "")


def _lacking(pack: Pack, own: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[tuple[str, str, str]]:
    """Tasks without rows, those of one group in one line."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for name, entries in own.items():
        if not any(_n(entry) for entry in entries.values()):
            first = next(iter(entries.values()), {})
            key = (pack.copy.tasks[name].group or name, str(first.get("why") or ""), _where(first))
            groups.setdefault(key, []).append(name)
    return [
        (names[0] if len(names) == 1 else f"{group} ({len(names)} tasks)", why, where)
        for (group, why, where), names in groups.items()
    ]


def _facts(entries: Mapping[str, Mapping[str, Any]]) -> JsonObject:
    return {
        lang: {
            "rows": _n(entry),
            "examples": int(entry.get("examples") or 0),
            "from": entry.get("from"),
            "why": entry.get("why"),
        }
        for lang, entry in entries.items()
    }
