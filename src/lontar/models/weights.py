"""Safetensors tensor by tensor, in one file or in several: memory for one tensor, whatever the size of the model.

The format is an 8-byte length, a JSON header with the place of every tensor, and the bytes. Types and shapes stand in
the headers, so everything about a model but its values is known after reading a few kilobytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from lontar.core.extras import need
from lontar.core.shards import replacing, write_json
from lontar.errors import ArtifactError, IntegrityError, NotAnArtifactError

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
SHARD_BYTES = 5 * 10**9
BITS = {"F64": 64, "F32": 32, "BF16": 16, "F16": 16, "F8_E4M3": 8, "F8_E5M2": 8, "BOOL": 8} | {
    f"{sign}{bits}": bits for sign in "IU" for bits in (8, 16, 32, 64)
}
_NAMES = {"float32": "F32", "bfloat16": "BF16", "float16": "F16", "float64": "F64", "int64": "I64", "int32": "I32"}


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Where a tensor stands and what it is; `dtype` as safetensors names it (`BF16`)."""

    name: str
    file: Path
    dtype: str
    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        """Number of values."""
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        """Size of the values."""
        return self.elements * BITS.get(self.dtype, 0) // 8


def weight_files(folder: Path) -> list[Path]:
    """The weight files of a model folder: those of its index, or the single one.

    Raises:
        ArtifactError: a file of the index is missing, or there is no safetensors file at all.
    """
    index = folder / INDEX
    if not index.is_file():
        if (folder / SINGLE).is_file():
            return [folder / SINGLE]
        raise _no_weights(folder)
    places = _read_index_file(index)
    files = [folder / name for name in sorted(set(places.values()))]
    if missing := [file.name for file in files if not file.is_file()]:
        raise ArtifactError(
            f"{folder}: {missing[0]} is missing, one of {len(files)} files that {INDEX} names",
            hint="download or copy the folder again; the model is not whole",
        )
    return files


def _no_weights(folder: Path) -> ArtifactError:
    pickled = sorted(p.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for p in folder.glob(pattern))
    if pickled:
        return ArtifactError(
            f"{folder}: its weights are pickled ({pickled[0]}), and opening a pickle runs code from it",
            hint="convert it where you trust it: AutoModelForCausalLM.from_pretrained(PATH)"
            ".save_pretrained(PATH, safe_serialization=True), or take a revision with safetensors",
        )
    return NotAnArtifactError(f"{folder}: no {SINGLE} and no {INDEX}")


def _read_index_file(path: Path) -> dict[str, str]:
    try:
        places = json.loads(path.read_text(encoding="utf-8"))["weight_map"]
        return {str(name): str(file) for name, file in places.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
        raise IntegrityError(f"{path}: not an index of weights: {err}") from err


def read_index(folder: Path) -> dict[str, TensorInfo]:
    """Every tensor of a model folder by name, sorted; reads headers only.

    Raises:
        ArtifactError: files are missing; IntegrityError: a header is damaged, a file is cut short, or two files hold
            the same tensor.
    """
    found: dict[str, TensorInfo] = {}
    for file in weight_files(folder):
        for info in read_header(file):
            if info.name in found:
                raise IntegrityError(f"{file}: tensor {info.name!r} is also in {found[info.name].file.name}")
            found[info.name] = info
    return dict(sorted(found.items()))


def read_header(file: Path) -> list[TensorInfo]:
    """Tensors of one file.

    Raises:
        IntegrityError: it is not a safetensors file, or it is shorter than its header says.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if length > size - 8:
                raise ValueError("the header is longer than the file")
            header = json.loads(stream.read(length))
        header.pop("__metadata__", None)
        infos = [TensorInfo(name, file, str(e["dtype"]), tuple(e["shape"])) for name, e in header.items()]
        end = max((int(e["data_offsets"][1]) for e in header.values()), default=0)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as err:
        raise IntegrityError(f"{file}: not a safetensors file: {err}", hint="is the file whole?") from err
    if size != 8 + length + end:
        raise IntegrityError(
            f"{file}: {size:,} bytes, but its header describes {8 + length + end:,}",
            hint="the file was cut short: copy or download it again",
        )
    return infos


def read_tensors(folder: Path, names: Iterable[str] | None = None) -> Iterator[tuple[str, Any]]:
    """Yield (name, torch tensor) one at a time, sorted by name; all, or those asked for.

    Raises:
        ArtifactError: there is no tensor of a name.
    """
    safe_open = need("safetensors", extra="train").safe_open
    index = read_index(folder)
    for name in sorted(index if names is None else names):
        if name not in index:
            raise ArtifactError(f"{folder}: no tensor {name!r}")
        with safe_open(str(index[name].file), framework="pt") as source:
            yield name, source.get_tensor(name)


def write_weights(
    folder: Path,
    infos: Sequence[TensorInfo],
    tensor: Callable[[str], Any],
    *,
    shard_bytes: int = SHARD_BYTES,
) -> list[Path]:
    """Write a model's weights: `tensor(name)` is asked for each tensor when its turn comes.

    Equal tensors give equal bytes. One file, or several with an index when they exceed `shard_bytes`.

    Raises:
        ArtifactError: a tensor has another shape or type than announced.
    """
    shards = split(sorted(infos, key=lambda i: i.name), shard_bytes)
    names = shard_names(len(shards))
    for name, shard in zip(names, shards, strict=True):
        _write_file(folder / name, shard, tensor)
    if len(names) > 1:
        places = {info.name: name for name, shard in zip(names, shards, strict=True) for info in shard}
        total = sum(info.bytes for info in infos)
        write_json(folder / INDEX, {"metadata": {"total_size": total}, "weight_map": dict(sorted(places.items()))})
    return [folder / name for name in names]


def describe(tensors: Mapping[str, Any], file: Path = Path()) -> list[TensorInfo]:
    """What `write_weights` needs to know about tensors in memory."""
    return [TensorInfo(name, file, dtype_name(t.dtype), tuple(t.shape)) for name, t in sorted(tensors.items())]


def dtype_name(dtype: Any) -> str:
    """`BF16` for `torch.bfloat16`."""
    return _NAMES[str(dtype).removeprefix("torch.")]


def torch_dtype(name: str) -> Any:
    """`torch.bfloat16` for `BF16`."""
    torch = need("torch", extra="train")
    return getattr(torch, {short: long for long, short in _NAMES.items()}[name])


def split(infos: Iterable[TensorInfo], limit_bytes: int) -> list[list[TensorInfo]]:
    """Consecutive tensors together, up to `limit_bytes`; a larger tensor stands alone."""
    shards: list[list[TensorInfo]] = []
    size = 0
    for info in infos:
        if not shards or size + info.bytes > limit_bytes:
            shards.append([])
            size = 0
        shards[-1].append(info)
        size += info.bytes
    return shards


def shard_names(n: int) -> list[str]:
    """Names of `n` weight files, as transformers expects them."""
    return [SINGLE] if n == 1 else [f"model-{i:05d}-of-{n:05d}.safetensors" for i in range(1, n + 1)]


def _write_file(path: Path, infos: Sequence[TensorInfo], tensor: Callable[[str], Any]) -> None:
    infos = sorted(infos, key=lambda i: (-BITS[i.dtype], i.name))  # wide types first: every tensor lies aligned
    with replacing(path) as temporary, temporary.open("wb") as stream:
        _write_header(stream, infos)
        for info in infos:
            value = tensor(info.name)
            if tuple(value.shape) != info.shape or dtype_name(value.dtype) != info.dtype:
                found = f"{dtype_name(value.dtype)} {tuple(value.shape)}"
                raise ArtifactError(f"{info.name}: expected {info.dtype} {info.shape}, got {found}")
            stream.write(tensor_bytes(value))


def _write_header(stream: BinaryIO, infos: Sequence[TensorInfo]) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for info in infos:
        header[info.name] = {"dtype": info.dtype, "shape": list(info.shape), "data_offsets": [at, at + info.bytes]}
        at += info.bytes
    data = json.dumps(header, separators=(",", ":")).encode("utf-8")
    data += b" " * (-len(data) % 8)  # tensors begin at a multiple of 8 bytes
    stream.write(len(data).to_bytes(8, "little") + data)


def tensor_bytes(tensor: Any) -> memoryview:
    """The values of a tensor as they stand in a file."""
    torch = need("torch", extra="train")
    flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return memoryview(flat.numpy())
