"""The same ids in every loader: what is trained must be what is served.

Loaders undo an extension in silence: transformers rebuilds the pattern of some classes, special tokens move when they
stand in `added_tokens` alone, a GGUF file under the wrong name cuts text elsewhere. The check encodes every language
and text that has broken tokenizers before. A loader that is not installed, or that has no form for the tokenizer, is
left out, with the reason.

Each loader gets the text as lontar would give it: in whole characters (a lone surrogate is U+FFFD), and in the
tokenizer's own normal form where the loader has no such step (tiktoken, llama.cpp).
"""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lontar.core.extras import need
from lontar.errors import DataError
from lontar.models.odd_text import TRICKY, texts_of_all_languages
from lontar.models.ranks import RANKS, encoding, load_ranks
from lontar.text.unicode import whole
from lontar.tokenizer.base import open_base

__all__ = [
    "LOADERS",
    "TRICKY",
    "Difference",
    "Outcome",
    "check",
    "differences",
    "installed",
    "loaded_ids",
    "texts_of_all_languages",
]

_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json")
# Texts encoded at once, on all cores; what a tokenizer tells of each beside its ids takes more room than they.
BATCH = 500
LOADERS = ("AutoTokenizer", "tiktoken", "llama.cpp")
_LIBRARIES = {"AutoTokenizer": ("transformers",), "tiktoken": ("tiktoken",), "llama.cpp": ("llama_cpp", "gguf")}


def installed(loader: str) -> bool:
    """Whether the libraries of one of `LOADERS` are there."""
    return all(importlib.util.find_spec(name) is not None for name in _LIBRARIES[loader])


@dataclass(frozen=True)
class Difference:
    """A loader that encodes a text in another way than `tokenizers` does."""

    loader: str
    text: str
    expected: tuple[int, ...]
    found: tuple[int, ...]

    def __str__(self) -> str:
        n = next((i for i, (a, b) in enumerate(zip(self.expected, self.found, strict=False)) if a != b), 0)
        ids = f"{self.expected[n : n + 4]} / {self.found[n : n + 4]}"
        return f"{self.loader}: {self.text[:60]!r} differs from token {n} on: {ids}"


@dataclass(frozen=True)
class Outcome:
    """What a check found."""

    compared: tuple[str, ...]
    """loaders that encoded every text"""
    left_out: Mapping[str, str]
    """loader to the reason why it could not"""
    differences: tuple[Difference, ...]


def differences(
    folder: Path, texts: Iterable[str], *, config: Path | None = None, loaders: Sequence[str] = ("AutoTokenizer",)
) -> list[Difference]:
    """The differences that `check` finds."""
    return list(check(folder, texts, config=config, loaders=loaders).differences)


def check(
    folder: Path, texts: Iterable[str], *, config: Path | None = None, loaders: Sequence[str] = LOADERS
) -> Outcome:
    """Encode texts with `tokenizers` and with each loader, and compare.

    Args:
        folder: tokenizer.json and its companions; ranks.tiktoken is used where there is one.
        texts: what to encode.
        config: the config.json of the model that the tokenizer is for, if it is not in the folder.
        loaders: of `LOADERS`.
    """
    texts = [whole(text) for text in texts]
    reference = need("tokenizers", extra="train").Tokenizer.from_file(str(folder / "tokenizer.json"))
    expected: dict[bool, list[array[int]]] = {}
    found: list[Difference] = []
    compared, left_out = list[str](), dict[str, str]()
    for loader in loaders:
        if not installed(loader):
            left_out[loader] = "not installed"
            continue
        try:
            ids = _ids(loader, folder, texts, config)
        except DataError as err:
            if loader == "AutoTokenizer":
                raise
            left_out[loader] = err.message
            continue
        compared.append(loader)
        framed = loader != "tiktoken"
        if framed not in expected:
            expected[framed] = [array("q", own) for own in _reference(reference, texts, framed)]
        found += [
            Difference(loader, text, tuple(right), tuple(own))
            for text, right, own in zip(texts, expected[framed], ids, strict=True)
            if right != array("q", own)
        ]
    return Outcome(tuple(compared), left_out, tuple(found))


def _reference(reference: Any, texts: Sequence[str], framed: bool) -> Iterator[Sequence[int]]:
    for batch in _batches(texts):
        yield from (found.ids for found in reference.encode_batch_fast(batch, add_special_tokens=framed))


def _ids(loader: str, folder: Path, texts: Sequence[str], config: Path | None) -> Iterable[Sequence[int]]:
    """The ids of a loader, which is opened at once and encodes as they are asked for."""
    if loader == "tiktoken":
        bpe = open_base(folder)
        # Ranks that were written are what other programs load; a tokenizer without them is tried as it would be.
        made = load_ranks(folder) if (folder / RANKS).is_file() else encoding(bpe.tree)
        return (made.encode_ordinary(bpe.normalized(text)) for text in texts)
    if loader == "llama.cpp":
        from lontar.models.llamacpp import llamacpp_ids

        return llamacpp_ids(folder, texts)
    return _encoded(_loaded(folder, config), texts)


def loaded_ids(folder: Path, texts: Sequence[str], *, config: Path | None = None) -> list[Sequence[int]] | None:
    """Ids from transformers' `AutoTokenizer`, as it loads the folder of a model; None when it is not installed."""
    if importlib.util.find_spec("transformers") is None:
        return None
    return [*_encoded(_loaded(folder, config), texts)]


def _loaded(folder: Path, config: Path | None) -> Any:
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        for name in (*_FILES, "config.json"):
            if (folder / name).is_file():
                shutil.copyfile(folder / name, place / name)
        if config is not None:
            shutil.copyfile(config, place / "config.json")
        return need("transformers", extra="train").AutoTokenizer.from_pretrained(str(place), local_files_only=True)


def _encoded(tokenizer: Any, texts: Sequence[str]) -> Iterator[Sequence[int]]:
    for batch in _batches(texts):
        yield from tokenizer(batch)["input_ids"]


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    return (list(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH))
