"""Map over shards as Ray tasks: one task per item, results in order; only the task API of Ray is used.

The shared file system is the data plane (tasks get and return paths and small values), so any cluster that can start
a Python function can stand behind this; nothing else in lontar knows about Ray.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from lontar.core import plugins
from lontar.core.extras import need

T = TypeVar("T")
R = TypeVar("R")


class RayTasks:
    """Ray tasks, at most two per worker under way."""

    def __init__(self, workers: int, address: str | None = None) -> None:
        self.workers = workers
        self._ray = need("ray", extra="ray")
        if not self._ray.is_initialized():
            local = {} if address else {"num_cpus": workers, "include_dashboard": False}
            self._ray.init(address=address, log_to_driver=False, **local)

    def map(self, function: Callable[[T], R], items: Iterable[T], /) -> Iterator[R]:
        """Apply in parallel, yield in order."""
        remote: Any = self._ray.remote(_call)
        files, pending = plugins.loaded_files(), deque[Any]()
        for item in items:
            pending.append(remote.remote(function, item, files))
            if len(pending) >= 2 * self.workers:
                yield self._ray.get(pending.popleft())
        while pending:
            yield self._ray.get(pending.popleft())


def _call(function: Callable[[T], R], item: T, plugin_files: tuple[Path, ...]) -> R:
    for path in plugin_files:
        plugins.load_file(path)
    return function(item)
