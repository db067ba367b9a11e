"""Is a GGUF file the model it was made from? Read back with the `gguf` library and compared tensor by tensor.

The comparison goes the other way than the writing: rows of q and k are looked up by their place, not transposed back,
and the vocabulary is compared with the tokenizer itself. One mistake cannot hide in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lontar.core.extras import need
from lontar.errors import GateError
from lontar.models.files import open_tokenizer_file, read_json
from lontar.models.gguf import BLOCK, Array, GgufType, Source, stored_type, tensors, tokenizer_keys
from lontar.models.gguf_names import ROPE_FACTORS, Placed

# values compared at once: 2**22 are 16 MiB as float32
PIECE = 1 << 22


@dataclass(frozen=True)
class TensorError:
    """How far one tensor in the file is from its source."""

    name: str
    type: str
    shape: tuple[int, ...]
    max_error: float
    allowed: float
    """the largest that this type can need for these values"""
    largest: float
    """largest value of the source, without its sign"""


def check_gguf(source: Source, path: Path, type_: GgufType, metadata: Mapping[str, Any]) -> list[TensorError]:
    """Compare a written file with its source: tensors, vocabulary, every key.

    Raises:
        GateError: it is not that model; names the tensor, token or key.
    """
    gguf = need("gguf", extra="gguf")
    reader = gguf.GGUFReader(str(path))
    stored = {tensor.name: tensor for tensor in reader.tensors}
    factors = {ROPE_FACTORS} if source.arch.rope_factors else set()
    wanted = {placed.name for placed in source.tensors} | factors
    if different := sorted(stored.keys() ^ wanted):
        raise GateError(f"{path}: tensor {different[0]} is {'missing' if different[0] in wanted else 'not expected'}")
    _check_keys(reader, source, path, metadata)
    _check_vocabulary(reader, source.folder, path)
    found = [_compared(gguf, stored[p.name], p, values, type_, path) for p, values in tensors(source)]
    if factors:
        _check_factors(stored[ROPE_FACTORS], source, path)
    return found


def _compared(gguf: Any, stored: Any, placed: Placed, values: Array, type_: GgufType, path: Path) -> TensorError:
    kind, shape = stored.tensor_type.name, tuple(int(n) for n in reversed(stored.shape))
    expected = stored_type(placed, type_)
    if (kind, shape) != (expected, placed.source.shape):
        raise GateError(f"{path}: {placed.name} is {kind} {shape}, expected {expected} {placed.source.shape}")
    wanted = expected_values(placed, values)
    parts = [_part(gguf, stored, wanted, kind, rows, f"{path}: {placed.name}") for rows in _pieces(wanted)]
    return TensorError(placed.name, kind, shape, *(max(column, default=0.0) for column in zip(*parts, strict=True)))


def _pieces(values: Array) -> list[slice]:
    """Rows to compare at once: an embedding of a million values a row needs no copies of its whole size."""
    rows = max(1, PIECE // max(1, values[0].size)) if values.size else 1
    return [slice(i, i + rows) for i in range(0, len(values), rows)]


def _part(gguf: Any, stored: Any, values: Array, kind: str, rows: slice, where: str) -> tuple[float, float, float]:
    """Largest error, largest allowed error and largest value in some rows."""
    data, wanted = stored.data[rows], values[rows]
    read = gguf.quants.dequantize(data, stored.tensor_type) if kind == "Q8_0" else data
    error, allowed = np.abs(read.astype(np.float32) - wanted), allowed_error(wanted, kind)
    if not (error <= allowed).all():  # also when one of them is not a number
        at = np.unravel_index(int(np.argmax(np.nan_to_num(error - allowed, nan=np.inf))), error.shape)
        place = [rows.start + int(at[0]), *map(int, at[1:])]
        raise GateError(
            f"{where}{place} is {float(read[at]):.8g}, the source has {float(wanted[at]):.8g}",
            hint="the disk, or the memory, of this machine may be failing: run it again, and report it if it repeats",
        )
    largest = [float(a.max(initial=0.0)) for a in (error, allowed, np.abs(wanted))]
    return largest[0], largest[1], largest[2]


def expected_values(placed: Placed, values: Array) -> Array:
    """The source's values as the file must have them, by place: dimensions d and d + half of a head stand together."""
    if placed.plus_one:
        return values + np.float32(1)
    if not placed.permuted_heads:
        return values
    head = len(values) // placed.permuted_heads
    row = np.arange(len(values))
    inside = row % head
    moved: Array = values[row - inside + inside // 2 + inside % 2 * (head // 2)]
    return moved


def allowed_error(values: Array, kind: str) -> Array:
    """The largest error per value that a type can need: none for F32, the cast for F16, half a step of Q8_0."""
    if kind == "F32":
        return np.zeros((), dtype=np.float32)
    if kind == "F16":
        cast: Array = np.abs(values.astype(np.float16).astype(np.float32) - values)
        return cast
    blocks = np.abs(values.reshape(*values.shape[:-1], -1, BLOCK)).max(axis=-1, keepdims=True)
    # half of a step of amax / 127, and the step itself rounded to float16 (2**-11 of it, or half the smallest one)
    step = blocks / 127
    bound = 0.5 * step * (1 + 1e-5) + 127 * np.maximum(step * 2**-11, 2**-25) * (1 + 1e-5)
    spread: Array = np.broadcast_to(bound, (*bound.shape[:-1], BLOCK)).reshape(values.shape)
    return spread


def _check_factors(stored: Any, source: Source, path: Path) -> None:
    if not np.array_equal(stored.data, np.asarray(source.arch.rope_factors, dtype=np.float32)):
        raise GateError(f"{path}: {ROPE_FACTORS} differs from what config.json gives")


def _check_keys(reader: Any, source: Source, path: Path, metadata: Mapping[str, Any]) -> None:
    """Every key that was to be written is there with its value."""
    wanted: dict[str, Any] = {
        "general.architecture": source.arch.family,
        **metadata,
        **{f"{source.arch.family}.{key}": value for key, value in source.arch.values.items()},
        **tokenizer_keys(source.vocabulary),
        "lontar.normalization": list(source.normalization),
        "lontar.tokenizer.normalizer": source.vocabulary.normalizer,
    }
    for key, value in wanted.items():
        field = reader.get_field(key)
        found = None if field is None else field.contents()
        if not _equal(found, value):
            raise GateError(f"{path}: key {key} is {_short(found)}, expected {_short(value)}")


def _equal(found: Any, wanted: Any) -> bool:
    if wanted is None or wanted == []:
        return found is None
    if isinstance(wanted, float):
        return isinstance(found, float) and bool(np.float32(found) == np.float32(wanted))
    if isinstance(wanted, list) and wanted and isinstance(wanted[0], float):
        return bool(np.array_equal(np.asarray(found, np.float32), np.asarray(wanted, np.float32)))
    return bool(found == wanted)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _check_vocabulary(reader: Any, folder: Path, path: Path) -> None:
    """Tokens, merges and special tokens against tokenizer.json itself."""
    tokens = reader.get_field("tokenizer.ggml.tokens").contents()
    types = reader.get_field("tokenizer.ggml.token_type").contents()
    vocab = open_tokenizer_file(folder).get_vocab(with_added_tokens=True)
    if wrong := [text for text, i in vocab.items() if tokens[i] != text]:
        raise GateError(f"{path}: id {vocab[wrong[0]]} is {tokens[vocab[wrong[0]]]!r}, the tokenizer has {wrong[0]!r}")
    tree: Any = read_json(folder / "tokenizer.json")
    special = {entry["id"] for entry in tree.get("added_tokens") or [] if entry["special"]}
    control = {i for i, kind in enumerate(types) if kind == 3}
    unknown = {i for i, kind in enumerate(types) if kind == 2}
    if odd := sorted((control ^ special) - unknown):
        raise GateError(f"{path}: id {odd[0]} ({tokens[odd[0]]!r}) is special in one of file and tokenizer only")
    merges = reader.get_field("tokenizer.ggml.merges")
    if merges is not None:
        expected = [m if isinstance(m, str) else " ".join(m) for m in tree["model"]["merges"]]
        if merges.contents() != expected:
            raise GateError(f"{path}: its merges differ from those of tokenizer.json")
