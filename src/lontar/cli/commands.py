"""A command line from each registered command: arguments, options, JSON lines on standard output."""

from __future__ import annotations

import inspect
import json
import sys
import types
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from lontar.cli.render import console, print_json, table
from lontar.core.command import Command, Parameter, Report
from lontar.core.config import JsonObject


def click_command(given: Command) -> click.Command:
    """The click command of a registered command."""
    parameters: list[click.Parameter] = [_option(p) if p.is_option else _argument(p) for p in given.parameters]
    order = [p.name for p in given.parameters if not p.is_option]

    def callback(**values: Any) -> None:
        arguments = [values.pop(name) for name in order]
        as_json = values.pop("as_json", False)
        found = given.function(*arguments, **values)
        if isinstance(found, Report):
            print_report(found, as_json)
        else:
            print_lines(found)

    if given.reports:
        parameters.append(click.Option(["--json", "as_json"], is_flag=True, help="Print JSON."))

    doc = (inspect.getdoc(given.function) or "").partition("\nArgs:\n")[0]
    return click.Command(given.name.partition(".")[2], params=parameters, help=doc, callback=callback)


def _argument(parameter: Parameter) -> click.Argument:
    many = typing.get_origin(parameter.kind) is tuple
    kind = typing.get_args(parameter.kind)[0] if many else parameter.kind
    metavar = f"{parameter.name.upper()}..." if many else parameter.name.upper()
    return click.Argument([parameter.name], type=_type(kind), metavar=metavar, nargs=-1 if many else 1, required=True)


def _option(parameter: Parameter) -> click.Option:
    flag = f"--{parameter.name.replace('_', '-')}"
    if parameter.kind is bool:
        on = f"{flag}/--no-{flag[2:]}" if parameter.default is True else flag
        return click.Option([on], is_flag=True, default=parameter.default, help=parameter.help)
    required = parameter.default is inspect.Parameter.empty
    return click.Option(
        [flag],
        type=_type(parameter.kind),
        required=required,
        default=None if required else parameter.default,
        show_default=not required and parameter.default not in (None, ""),
        help=parameter.help,
    )


def _type(kind: Any) -> Any:
    """The click type of an annotation; `X | None` is X."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        kind = next(each for each in typing.get_args(kind) if each is not type(None))
    if typing.get_origin(kind) is typing.Literal:
        return click.Choice(typing.get_args(kind))
    return click.Path(path_type=Path) if kind is Path else kind


def print_report(found: Report, as_json: bool) -> None:
    """Tables and notes, or one JSON document; a code other than 0 ends the command with it."""
    if as_json:
        print_json(found.value)
    else:
        out = console()
        for each in found.tables:
            rows = [list(row) for row in each.rows]
            numbers = [i for i in range(len(each.columns)) if all(not isinstance(row[i], str) for row in rows)]
            out.print(table(each.title, each.columns, rows, right=numbers))
        for note in found.notes:
            out.print(note)
    if found.exit_code:
        click.get_current_context().exit(found.exit_code)


def print_lines(rows: Iterable[JsonObject]) -> None:
    """One JSON object a line in UTF-8, whatever the terminal's encoding; half a surrogate pair as its escape."""
    out = sys.stdout.buffer
    try:
        for row in rows:
            text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
            try:
                data = text.encode("utf-8")
            except UnicodeEncodeError:
                data = json.dumps(row, separators=(",", ":")).encode("ascii")
            out.write(data + b"\n")
    finally:
        out.flush()
