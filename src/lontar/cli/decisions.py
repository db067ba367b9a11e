"""The record of what `data.build` decided on each document, as a table for people."""

from __future__ import annotations

from collections import Counter
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


def decisions_table(artifact: Artifact, most: int = MOST_SHOWN, *, of_a_kind: int | None = None) -> Table:
    """What happened to each document that did not just stay as it was: id, language, what, the beginning of its text.

    Args:
        artifact: a corpus.
        most: show at most so many.
        of_a_kind: show at most so many with the same reason or the same edits.

    Raises:
        NotAnArtifactError: the artifact keeps no decisions.
    """
    (rows,) = decisions_of([artifact]).values()
    return table_of(artifact.path.name, rows, most, of_a_kind=of_a_kind)


def table_of(
    name: str, rows: Iterable[Mapping[str, Any]], most: int = MOST_SHOWN, *, of_a_kind: int | None = None
) -> Table:
    """The table of one corpus; its title counts what is not in it."""
    rows = list(rows)
    changed = [row for row in rows if row["edits"] or not row["kept"]]
    chosen = (changed if of_a_kind is None else _of_each_kind(changed, of_a_kind))[:most]
    title = f"{name}: {_counted(rows)}"
    if len(changed) > len(chosen):
        title += f" ({len(chosen)} of these {len(changed)} below)"
    shown = [(row["id"], row["lang"], what(row), row["excerpt"]) for row in chosen]
    made = table(title, ("id", "lang", "what", "text"), shown)
    for column, fixed in zip(made.columns, (True, True, True, False), strict=True):
        column.no_wrap = fixed
    return made


def _of_each_kind(rows: Iterable[Mapping[str, Any]], most: int) -> list[Mapping[str, Any]]:
    seen: Counter[str] = Counter()
    chosen = []
    for row in rows:
        kind = row["reason"] or " ".join(sorted(row["edits"]))
        seen[kind] += 1
        if seen[kind] <= most:
            chosen.append(row)
    return sorted(chosen, key=lambda row: (row["kept"], row["reason"] or ""))


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
