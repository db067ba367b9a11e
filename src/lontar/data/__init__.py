"""From files to a corpus: sources, filters, duplicates, counts."""

from lontar.data.chat_config import ChatsConfig, ChatSource
from lontar.data.chat_stages import chats
from lontar.data.config import BuildConfig, Heldout, Source
from lontar.data.counts import table
from lontar.data.decisions import read_decisions
from lontar.data.filters import Filter, corpus_filter
from lontar.data.maskers import Masker, maskers
from lontar.data.stages import build

__all__ = [
    "BuildConfig",
    "ChatSource",
    "ChatsConfig",
    "Filter",
    "Heldout",
    "Masker",
    "Source",
    "build",
    "chats",
    "corpus_filter",
    "maskers",
    "read_decisions",
    "table",
]
