"""Progress of a running stage: silent, one live line on a terminal, or JSON lines.

A stage opens a task, advances it and leaves notes; what that looks like is the caller's choice. The library itself
prints nothing: `Silent` is the default.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as RichBar,
)

# A line every 2 s keeps an hour of training under 2,000 log lines.
LOG_INTERVAL_S = 2.0


class Task(Protocol):
    """One thing being counted."""

    def advance(self, n: float = 1) -> None:
        """Count `n` more units."""

    def note(self, **values: object) -> None:
        """Show values beside the count: `note(loss=2.31)`."""


class Progress(Protocol):
    """Where tasks are shown."""

    def start(self, name: str, total: float | None, unit: str) -> Task:
        """Begin a task; `total` None means unknown."""

    def stop(self, task: Task) -> None:
        """End a task."""

    def say(self, text: str) -> None:
        """Show one line of text."""


class Silent:
    """Shows nothing."""

    def start(self, name: str, total: float | None, unit: str) -> Task:
        """Begin a task that is not shown."""
        return self

    def stop(self, task: Task) -> None:
        """Do nothing."""

    def say(self, text: str) -> None:
        """Do nothing."""

    def advance(self, n: float = 1) -> None:
        """Do nothing."""

    def note(self, **values: object) -> None:
        """Do nothing."""


class JsonLines:
    """One JSON object a line to a stream, at most every two seconds per task, and one at the end."""

    def __init__(self, stream: IO[str] | None = None, interval_s: float = LOG_INTERVAL_S) -> None:
        self._stream = stream or sys.stderr
        self._interval_s = interval_s

    def start(self, name: str, total: float | None, unit: str) -> Task:
        """Begin a task."""
        return _JsonTask(self, name, total, unit, self._interval_s)

    def stop(self, task: Task) -> None:
        """Write the last state of a task."""
        if isinstance(task, _JsonTask):
            task.emit(done=True)

    def say(self, text: str) -> None:
        """Write one line of text."""
        self.write({"message": text})

    def write(self, row: dict[str, object]) -> None:
        """Write one row."""
        self._stream.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
        self._stream.flush()


class _JsonTask:
    def __init__(self, out: JsonLines, name: str, total: float | None, unit: str, interval_s: float) -> None:
        self._out, self._name, self._total, self._unit, self._interval_s = out, name, total, unit, interval_s
        self._count, self._notes = 0.0, dict[str, object]()
        self._begin = self._last = time.monotonic()

    def advance(self, n: float = 1) -> None:
        self._count += n
        if time.monotonic() - self._last >= self._interval_s:
            self.emit()

    def note(self, **values: object) -> None:
        self._notes.update(values)

    def emit(self, done: bool = False) -> None:
        self._last = time.monotonic()
        row: dict[str, object] = {
            "task": self._name,
            self._unit: self._count,
            "seconds": round(self._last - self._begin, 2),
        }
        self._out.write({**row, "total": self._total, "done": done, **self._notes})


class Terminal:
    """Bars on a terminal, on standard error."""

    def __init__(self, console: Console | None = None) -> None:
        self._bar = RichBar(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:.0f}/{task.fields[of]} {task.fields[unit]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[notes]}"),
            console=console or Console(stderr=True),
            transient=True,
        )
        self._open = 0

    def start(self, name: str, total: float | None, unit: str) -> Task:
        """Begin a task."""
        if self._open == 0:
            self._bar.start()
        self._open += 1
        of = "?" if total is None else f"{total:.0f}"
        return _TerminalTask(self._bar, self._bar.add_task(name, total=total, unit=unit, of=of, notes=""))

    def stop(self, task: Task) -> None:
        """End a task and remove its bar."""
        if isinstance(task, _TerminalTask):
            self._bar.remove_task(task.id)
            self._open -= 1
            if self._open == 0:
                self._bar.stop()

    def say(self, text: str) -> None:
        """Print one line above the bars."""
        self._bar.console.print(text, highlight=False, markup=False)


class _TerminalTask:
    def __init__(self, bar: RichBar, id_: TaskID) -> None:
        self._bar, self.id = bar, id_
        self._notes: dict[str, object] = {}

    def advance(self, n: float = 1) -> None:
        self._bar.advance(self.id, n)

    def note(self, **values: object) -> None:
        self._notes.update(values)
        text = "  ".join(f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in self._notes.items())
        self._bar.update(self.id, notes=text)


class Reporter:
    """What a stage sees: tasks as a context manager, shown wherever `shown` says."""

    def __init__(self, shown: Progress, prefix: str = "") -> None:
        self._shown, self._prefix = shown, prefix

    @contextmanager
    def task(self, name: str, total: float | None = None, unit: str = "items") -> Iterator[Task]:
        """Count something: `with progress.task("pack", total=n, unit="docs") as t: t.advance()`."""
        task = self._shown.start(self._prefix + name, total, unit)
        try:
            yield task
        finally:
            self._shown.stop(task)

    def say(self, text: str) -> None:
        """Show one line of text."""
        self._shown.say(self._prefix + text)
