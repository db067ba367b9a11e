"""`lontar chat`: talk to a model on the terminal, or to two side by side; what a model thinks aloud is folded away."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from rich.columns import Columns
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from lontar.cli.serve import check_folder, device_option
from lontar.errors import LontarError

OPEN, CLOSE = "<think>", "</think>"
REFRESH_PER_S = 12


@dataclass(frozen=True, slots=True)
class Folded:
    """An answer as it is shown: its text, and how much was thought."""

    text: str
    thought: str
    thinking: bool
    """the thought has not ended yet"""

    @property
    def label(self) -> str:
        """What stands in place of the thought."""
        if not self.thought and not self.thinking:
            return ""
        length = f"{len(self.thought)} characters"
        return f"[thinking … {length}]" if self.thinking else f"[thought {length}]"


def fold(answer: str) -> Folded:
    """Part an answer, whole or still growing, into thought and text.

    A tag that has only begun to arrive is held back. Some templates open the thought in the prompt: then only its end
    is in the answer.
    """
    text = answer.lstrip()
    if text.startswith(OPEN) or CLOSE in text:
        thought, closed, rest = text.removeprefix(OPEN).partition(CLOSE)
        return Folded(rest.lstrip() if closed else "", thought.strip(), not closed)
    if text and OPEN.startswith(text):
        return Folded("", "", True)
    return Folded(answer, "", False)


@dataclass
class Side:
    """One model of a conversation with its own history."""

    name: str
    backend: Any
    messages: list[Any] = field(default_factory=list)
    answer: str = ""
    problem: str = ""

    async def reply(self, text: str, sampling: Any, changed: Callable[[], None]) -> None:
        """Ask, and let the answer grow. A failure is shown in place of the answer and leaves the history as it was."""
        from lontar.core.records import Message

        self.answer, self.problem = "", ""
        asked = [*self.messages, Message(role="user", content=text)]
        try:
            async for delta in self._deltas(asked, sampling):
                self.answer += delta
                changed()
        except LontarError as err:
            self.problem = str(err)
            changed()
            return
        if self.answer:
            self.messages = [*asked, Message(role="assistant", content=self.answer)]

    async def _deltas(self, messages: list[Any], sampling: Any) -> AsyncIterator[str]:
        async with contextlib.aclosing(self.backend.stream(tuple(messages), sampling)) as stream:
            async for delta in stream:
                yield delta.text

    def shown(self, *, thoughts: bool) -> Group:
        """The answer as it stands."""
        folded = fold(self.answer)
        above = folded.thought if thoughts and folded.thought else folded.label
        lines = [Text(above, style="dim")] if above else []
        return Group(*lines, Text(folded.text), *([Text(self.problem, style="red")] if self.problem else []))


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--against", type=click.Path(path_type=Path), help="A second model, asked the same, shown beside it.")
@click.option("--system", help="A system message.")
@click.option("--thoughts", is_flag=True, help="Show what the model thinks between <think> and </think>.")
@click.option("--max-tokens", default=128, show_default=True)
@click.option("--temperature", default=0.7, show_default=True)
@click.option("--seed", type=int, help="Same seed, same answers.")
@click.option("--backend", default="hf", show_default=True)
@device_option
def chat(
    model: Path, against: Path | None, system: str | None, thoughts: bool, backend: str, device: str, **sampling: Any
) -> None:
    """Talk to MODEL on the terminal; an empty line or Ctrl-D ends it. /reset forgets what was said."""
    from lontar.backends import Sampling, backend_options, open_backend
    from lontar.core.records import Message

    options = {"device": device} if "device" in backend_options(backend) else {}
    sides: list[Side] = []
    for path in (model, *([against] if against else [])):
        check_folder(path, backend)
        sides.append(Side(_name(path, sides), open_backend(backend, path, **options)))
    first = [Message(role="system", content=system)] if system else []
    asyncio.run(_converse(sides, first, Sampling(**sampling), thoughts))


def _name(path: Path, others: list[Side]) -> str:
    """The folder's name; two of one name are told apart by their parents."""
    return path.name if all(side.name != path.name for side in others) else f"{path.parent.name}/{path.name}"


async def _converse(sides: list[Side], first: list[Any], sampling: Any, thoughts: bool) -> None:
    """Turns until an empty line. Models answer one after the other: on one machine they would only share its cores."""
    for side in sides:
        side.messages = [*first]
    try:
        while text := await asyncio.to_thread(_read_line):
            if text == "/reset":
                for side in sides:
                    side.messages = [*first]
                continue
            await _turn(sides, text, sampling, thoughts)
    finally:
        for side in sides:
            if hasattr(side.backend, "aclose"):
                await side.backend.aclose()


async def _turn(sides: list[Side], text: str, sampling: Any, thoughts: bool) -> None:
    out = Console(highlight=False)
    if not out.is_terminal:
        for side in sides:
            await side.reply(text, sampling, lambda: None)
            if len(sides) > 1:
                out.print(Text(f"{side.name}:", style="bold"))
            out.print(side.shown(thoughts=thoughts))
        return
    for side in sides:
        side.answer, side.problem = "", ""
    with Live(_view(sides, out, thoughts), console=out, refresh_per_second=REFRESH_PER_S) as live:
        for side in sides:
            await side.reply(text, sampling, lambda: live.update(_view(sides, out, thoughts)))


def _view(sides: list[Side], out: Console, thoughts: bool) -> Any:
    if len(sides) == 1:
        return sides[0].shown(thoughts=thoughts)
    width = max(24, (out.width - 1) // 2)
    panels = [Panel(side.shown(thoughts=thoughts), title=side.name, width=width) for side in sides]
    return Columns(panels, padding=0)


def _read_line() -> str:
    if sys.stdin.isatty():
        click.echo("> ", nl=False, err=True)
    return sys.stdin.readline().strip()
