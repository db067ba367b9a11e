"""Bits per byte of a model before and after its vocabulary grew, on the same sentences.

The likelihoods are those of `eval.run`: the model in this process, text from its start token on, so a figure here is
the figure of the task `bits_per_byte` on the same text.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lontar.core.config import JsonObject
from lontar.models.files import read_json, text_config
from lontar.text import normalize

Texts = Mapping[str, Sequence[str]]
# A sentence or two: most of what a longer text would tell, at a cost that grows with its square.
LONGEST_BYTES = 1024


def measure(folder: Path, texts: Texts, *, device: str = "auto", threads: int | None = None) -> dict[str, float]:
    """Bits per byte of each language: all bits over all bytes. Texts that do not fit the context are left out."""
    from lontar.backends.hf import HuggingFace
    from lontar.core.extras import need

    torch = need("torch", extra="train")
    before = torch.get_num_threads()
    try:
        model = HuggingFace(folder, device=device, threads=threads)
        return asyncio.run(_measured(model, texts))
    finally:
        torch.set_num_threads(before)


async def _measured(model: Any, texts: Texts) -> dict[str, float]:
    found = {}
    try:
        for lang, listed in sorted(texts.items()):
            scores = await model.score_many([("", text) for text in listed])
            good = [(text, one) for text, one in zip(listed, scores, strict=True) if not isinstance(one, Exception)]
            nats = -sum(token.logprob for _, one in good for token in one.tokens)
            if n_bytes := sum(len(text.encode("utf-8")) for text, _ in good):
                found[lang] = nats / math.log(2) / n_bytes
    finally:
        await model.aclose()
    return found


def fitting(folder: Path, texts: Texts, names: Sequence[str], most: int) -> dict[str, list[str]]:
    """The first `most` texts of each language, normalized, each short enough for any tokenizer: bytes bound tokens."""
    context = text_config(read_json(folder / "config.json")).get("max_position_embeddings")
    room = min(LONGEST_BYTES, context - 2 if isinstance(context, int) else LONGEST_BYTES)
    found = {}
    for lang, listed in texts.items():
        cut = (cut_bytes(normalize(text, names), room) for text in listed[:most])
        if kept := [text for text in cut if text.strip()]:
            found[lang] = kept
    return found


def cut_bytes(text: str, most: int) -> str:
    """The beginning of a text in at most so many bytes, at a space where its last half has one."""
    data = text.encode("utf-8", "replace")
    if len(data) <= most:
        return text
    short = data[:most].decode("utf-8", "ignore")
    space = short.rfind(" ", len(short) // 2)
    return short[:space] if space > 0 else short


def as_json(base: Mapping[str, float], made: Mapping[str, float], texts: Texts) -> JsonObject:
    """Per language: before, after, what the change cost, and on how much text."""
    return {
        lang: {
            "base": round(base[lang], 4),
            "resized": round(made[lang], 4),
            "difference": round(made[lang] - base[lang], 4),
            "sentences": len(texts[lang]),
            "bytes": sum(len(text.encode("utf-8")) for text in texts[lang]),
        }
        for lang in sorted(base.keys() & made.keys())
    }
