"""Files of fastText models: the header, the dictionary and the two matrices, dense or product-quantized.

Layout, little-endian and without padding: magic and version; twelve int32 settings and one float64; the dictionary
(words, then labels, with their counts; for a pruned model a table from n-gram bucket to row); a byte that says whether
the input matrix is quantized, and the matrix; the same for the output matrix. Papers: Joulin et al. 2016
(arXiv 1607.01759) for the model, Joulin et al. 2016 (arXiv 1612.03651) and Jégou et al. 2011 for the quantization.

Everything is checked here, sizes before memory is asked for, so that the modules beside this one index without fear.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lontar.errors import DataError

__all__ = ["Dictionary", "Matrix", "ModelFile", "Settings", "read_model"]

MAGIC = 793712314
VERSIONS = (11, 12)
CODES = 256
"""Centroids per sub-quantizer: codes are single bytes."""
DECODED = 2**26
"""Quantized matrices of at most this many elements (256 MiB as float32) are decoded once; others row by row."""
FAMILIES = {1: "word vectors of the kind cbow", 2: "word vectors of the kind skipgram"}
LOSSES = {1: "hs", 2: "ns", 3: "softmax", 4: "ova"}
SUPERVISED, LABEL = 3, 1
T = TypeVar("T", bound=np.generic)
Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a model was trained with, as far as reading needs it; `minn` and `maxn` count characters."""

    dim: int
    word_ngrams: int
    loss: str
    bucket: int
    minn: int
    maxn: int

    @property
    def hashes(self) -> bool:
        """Whether any n-gram can be looked up by its hash."""
        return self.bucket > 0 and (self.maxn >= max(1, self.minn) or self.word_ngrams > 1)


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Words have the rows 0..n_words-1; `pruned` holds bucket and row offset of the n-grams that were kept, sorted."""

    words: dict[bytes, int]
    n_words: int
    labels: tuple[bytes, ...]
    label_counts: tuple[int, ...]
    pruned: tuple[Ints, Ints] | None


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of float32: `values` times `scale`, or, where `codes` is there, centroids looked up in `values`."""

    n_rows: int
    dim: int
    values: Floats
    scale: Floats | None = None
    codes: NDArray[np.uint8] | None = None

    def rows(self, ids: Ints | slice) -> Floats:
        """The rows `ids`, [n, dim]."""
        rows, scale = self.unscaled(ids)
        return rows if scale is None else rows * scale[:, None]

    def unscaled(self, ids: Ints | slice) -> tuple[Floats, Floats | None]:
        """The rows `ids` and the norms that they are still to be multiplied by, if there are any."""
        scale = None if self.scale is None else self.scale[ids]
        if self.codes is None:
            return self.values[ids], scale
        codes = self.codes[ids]
        places = np.arange(codes.shape[1])
        return self.values[places, codes].reshape(len(codes), -1)[:, : self.dim], scale


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A supervised model: `input` has a row per word and n-gram, `output` one per label or inner node of the tree."""

    path: Path
    settings: Settings
    dictionary: Dictionary
    input: Matrix
    output: Matrix
    quantized: bool


class Reader:
    """Reads a buffer from front to back and refuses to read past its end."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self.path, self.data, self.at = path, data, 0

    def skip(self, size: int) -> int:
        """Where the next `size` bytes begin."""
        if not 0 <= size <= len(self.data) - self.at:
            raise DataError(
                f"{self.path}: the model file is truncated or damaged: {len(self.data):,} bytes, "
                f"{size:,} more wanted at byte {self.at:,}",
                hint="copy or download the file again and compare its size with the original",
            )
        begin, self.at = self.at, self.at + size
        return begin

    def numbers(self, layout: str) -> tuple[int, ...]:
        """Integers by a `struct` layout."""
        found: tuple[int, ...] = struct.unpack_from(f"<{layout}", self.data, self.skip(struct.calcsize(f"<{layout}")))
        return found

    def array(self, kind: type[T], size: int) -> NDArray[T]:
        """A copy in aligned memory; `size` counts elements."""
        begin = self.skip(size * np.dtype(kind).itemsize)
        return np.frombuffer(self.data, np.dtype(kind).newbyteorder("<"), size, begin).astype(kind)

    def entry(self) -> tuple[bytes, int, int]:
        """A word, which ends with NUL, its count and its kind."""
        end = self.data.find(b"\0", self.at)
        begin = self.skip(end + 1 - self.at if end >= 0 else len(self.data))
        count, kind = self.numbers("qb")
        return self.data[begin:end], count, kind

    def require(self, fact: bool, what: str) -> None:
        """Refuse a file whose parts contradict each other."""
        if not fact:
            raise DataError(
                f"{self.path}: the model file is damaged: {what}",
                hint="copy or download the file again and compare its size with the original",
            )


def read_model(path: Path | str) -> ModelFile:
    """Read a supervised model, `.bin` or `.ftz`; what follows it in the file is ignored, as the original does.

    Raises:
        DataError: no such file, not a fastText model, of another version, damaged, or not a classifier.
    """
    path = Path(path)
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _model(Reader(path, data))
    except FileNotFoundError as err:
        raise DataError(f"{path}: there is no such file", hint="give the path of a fastText .bin or .ftz file") from err
    except (OSError, ValueError) as err:  # a folder, no right to read; mmap says ValueError for an empty file
        raise DataError(f"{path} cannot be read: {err}", hint="give the path of a fastText .bin or .ftz file") from err


def _model(reader: Reader) -> ModelFile:
    settings = _settings(reader)
    dictionary = _dictionary(reader)
    (quantized,) = reader.numbers("?")
    inputs = _quantized(reader) if quantized else _dense(reader)
    (qout,) = reader.numbers("?")
    outputs = _quantized(reader) if quantized and qout else _dense(reader)
    made = ModelFile(reader.path, settings, dictionary, inputs, outputs, bool(quantized))
    _check(reader, made)
    return replace(made, input=_decoded(inputs))


def _settings(reader: Reader) -> Settings:
    if len(reader.data) < 4 or reader.numbers("i") != (MAGIC,):
        raise DataError(
            f"{reader.path} is not a fastText model: it begins with {reader.data[:4]!r}",
            hint="unpack it if it is compressed; text vectors (.vec) and other formats are not read",
        )
    (version,) = reader.numbers("i")
    if version not in VERSIONS:
        raise DataError(
            f"{reader.path}: fastText format version {version}, only 11 and 12 are known",
            hint="save the model again with fastText 0.9.2",
        )
    dim, _, _, _, _, word_ngrams, loss, model, bucket, minn, maxn, _ = reader.numbers("12i")
    reader.skip(8)  # the sampling threshold, used in training only
    if model in FAMILIES:
        raise DataError(
            f"{reader.path} holds {FAMILIES[model]}, not a classifier: it has no labels to predict",
            hint="give a model made by `fasttext supervised`, such as lid.176.ftz",
        )
    reader.require(model == SUPERVISED and loss in LOSSES and dim > 0, f"model {model}, loss {loss}, width {dim}")
    # Classifiers of version 11 were trained without character n-grams, whatever their header says.
    return Settings(dim, word_ngrams, LOSSES[loss], bucket, minn, 0 if version == 11 else maxn)


def _dictionary(reader: Reader) -> Dictionary:
    size, n_words, n_labels, _, n_pruned = reader.numbers("iiiqq")
    reader.require(n_words >= 0 < n_labels and size == n_words + n_labels, f"{size} entries, {n_labels} labels")
    reader.require(size * 10 <= len(reader.data), f"{size:,} dictionary entries in {len(reader.data):,} bytes")
    entries = [reader.entry() for _ in range(size)]
    tail = entries[n_words:]
    reader.require(all(kind == LABEL for _, _, kind in tail), "a word among the labels")
    words = {word: -1 if kind == LABEL else row for row, (word, _, kind) in enumerate(entries)}
    labels, counts = tuple(word for word, _, _ in tail), tuple(count for _, count, _ in tail)
    return Dictionary(words, n_words, labels, counts, None if n_pruned < 0 else _pruned(reader, n_pruned))


def _pruned(reader: Reader, size: int) -> tuple[Ints, Ints]:
    pairs = reader.array(np.int32, 2 * size).reshape(-1, 2)
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])


def _dense(reader: Reader) -> Matrix:
    n_rows, dim = reader.numbers("qq")
    reader.require(n_rows >= 0 < dim, f"a matrix of {n_rows} x {dim}")
    return Matrix(n_rows, dim, reader.array(np.float32, n_rows * dim).reshape(n_rows, dim))


def _quantized(reader: Reader) -> Matrix:
    qnorm, n_rows, dim, n_codes = reader.numbers("?qqi")
    reader.require(n_rows > 0 < dim, f"a matrix of {n_rows} x {dim}")
    codes = reader.array(np.uint8, n_codes)
    centroids = _centroids(reader, dim)
    reader.require(n_codes == n_rows * len(centroids), f"{n_codes} codes for {n_rows} x {len(centroids)}")
    scale = None
    if qnorm:
        norms = reader.array(np.uint8, n_rows)
        scale = _centroids(reader, 1).reshape(CODES)[norms]
    return Matrix(n_rows, dim, centroids, scale, codes.reshape(n_rows, -1))


def _centroids(reader: Reader, dim: int) -> Floats:
    """Centroids [sub-quantizer, code, width]; the last sub-quantizer may be narrower and is filled up with zeros."""
    given, n_sub, width, last = reader.numbers("4i")
    fits = given == dim and n_sub > 0 and 0 < last <= width and (n_sub - 1) * width + last == dim
    reader.require(fits, f"a quantizer of {n_sub} x {width}, last {last}, for {dim} columns")
    flat = reader.array(np.float32, dim * CODES)
    full = np.zeros((n_sub, CODES, width), np.float32)
    full[:-1] = flat[: (n_sub - 1) * CODES * width].reshape(-1, CODES, width)
    full[-1, :, :last] = flat[(n_sub - 1) * CODES * width :].reshape(CODES, last)
    return full


def _check(reader: Reader, made: ModelFile) -> None:
    settings, dictionary = made.settings, made.dictionary
    for matrix in (made.input, made.output):
        reader.require(matrix.dim == settings.dim, f"a matrix of width {matrix.dim} in a model of {settings.dim}")
    grams = settings.bucket if settings.hashes else 0
    if dictionary.pruned is not None:
        reader.require(made.quantized, "pruned but not quantized, as fastText before 2017-12 wrote it")
        grams = int(dictionary.pruned[1].max(initial=-1)) + 1
        reader.require(int(dictionary.pruned[1].min(initial=0)) >= 0, "a negative row in the table of n-grams")
    need = dictionary.n_words + grams
    reader.require(made.input.n_rows >= need, f"{made.input.n_rows:,} input rows where {need:,} are needed")
    need = len(dictionary.labels)
    reader.require(made.output.n_rows >= need, f"{made.output.n_rows:,} output rows where {need:,} are needed")


def _decoded(matrix: Matrix) -> Matrix:
    if matrix.codes is None or matrix.n_rows * matrix.dim > DECODED:
        return matrix
    return Matrix(matrix.n_rows, matrix.dim, matrix.rows(slice(None)))
