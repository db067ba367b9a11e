"""Fewer rounds of Python's cycle collector where tens of thousands of small objects are made and kept.

Each round looks at all of them anew: with the collector off, the run of `benchmarks/bench_eval.py` took 6.3 s of CPU
instead of 8.6.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Objects made before the young are looked at; rounds of the young before the middle-aged are, and of those before all.
_RARE = (100_000, 20, 20)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Collect cycles rarely inside the block; what was set before is set again after it."""
    before = gc.get_threshold()
    if before[0]:  # 0 means that somebody has turned it off
        gc.set_threshold(*_RARE)
    try:
        yield
    finally:
        gc.set_threshold(*before)
