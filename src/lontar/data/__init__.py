"""From files to a corpus: sources, filters, duplicates, counts."""

from lontar.data.config import BuildConfig, Heldout, Source
from lontar.data.counts import table
from lontar.data.filters import Filter, corpus_filter
from lontar.data.stages import build

__all__ = ["BuildConfig", "Filter", "Heldout", "Source", "build", "corpus_filter", "table"]
