"""What a fine-tuning run reads and finds, and its record in `training.json`.

Plain text stands under `text:<language>` beside the chats, so that a language may be on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lontar.core.artifact import Corpus, Records
from lontar.core.config import JsonObject
from lontar.train import driver, loop
from lontar.train.batches import Stream
from lontar.train.chat_tokens import Facts, describe
from lontar.train.evaluate import HeldOut
from lontar.train.tokens import TokenStore

TEXT = "text:"


@dataclass(frozen=True)
class Lessons:
    """What a run reads: chats, which languages of them, and plain text to keep and to measure on."""

    chats: Records
    learned: tuple[str, ...]
    normalization: tuple[str, ...]
    weights: Mapping[str, float]
    corpus: Corpus | None = None
    kept: tuple[str, ...] = ()
    """languages of the replay"""
    replay: float = 0.0
    """share of the rows for it"""
    measured: tuple[str, ...] = ()
    """languages to measure bits per byte in"""


@dataclass(frozen=True)
class Stores:
    """Everything a run reads, as tokens."""

    train: dict[str, TokenStore]
    """chats by language, and text under `text:<language>`"""
    answers: dict[str, TokenStore]
    """held-out chats"""
    text: dict[str, TokenStore]
    """held-out text"""
    facts: dict[str, Facts]
    heldout_facts: dict[str, Facts]


@dataclass(frozen=True)
class Measured:
    """What a model was found to do at one time."""

    answers: dict[str, HeldOut]
    text: dict[str, HeldOut]

    def figures(self) -> loop.Figures:
        """Loss of the answers and bits per byte of the text, by language."""
        losses = {lang: held.loss for lang, held in self.answers.items()}
        return {**driver.figures(self.text), **({"assistant_loss": losses} if losses else {})}


def report(
    state: loop.State, stream: Stream, stores: Stores, lessons: Lessons, before: Measured, after: Measured
) -> JsonObject:
    """The run in figures: what was read and learned from, per language, and what it changed."""
    seen = {lang: state.seen.get(lang, 0) for lang in stores.train}
    epochs = stream.epochs()
    rows: JsonObject = {}
    for lang in sorted({*lessons.learned, *lessons.kept, *lessons.measured}):
        rows[lang] = {
            **dict(_read(lang, stores, seen, epochs)),
            **dict(_answered(lang, stores, before, after)),
            **dict(_kept(lang, before, after)),
        }
    chats = [stores.train[lang] for lang in lessons.learned]
    return {
        "steps": state.step,
        "loss": round(state.loss, 6),
        "label_tokens": sum(seen[lang] for lang in lessons.learned),
        "label_share": round(sum(s.n_tokens for s in chats) / sum(s.n_read for s in chats), 6),
        "replay_tokens": sum(n for key, n in seen.items() if key.startswith(TEXT)),
        "read_tokens": state.read,
        "replay": lessons.replay if lessons.kept else 0.0,
        "languages": rows,
        "series": driver.series(state, before.figures(), after.figures()),
    }


def _read(lang: str, stores: Stores, seen: Mapping[str, int], epochs: Mapping[str, float]) -> Iterator[tuple[str, Any]]:
    if lang in stores.facts:
        yield from describe(stores.facts[lang]).items()
        yield "tokens", seen[lang]
        yield "epochs", round(epochs.get(lang, 0.0), 4)
    if (key := f"{TEXT}{lang}") in seen:
        yield "replay_tokens", seen[key]
        yield "replay_epochs", round(epochs.get(key, 0.0), 4)


def _answered(lang: str, stores: Stores, before: Measured, after: Measured) -> Iterator[tuple[str, Any]]:
    for when, found in (("before", before.answers), ("after", after.answers)):
        if lang in found:
            yield f"assistant_loss_{when}", round(found[lang].loss, 6)
            yield "heldout_label_tokens", found[lang].n_tokens
            yield "heldout_chats", stores.heldout_facts[lang].chats


def _kept(lang: str, before: Measured, after: Measured) -> Iterator[tuple[str, Any]]:
    for when, found in (("before", before.text), ("after", after.text)):
        if lang in found:
            yield f"bits_per_byte_{when}", round(found[lang].bits_per_byte, 6)
            yield "heldout_bytes", found[lang].n_bytes
            yield "heldout_tokens", found[lang].n_tokens
