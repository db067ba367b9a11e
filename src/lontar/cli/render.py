"""What commands print: rich tables for people, JSON for programs; both from the same plain values."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.tree import Tree

from lontar.core.artifact import Lineage
from lontar.core.progress import JsonLines, Progress, Silent, Terminal


def console() -> Console:
    """Standard output; wide when it is not a terminal, so that tables in logs are not folded."""
    return Console(width=None if sys.stdout.isatty() else 180, highlight=False, soft_wrap=False)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1, default=str))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], right: Iterable[int] = ()) -> Table:
    """A table; columns whose index is in `right` are aligned to the right."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    to_right = set(right)
    for i, column in enumerate(columns):
        made.add_column(column, justify="right" if i in to_right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(text(cell) for cell in row))
    return made


def text(value: object) -> str:
    """A cell: floats with four figures, sizes and None readable."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e5 else f"{value:,.0f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value).replace("[", "\\[")


def size(n: float) -> str:
    """Bytes with a unit."""
    for unit in ("B", "kB", "MB", "GB"):
        if n < 1000:
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1000
    return f"{n:.1f} TB"


def lineage_tree(node: Lineage) -> Tree:
    """A family tree; an ancestor that was shown already is named again without its own parents."""
    shown: set[str] = set()

    def label(n: Lineage) -> str:
        name = f"[bold]{n.name}[/] " if n.name else ""
        if n.manifest is None:
            return f"{name}[red]record missing[/] {n.seal[:12]}"
        m = n.manifest
        return f"{name}{m.kind} [dim]{m.digest[:12]}[/] by {m.stage} v{m.stage_version}  [dim]{m.license.spdx}[/]"

    def grow(tree: Tree, n: Lineage) -> None:
        for parent in n.parents:
            again = parent.seal in shown
            shown.add(parent.seal)
            branch = tree.add(label(parent) + (" [dim](as above)[/]" if again and parent.parents else ""))
            if not again:
                grow(branch, parent)

    root = Tree(label(node))
    grow(root, node)
    return root


def lineage_json(node: Lineage) -> dict[str, Any]:
    """A family tree as JSON."""
    m = node.manifest
    facts = {} if m is None else {"kind": m.kind, "digest": m.digest, "stage": m.stage, "license": m.license.spdx}
    return {"name": node.name, "seal": node.seal, **facts, "parents": [lineage_json(p) for p in node.parents]}


PROGRESS_CHOICES = ("auto", "rich", "json", "none")


def progress_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--progress`."""
    return click.option(
        "--progress", "shown", type=click.Choice(PROGRESS_CHOICES), default="auto", help="How progress is shown."
    )(function)


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")(function)


def open_progress(shown: str) -> Progress:
    """Bars on a terminal, JSON lines elsewhere, or what was asked for."""
    if shown == "none":
        return Silent()
    if shown == "rich" or (shown == "auto" and sys.stderr.isatty()):
        return Terminal()
    return JsonLines()
