"""The record of what `data.build` decided on each document, as a table for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table

from lontar.cli.render import table
from lontar.core.artifact import Artifact
from lontar.errors import NotAnArtifactError

# A screenful or three; `--json` gives all of them.
MOST_SHOWN = 200


def decisions_of(artifacts: Sequence[Artifact]) -> dict[str, list[dict[str, Any]]]:
    """Name of each artifact that keeps decisions -> its rows.

    Raises:
        NotAnArtifactError: none keeps them.
    """
    from lontar.data.decisions import read_decisions

    found = {a.path.name: rows for a in artifacts if (rows := read_decisions(a.path)) is not None}
    if not found:
        raise NotAnArtifactError(
            f"{artifacts[0].path.parent if len(artifacts) > 1 else artifacts[0].path}: keeps no record of decisions",
            hint="build the corpus with decisions: all (or dropped)",
        )
    return {name: list(rows) for name, rows in found.items()}


def decisions_table(artifact: Artifact, most: int = MOST_SHOWN) -> Table:
    """What happened to each document that did not just stay as it was: id, language, what, the beginning of its text.

    Raises:
        NotAnArtifactError: the artifact keeps no decisions.
    """
    (rows,) = decisions_of([artifact]).values()
    return table_of(artifact.path.name, rows, most)


def table_of(name: str, rows: Iterable[Mapping[str, Any]], most: int = MOST_SHOWN) -> Table:
    """The table of one corpus; its title counts what is not in it."""
    rows = list(rows)
    changed = [row for row in rows if row["edits"] or not row["kept"]]
    title = f"{name}: {_counted(rows)}"
    if len(changed) > most:
        title += f" (the first {most} of {len(changed)} below; --json for all)"
    shown = [(row["id"], row["lang"], what(row), row["excerpt"]) for row in changed[:most]]
    made = table(title, ("id", "lang", "what", "text"), shown)
    for column, fixed in zip(made.columns, (True, True, True, False), strict=True):
        column.no_wrap = fixed
    return made


def _counted(rows: Sequence[Mapping[str, Any]]) -> str:
    dropped = sum(not row["kept"] for row in rows)
    edited = sum(bool(row["kept"] and row["edits"]) for row in rows)
    kept = len(rows) - dropped - edited
    return f"{len(rows):,} documents, {dropped:,} dropped, {edited:,} changed, {kept:,} kept as they were"


def what(row: Mapping[str, Any]) -> str:
    """One decision in words: "near_duplicate of d001", "zwsp 3"."""
    if row["kept"]:
        return ", ".join(f"{name} {n}" for name, n in sorted(row["edits"].items())) or "kept"
    return f"{row['reason']} of {row['of']}" if row.get("of") else str(row["reason"])
