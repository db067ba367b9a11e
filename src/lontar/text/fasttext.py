"""Reads classifiers made by fastText and predicts with them, in numpy and without the fastText package.

For models that a user has, above all Facebook's language identifiers `lid.176.bin` and `lid.176.ftz`, by which some
published evaluations are defined. Labels are those of the official library and so are the probabilities, up to the
last bits of float32: rows are added up in the order of the text, one by one, and divided at the end.
How to use it: docs/how-to/lid176.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from lontar.errors import ConfigError, DataError
from lontar.text.fasttext_features import Features, tokens
from lontar.text.fasttext_format import Floats, Ints, Matrix, ModelFile, read_model
from lontar.text.fasttext_output import output_of

__all__ = ["FastText", "Newlines", "Prediction"]

Newlines = Literal["refuse", "space"]
PREFIX = "__label__"
TEXTS, CHARACTERS = 256, 2**16
"""A batch ends at so many texts or characters, so that its arrays stay within some 30 MiB."""
GATHERED = 2**20
"""Elements of the input matrix that are gathered at once: 4 MiB."""


class Prediction(NamedTuple):
    """A label and its probability, which may be as much as 1.00001: the original adds 1e-5 and so do we."""

    label: str
    probability: float


class FastText:
    """A fastText classifier. Safe to use from several threads."""

    def __init__(self, file: ModelFile, *, prefix: str = PREFIX) -> None:
        self.labels = tuple(
            label.decode("utf-8", "backslashreplace").removeprefix(prefix) for label in file.dictionary.labels
        )
        self.dim = file.settings.dim
        self.loss = file.settings.loss
        self.quantized = file.quantized
        self._input = file.input
        self._features = Features(file.settings, file.dictionary)
        self._output = output_of(file)

    @classmethod
    def load(cls, path: Path | str, *, prefix: str = PREFIX) -> FastText:
        """Read a `.bin` or `.ftz` file; `prefix` is cut off the labels, and an empty one leaves them as they are.

        Raises:
            DataError: no such file, not a fastText model, of another version, damaged, or not a classifier.
        """
        return cls(read_model(path), prefix=prefix)

    def predict(
        self, text: str, k: int = 1, threshold: float = 0.0, *, newlines: Newlines = "refuse"
    ) -> list[Prediction]:
        """The `k` most probable labels, best first; `k` = -1 asks for all.

        As in the original, an empty text has a prediction (that of the end of a line), the list is empty where a model
        knows nothing of a text, and a model with hierarchical softmax leaves out labels under 1e-5 whatever `k`.
        A `newlines` of "space" turns line feeds, which the official binding refuses, into spaces.

        Raises:
            DataError: a line feed in the text.
            ConfigError: `k` is 0 or below -1.
        """
        return next(self._predictions([text], k, threshold, newlines))

    def predict_many(
        self, texts: Iterable[str], k: int = 1, threshold: float = 0.0, *, newlines: Newlines = "refuse"
    ) -> list[list[Prediction]]:
        """`predict` for each text, in batches: the same results, faster.

        Raises:
            DataError: a line feed in a text; the message says in which.
            ConfigError: `k` is 0 or below -1.
        """
        return list(self._predictions(texts, k, threshold, newlines))

    def _predictions(
        self, texts: Iterable[str], k: int, threshold: float, newlines: Newlines
    ) -> Iterator[list[Prediction]]:
        if k == 0 or k < -1:
            raise ConfigError(f"k is {k}, a number of labels is wanted", hint="1 or more, or -1 for all labels")
        if newlines not in ("refuse", "space"):
            raise ConfigError(f"newlines is {newlines!r}, expected 'refuse' or 'space'")
        for lines in batches(map(tokens, checked(texts, newlines))):
            yield from self._batch(lines, len(self.labels) if k == -1 else k, np.float32(threshold))

    def _batch(self, lines: list[list[bytes]], k: int, threshold: np.float32) -> Iterator[list[Prediction]]:
        rows = self._features.rows(lines)
        known = [one for one in rows if one.size]
        found = iter(
            self._output.best(np.stack([mean(self._input, one) for one in known]), k, threshold) if known else ()
        )
        for one in rows:
            yield [Prediction(self.labels[at], p) for at, p in next(found)] if one.size else []


def checked(texts: Iterable[str], newlines: Newlines) -> Iterator[str]:
    """Texts without line feeds."""
    for at, text in enumerate(texts):
        if "\n" not in text:
            yield text
        elif newlines == "space":
            yield text.replace("\n", " ")
        else:
            raise DataError(
                f"text {at} has a line feed at character {text.index(chr(10))}; fastText predicts one line at a time",
                hint="pass newlines='space', or split the text into lines",
            )


def batches(lines: Iterable[list[bytes]]) -> Iterator[list[list[bytes]]]:
    """Lists of up to `TEXTS` lines of about `CHARACTERS` bytes."""
    batch: list[list[bytes]] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += sum(map(len, line))
        if len(batch) == TEXTS or size >= CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def mean(matrix: Matrix, ids: Ints) -> Floats:
    """The mean of rows: added one after the other in float32, as the original does, then multiplied by 1/n."""
    step = max(1, GATHERED // matrix.dim)
    total = np.add.reduce(matrix.rows(ids[:step]), axis=0)
    for at in range(step, len(ids), step):
        part = matrix.rows(ids[at : at + step])
        part[0] += total
        total = np.add.reduce(part, axis=0)
    found: Floats = total * np.float32(1.0 / len(ids))
    return found
