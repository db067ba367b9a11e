"""The small files of a model folder: what config.json, lontar.json and the tokenizer's files say.

Nothing here needs torch, so a folder can be judged where no model can run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lontar.core.config import JsonObject
from lontar.core.extras import need
from lontar.errors import DataError, NotAnArtifactError
from lontar.models.weights import read_index


@dataclass(frozen=True)
class Settings:
    """What config.json and generation_config.json say about the ends of a text."""

    eos_ids: tuple[int, ...]
    start_id: int | None
    end_id: int | None


def read_settings(folder: Path) -> Settings:
    """Read start and end tokens.

    A model without a start token has seen one document follow the end token of another: that token starts a text. A
    chat model ends its answers with one token and documents with another; the latter is also its start token.
    """
    path = folder / "generation_config.json"
    sources = [text_config(read_json(folder / "config.json")), read_json(path) if path.is_file() else {}]
    eos_ids = tuple(dict.fromkeys(i for source in sources for i in _ids(source.get("eos_token_id"))))
    starts = [i for source in sources for i in _ids(source.get("bos_token_id"))] or [*eos_ids[:1]]
    start = starts[0] if starts else None
    end = start if start in eos_ids else next(iter(eos_ids), None)
    return Settings(eos_ids, start, end)


def _ids(value: Any) -> list[int]:
    values = value if isinstance(value, list) else [value]
    return [v for v in values if isinstance(v, int) and not isinstance(v, bool)]


def text_config(config: JsonObject) -> JsonObject:
    """The part of a config that describes the language model."""
    inner = config.get("text_config")
    return {**config, **inner} if isinstance(inner, dict) else config


def stored_dtype(folder: Path) -> str:
    """Type of most of the weights, by number of elements: `float32`, `bfloat16`, `float16`."""
    sizes: dict[str, int] = {}
    for info in read_index(folder).values():
        sizes[info.dtype] = sizes.get(info.dtype, 0) + info.elements
    names = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}
    return names.get(max(sorted(sizes), key=lambda k: sizes[k]), "float32") if sizes else "float32"


def read_json(path: Path) -> JsonObject:
    """Read a JSON object.

    Raises:
        NotAnArtifactError: there is no such file.
        DataError: it is not a JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as err:
        raise NotAnArtifactError(f"{path.parent}: not a model folder (no {path.name})") from err
    except (OSError, ValueError) as err:
        raise DataError(f"{path}: not readable as JSON: {err}") from err
    if not isinstance(value, dict):
        raise DataError(f"{path}: expected a JSON object (got {type(value).__name__})")
    return value


def read_normalization(folder: Path) -> tuple[str, ...]:
    """Normalizers by name from lontar.json; none for a folder from elsewhere.

    Raises:
        DataError: the list is not one of names.
    """
    path = folder / "lontar.json"
    names = read_json(path).get("normalization", []) if path.is_file() else []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{path}: normalization must be a list of names (got {names!r})")
    return tuple(str(name) for name in names)


def united(old: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    """Normalizers of a model and of what it takes over: the new ones in their order, before them what only it had."""
    return (*(name for name in old if name not in new), *new)


def read_chat_template(folder: Path) -> str | None:
    """Jinja source of the chat template, from its own file or from tokenizer_config.json."""
    own = folder / "chat_template.jinja"
    if own.is_file():
        return own.read_text(encoding="utf-8")
    path = folder / "tokenizer_config.json"
    value = read_json(path).get("chat_template") if path.is_file() else None
    if isinstance(value, list):  # several by name, in older folders
        named = {item.get("name"): item.get("template") for item in value if isinstance(item, dict)}
        value = named.get("default")
    return value if isinstance(value, str) else None


def open_tokenizer_file(folder: Path) -> Any:
    """`tokenizer.json` as it is.

    Raises:
        DataError: it is missing or damaged.
    """
    tokenizers = need("tokenizers", extra="train")
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise DataError(
            f"{folder}: no tokenizer.json",
            hint="save the fast tokenizer: AutoTokenizer.from_pretrained(...).save_pretrained(...)",
        )
    try:
        return tokenizers.Tokenizer.from_file(str(path))
    except Exception as err:  # the library raises a bare Exception
        raise DataError(f"{path}: not a tokenizer: {err}") from err
