"""Write GGUF files and read them back against their source, one tensor at a time.

Types are those whose bits the `gguf` library makes itself: F32, F16, Q8_0. In every type, norms and biases stay
float32, as llama.cpp expects; a matrix whose rows do not divide into blocks of 32 is F16 in a Q8_0 file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lontar.core.config import JsonObject
from lontar.core.extras import need
from lontar.core.shards import replacing
from lontar.errors import DataError
from lontar.models.files import read_normalization
from lontar.models.gguf_arch import Architecture, read_architecture
from lontar.models.gguf_names import ROPE_FACTORS, Placed, place
from lontar.models.gguf_vocab import Vocabulary, read_vocabulary
from lontar.models.weights import read_index, read_tensors

GgufType = Literal["F32", "F16", "Q8_0"]
FILE_TYPES: dict[GgufType, int] = {"F32": 0, "F16": 1, "Q8_0": 7}
BLOCK = 32
_BLOCK_BYTES = 34
QUANTIZATION_VERSION = 2
FLOAT16_MAX = 65_504.0
Array = NDArray[Any]


@dataclass(frozen=True)
class Source:
    """A model folder, read as far as a GGUF file needs it; the weights stay on disk."""

    folder: Path
    arch: Architecture
    vocabulary: Vocabulary
    tensors: tuple[Placed, ...]
    normalization: tuple[str, ...]


def open_source(folder: Path) -> Source:
    """Read and check a model folder.

    Raises:
        DataError: something about it has no form in GGUF.
    """
    index = read_index(folder)
    rows = [info.shape[0] for name, info in index.items() if name.endswith("embed_tokens.weight")]
    if len(rows) != 1:
        raise DataError(f"{folder}: expected one embed_tokens.weight, found {len(rows)}")
    arch = read_architecture(folder, rows[0])
    vocabulary = read_vocabulary(folder, rows[0])
    return Source(folder, arch, vocabulary, tuple(place(arch, index, folder)), read_normalization(folder))


def write_gguf(
    source: Source,
    path: Path,
    type_: GgufType,
    metadata: Mapping[str, Any],
    advance: Callable[[int], object] = lambda n: None,
) -> None:
    """Write one file, atomically; `advance` hears the values (elements) of each tensor.

    `metadata` are further keys, complete ones (`general.name`), with text, numbers or lists of text.

    Raises:
        DataError: a value is not a number, or float16 cannot hold it.
    """
    gguf = need("gguf", extra="gguf")
    with replacing(path) as temporary:
        writer = gguf.GGUFWriter(str(temporary), source.arch.family)
        _write_keys(writer, source, {**metadata, "general.file_type": FILE_TYPES[type_]})
        _announce(writer, gguf, source, type_)
        try:
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_ti_data_to_file()
            if source.arch.rope_factors:
                writer.write_tensor_data(np.asarray(source.arch.rope_factors, dtype=np.float32))
            for placed, values in tensors(source):
                writer.write_tensor_data(_encoded(gguf, placed, values, stored_type(placed, type_)))
                advance(placed.source.elements)
        finally:
            writer.close()


def stored_type(placed: Placed, type_: GgufType) -> GgufType:
    """The type of one tensor in a file of `type_`."""
    shape = placed.source.shape
    if len(shape) < 2:
        return "F32"
    return "F16" if type_ == "Q8_0" and shape[-1] % BLOCK else type_


def tensors(source: Source) -> Iterator[tuple[Placed, Array]]:
    """Each tensor as float32, in the order and form of the file; memory for one."""
    for placed in source.tensors:
        for _, tensor in read_tensors(source.folder, [placed.source.name]):
            values: Array = tensor.float().numpy()
            yield placed, values


def arranged(placed: Placed, values: Array) -> Array:
    """Values as the file has them: rows of q and k interleaved within each head, norms plus one."""
    if placed.plus_one:
        return values + np.float32(1)
    if not placed.permuted_heads:
        return values
    halves = values.reshape(placed.permuted_heads, 2, -1, *values.shape[1:])
    return np.ascontiguousarray(halves.swapaxes(1, 2)).reshape(values.shape)


def _announce(writer: Any, gguf: Any, source: Source, type_: GgufType) -> None:
    """Names, shapes and types of everything that follows."""
    if source.arch.rope_factors:
        n = len(source.arch.rope_factors)
        writer.add_tensor_info(ROPE_FACTORS, (n,), np.dtype(np.float32), 4 * n)
    for placed in source.tensors:
        kind, shape, n = stored_type(placed, type_), placed.source.shape, placed.source.elements
        if kind == "Q8_0":
            packed = (*shape[:-1], shape[-1] // BLOCK * _BLOCK_BYTES)
            size = n // BLOCK * _BLOCK_BYTES
            writer.add_tensor_info(placed.name, packed, np.dtype(np.uint8), size, gguf.GGMLQuantizationType.Q8_0)
        else:
            dtype = np.dtype(np.float32 if kind == "F32" else np.float16)
            writer.add_tensor_info(placed.name, shape, dtype, n * dtype.itemsize)


def _encoded(gguf: Any, placed: Placed, values: Array, kind: GgufType) -> Array:
    made = arranged(placed, values)
    if not np.isfinite(made).all():
        raise DataError(f"{placed.source.file}: tensor {placed.source.name!r} holds values that are not numbers")
    if kind == "Q8_0":
        packed: Array = gguf.quants.quantize(made, gguf.GGMLQuantizationType.Q8_0)
        return packed
    if kind == "F32":
        return np.ascontiguousarray(made)
    largest = float(np.abs(made).max(initial=0.0))
    if largest > FLOAT16_MAX:
        raise DataError(
            f"{placed.source.file}: tensor {placed.source.name!r} holds {largest:.4g}; "
            f"float16 ends at {FLOAT16_MAX:,.0f}",
            hint="leave F16 and Q8_0 out of types",
        )
    return made.astype(np.float16)


def _write_keys(writer: Any, source: Source, metadata: Mapping[str, Any]) -> None:
    for key, value in ({**metadata, "general.quantization_version": QUANTIZATION_VERSION}).items():
        _add(writer, key, value)
    for key, value in source.arch.values.items():
        _add(writer, f"{source.arch.family}.{key}", value)
    for key, value in tokenizer_keys(source.vocabulary).items():
        _add(writer, key, value)
    # Text must be brought into this form before it is tokenized: llama.cpp has no such step.
    _add(writer, "lontar.normalization", list(source.normalization))
    _add(writer, "lontar.tokenizer.normalizer", source.vocabulary.normalizer)


def tokenizer_keys(vocabulary: Vocabulary) -> JsonObject:
    """The vocabulary as keys and values."""
    keys: dict[str, Any] = {
        "tokenizer.ggml.model": vocabulary.model,
        "tokenizer.ggml.pre": vocabulary.pre or "default",
        "tokenizer.ggml.tokens": list(vocabulary.tokens),
        "tokenizer.ggml.token_type": list(vocabulary.types),
        "tokenizer.ggml.merges": list(vocabulary.merges),
        "tokenizer.ggml.scores": list(vocabulary.scores),
        **{f"tokenizer.ggml.{name}_token_id": i for name, i in sorted(vocabulary.ids.items())},
        "tokenizer.ggml.add_bos_token": vocabulary.add_bos,
        "tokenizer.ggml.add_eos_token": vocabulary.add_eos,
        "tokenizer.chat_template": vocabulary.chat_template,
    }
    if vocabulary.model == "llama":
        keys["tokenizer.ggml.add_space_prefix"] = False
    return {key: value for key, value in keys.items() if value not in (None, [])}


def _add(writer: Any, key: str, value: Any) -> None:
    if value is None or value == []:
        return
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, str):
        writer.add_string(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    else:
        writer.add_array(key, value)
