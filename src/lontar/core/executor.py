"""Map a function over shards: in this process, over a process pool, or as Ray tasks (`executor_ray.py`).

Results come back in the order of the items, so the number of workers never changes an output. Functions and items
cross to other processes by pickling: functions must be module-level. Workers are spawned, not forked (threads and
locks of the parent stay behind), import the plug-in files the parent has loaded, and end when their parent dies.
"""

from __future__ import annotations

import concurrent.futures
import concurrent.futures.process
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from lontar.core import plugins
from lontar.core.config import Config
from lontar.errors import ConfigError, LontarError

T = TypeVar("T")
R = TypeVar("R")


class Resources(Config):
    """What a run may use. Recorded, but never part of a fingerprint."""

    device: str = "auto"
    """auto, cpu, cuda or cuda:N"""
    workers: int = 1
    """worker processes for stages that map over shards"""
    threads: int | None = None
    """threads per process of numerical libraries; none leaves their default"""
    executor: Literal["auto", "serial", "process", "ray"] = "auto"
    """auto: processes when workers > 1"""
    address: str | None = None
    """address of a Ray cluster; none starts a local one"""


class Executor(Protocol):
    """Applies a function to items, in order."""

    def map(self, function: Callable[[T], R], items: Iterable[T], /) -> Iterator[R]:
        """Yield `function(item)` for each item, in the order of the items; the first error is raised."""


class Serial:
    """Everything in this process, one after the other."""

    def map(self, function: Callable[[T], R], items: Iterable[T], /) -> Iterator[R]:
        """Apply one by one."""
        return map(function, items)


class ProcessPool:
    """Worker processes on this machine. At most two items per worker are under way: memory stays bounded.

    Args:
        workers: how many at a time.
        fresh: a process for every item, so that what one took goes back to the system when it is done.
    """

    def __init__(self, workers: int, *, fresh: bool = False) -> None:
        self.workers = workers
        self.fresh = fresh

    def map(self, function: Callable[[T], R], items: Iterable[T], /) -> Iterator[R]:
        """Apply in parallel, yield in order."""
        context = multiprocessing.get_context("spawn")
        pool = concurrent.futures.ProcessPoolExecutor(
            self.workers,
            mp_context=context,
            initializer=_start_worker,
            initargs=(plugins.loaded_files(),),
            max_tasks_per_child=1 if self.fresh else None,
        )
        pending: deque[concurrent.futures.Future[R]] = deque()
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) >= 2 * self.workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        except concurrent.futures.process.BrokenProcessPool as err:
            hint = "often it is memory: try fewer, --resources workers=N. The same command goes on where it stopped"
            raise LontarError("a worker process ended before its work was done", hint=hint) from err
        except (KeyboardInterrupt, GeneratorExit):  # interrupted here, or in the caller
            _end(pool)  # what is under way may take minutes, and files are written whole or not at all
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _end(pool: concurrent.futures.ProcessPoolExecutor) -> None:
    for process in list((getattr(pool, "_processes", None) or {}).values()):
        process.terminate()


def _start_worker(plugin_files: Sequence[Path]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    for path in plugin_files:
        plugins.load_file(path)


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    # A worker waits on a queue whose other end it holds itself, so it would outlive a killed parent for ever.
    parent.join()
    os._exit(1)


def open_executor(resources: Resources) -> Executor:
    """The executor that `resources` asks for.

    Raises:
        ConfigError: fewer than one worker.
        MissingExtraError: Ray is asked for and not installed.
    """
    if resources.workers < 1:
        raise ConfigError(f"resources.workers: {resources.workers} is not a number of workers", hint="1 or more")
    if resources.executor == "ray":
        from lontar.core.executor_ray import RayTasks  # the only importer of ray

        return RayTasks(resources.workers, resources.address)
    if resources.executor == "serial" or (resources.executor == "auto" and resources.workers == 1):
        return Serial()
    return ProcessPool(resources.workers)
