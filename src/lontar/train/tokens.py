"""Tokenized documents, made once per run and read from disk: flat arrays, a few bytes of memory per document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lontar.errors import DataError
from lontar.models.fast import Encoder
from lontar.text.unicode import whole

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class TokenStore:
    """Tokenized documents of one language: ids, where each document begins, and its size as UTF-8.

    A document is stored as `start, its ids, end`: every token of its text is predicted, the first one from `start`.
    A token that is read but not predicted (a question in a chat) is stored as its complement, `-1 - id`.
    """

    ids: NDArray[np.int32]
    offsets: IntArray
    """`[documents + 1]`"""
    sizes: IntArray
    """bytes of each document, of what is predicted in it"""
    predicted: IntArray | None = None
    """predicted tokens of each document; None where all but the first are"""

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def n_tokens(self) -> int:
        """Predicted tokens."""
        return self.n_read if self.predicted is None else int(self.predicted.sum())

    @property
    def n_read(self) -> int:
        """Tokens that a prediction is made from: all but the last of each document."""
        return int(self.offsets[-1]) - len(self)

    def document(self, i: int) -> NDArray[np.int32]:
        """All ids of document `i`."""
        return self.ids[self.offsets[i] : self.offsets[i + 1]]

    def save(self, folder: Path) -> None:
        """Write the arrays into a new folder."""
        folder.mkdir(parents=True)
        for name in ("ids", "offsets", "sizes", "predicted"):
            if (array := getattr(self, name)) is not None:
                np.save(folder / f"{name}.npy", array)

    @classmethod
    def load(cls, folder: Path) -> TokenStore:
        """Open a saved store; the ids stay on disk until they are read."""
        ids = np.load(folder / "ids.npy", mmap_mode="r")
        predicted = folder / "predicted.npy"
        return cls(
            ids,
            np.load(folder / "offsets.npy"),
            np.load(folder / "sizes.npy"),
            np.load(predicted) if predicted.exists() else None,
        )


def tokenize(texts: Iterable[str], tokenizer: Any, *, start: int | None, end: int | None) -> TokenStore:
    """Encode documents; empty ones are passed over.

    Without a start token the end token stands there: models made without one have seen documents follow it. Large
    texts are encoded by tiktoken where that gives the same ids (`lontar.models.fast`).

    Args:
        texts: of the documents.
        tokenizer: a `tokenizers.Tokenizer`, or an `Encoder` of one, which several calls can share.
        start: id before each document.
        end: id after each document.
    """
    encoder = tokenizer if isinstance(tokenizer, Encoder) else Encoder(tokenizer)
    first = end if start is None else start
    head, tail = ([] if token is None else [token] for token in (first, end))
    pieces, sizes = list[NDArray[np.int32]](), list[int]()
    with _as_text(encoder.tokenizer):
        for batch in _batched(map(whole, texts), 1000):
            for text, own in zip(batch, encoder(batch), strict=True):
                if own:
                    pieces.append(np.asarray([*head, *own, *tail], dtype=np.int32))
                    sizes.append(len(text.encode("utf-8")))
    offsets = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
    ids = np.concatenate(pieces) if pieces else np.empty(0, dtype=np.int32)
    return TokenStore(ids, offsets, np.asarray(sizes, dtype=np.int64))


@contextmanager
def _as_text(tokenizer: Any) -> Iterator[None]:
    """Special tokens that are written out in a document are text: the tokens are the program's own."""
    before = tokenizer.encode_special_tokens
    tokenizer.encode_special_tokens = True
    try:
        yield
    finally:
        tokenizer.encode_special_tokens = before


def _batched(texts: Iterable[str], n: int) -> Iterator[list[str]]:
    batch: list[str] = []
    for text in texts:
        batch.append(text)
        if len(batch) == n:
            yield batch
            batch = []
    if batch:
        yield batch


def require_documents(stores: Mapping[str, TokenStore], where: object, split: str) -> None:
    """Check that every language has text.

    Raises:
        DataError: naming the languages that have none.
    """
    if empty := sorted(lang for lang, store in stores.items() if not len(store)):
        raise DataError(
            f"{where}: no {split} documents with text in {', '.join(empty)}",
            hint="add documents, loosen the filters of data.build, or leave the language out",
        )
