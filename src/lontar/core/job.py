"""What a running stage may touch.

A stage reads its inputs and config, writes under `job.dir`, and draws randomness from `job.seed`. Work that can be cut
into pieces goes through `job.unit`: a piece is built beside its place, committed by rename, and skipped when it is
there, which is the whole of "resume".
"""

from __future__ import annotations

import hashlib
import json
import math
import resource
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from lontar.core.artifact import LINEAGE, LOG, SCRATCH, payload_entries
from lontar.core.config import JsonObject
from lontar.core.executor import Executor, Resources, open_executor
from lontar.core.license import SourceTerms, check_spdx
from lontar.core.manifest import FILENAME, Cost
from lontar.core.progress import JsonLines, Progress, Reporter, Silent, Task
from lontar.core.shards import TEMPORARY, flush, write_json
from lontar.errors import ConfigError

_UNITS = "units"
_SPENT = "spent.json"


class Job:
    """The working folder of one stage and what goes with it. Made by `core/build.py`; a test may make one by hand."""

    def __init__(
        self, dir: Path, *, seed: int = 0, resources: Resources | None = None, progress: Progress | None = None
    ) -> None:
        self.dir = dir
        self.seed = seed
        self.resources = resources or Resources()
        self.scratch = dir / SCRATCH
        self.failures: dict[str, str] = {}
        self.metrics: dict[str, float] = {}
        self.terms: list[SourceTerms] = []
        self._executor: Executor | None = None
        (dir / "log").mkdir(parents=True, exist_ok=True)
        (self.scratch / _UNITS).mkdir(parents=True, exist_ok=True)
        self.progress = Reporter(_Tee(progress or Silent(), dir / "log" / "log.jsonl"))
        self._begin, self._cpu_begin = time.monotonic(), _cpu_seconds()
        self._before = _read_cost(self.scratch / _SPENT)
        self._tokens_in = self._tokens_out = 0
        self._usd = 0.0

    @property
    def executor(self) -> Executor:
        """Maps module-level functions over items, with `resources.workers` workers."""
        if self._executor is None:
            self._executor = open_executor(self.resources)
        return self._executor

    def unit(self, key: str, build: Callable[[Path], object], *, keep: bool = True) -> Path:
        """One piece of the work: its path, built first when it is not there.

        `build` gets a temporary path with the same ending and makes a file or a folder there. `keep=True` pieces are
        payload under `dir`; others (checkpoints, caches) stand under `scratch` and go when the artifact is finished.

        Raises:
            ConfigError: `key` is not a relative path inside the folder, or `build` made nothing.
        """
        place = Path(key)
        key = place.as_posix()  # "./a" and "a/" are "a": the sweep compares whole paths
        if place.is_absolute() or not place.parts or any(part.startswith(".") for part in place.parts):
            raise ConfigError(f"unit key {key!r} is not a relative path without dots")
        if keep and place.parts[0] in (FILENAME, LINEAGE, LOG):
            raise ConfigError(f"unit key {key!r}: {place.parts[0]} is no place for payload")
        path = (self.dir if keep else self.scratch) / place
        if path.exists():
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.parent / f"{TEMPORARY}{path.name}"
        _remove(temporary)
        build(temporary)
        if not temporary.exists():
            raise ConfigError(f"unit {key!r}: nothing was written to {temporary}")
        _flush_tree(temporary)
        if keep:  # the marker comes first: a marked piece that is missing is rebuilt, an unmarked one would be swept
            write_json(self._marker(key), key)
        temporary.rename(path)
        flush(path.parent)
        self._save_cost()
        return path

    def units(self, folder: str = "", *, keep: bool = True) -> list[Path]:
        """Finished pieces directly under `folder`, sorted by name."""
        base = (self.dir if keep else self.scratch) / folder
        return sorted(p for p in base.iterdir() if not p.name.startswith(".")) if base.is_dir() else []

    def sweep(self) -> None:
        """Remove what an interrupted attempt left half-done: every payload file that is not part of a finished unit."""
        for path in list(self.dir.rglob(f"{TEMPORARY}*")):
            _remove(path)
        marked = {json.loads(p.read_text(encoding="utf-8")) for p in (self.scratch / _UNITS).glob("*.json")}
        for name in payload_entries(self.dir):
            if marked.isdisjoint([name, *(folder.as_posix() for folder in PurePosixPath(name).parents)]):
                (self.dir / name).unlink()

    def metric(self, **values: float) -> None:
        """Record numbers: the last value of each name goes into the manifest, all of them into `log/metrics.jsonl`."""
        found = {name: float(value) for name, value in values.items()}
        for name, value in found.items():
            if math.isfinite(value):
                self.metrics[name] = value
            else:  # a manifest is JSON: a loss that is NaN must not cost the whole run at its very end
                self.metrics.pop(name, None)
                self.progress.say(f"{name} is {value}: left out of the manifest")
        row: JsonObject = {"seconds": round(time.monotonic() - self._begin, 3)}
        row |= {name: value if math.isfinite(value) else None for name, value in found.items()}
        with (self.dir / "log" / "metrics.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")

    def cost(self, *, tokens_in: int = 0, tokens_out: int = 0, usd: float = 0.0) -> None:
        """Add to what the work has taken."""
        self._tokens_in += tokens_in
        self._tokens_out += tokens_out
        self._usd += usd

    def fail(self, item: str, reason: str) -> None:
        """Record a failed item: the artifact is finished as incomplete, and the same command tries it again."""
        # An item may be the name of a file that is not UTF-8; the manifest is.
        item, reason = (text.encode("utf-8", "backslashreplace").decode("utf-8") for text in (item, reason))
        self.failures[item] = reason
        self.progress.say(f"failed: {item}: {reason}")

    def add_license(self, spdx: str, source: str, n: int = 0) -> None:
        """Record outside material taken in: its terms, its source, its number of documents."""
        self.terms.append(SourceTerms(spdx=check_spdx(spdx, source), source=source, documents=n))

    def spent(self) -> Cost:
        """What the work has taken so far, over all attempts."""
        old = self._before
        return Cost(
            seconds=round(old.seconds + time.monotonic() - self._begin, 3),
            cpu_seconds=round(old.cpu_seconds + _cpu_seconds() - self._cpu_begin, 3),
            peak_bytes=max(old.peak_bytes, _peak_bytes()),
            tokens_in=old.tokens_in + self._tokens_in,
            tokens_out=old.tokens_out + self._tokens_out,
            usd=old.usd + self._usd,
            attempts=old.attempts + 1,
        )

    def _marker(self, key: str) -> Path:
        return self.scratch / _UNITS / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"

    def _save_cost(self) -> None:
        write_json(self.scratch / _SPENT, self.spent().model_dump(mode="json"))


class _Tee:
    """Progress shown to the caller and logged beside the payload."""

    def __init__(self, shown: Progress, log: Path) -> None:
        self._shown, self._log = shown, log

    def start(self, name: str, total: float | None, unit: str) -> Task:
        stream = self._log.open("a", encoding="utf-8")
        lines = JsonLines(stream)
        return _TeeTask(self._shown.start(name, total, unit), lines.start(name, total, unit), lines, stream.close)

    def stop(self, task: Task) -> None:
        if isinstance(task, _TeeTask):
            self._shown.stop(task.shown)
            task.lines.stop(task.logged)
            task.close()

    def say(self, text: str) -> None:
        self._shown.say(text)
        with self._log.open("a", encoding="utf-8") as stream:
            JsonLines(stream).say(text)


class _TeeTask:
    def __init__(self, shown: Task, logged: Task, lines: JsonLines, close: Callable[[], None]) -> None:
        self.shown, self.logged, self.lines, self.close = shown, logged, lines, close

    def advance(self, n: float = 1) -> None:
        self.shown.advance(n)
        self.logged.advance(n)

    def note(self, **values: object) -> None:
        self.shown.note(**values)
        self.logged.note(**values)


def _read_cost(path: Path) -> Cost:
    if not path.is_file():
        return Cost(attempts=0)
    return Cost.model_validate(json.loads(path.read_text(encoding="utf-8")))


def _cpu_seconds() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _peak_bytes() -> int:
    # Linux counts in KiB, macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _flush_tree(path: Path) -> None:
    for file in [path, *path.rglob("*")] if path.is_dir() else [path]:
        flush(file)
