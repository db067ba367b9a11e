"""Give a model rows for the tokens of an extended tokenizer, weights copied tensor by tensor.

Spare rows of the base (Qwen3 has 267) are used first. Tokens of the base that it could never produce, and the new
tokenizer can, count as new: their rows were never trained.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lontar.core.config import JsonObject
from lontar.core.shards import write_json
from lontar.errors import ArtifactError
from lontar.models.files import read_chat_template, read_json, read_normalization, text_config, united
from lontar.models.vocab import token_bytes
from lontar.models.weights import TensorInfo, read_index, read_tensors, write_weights
from lontar.tokenizer.base import Bpe
from lontar.tokenizer.config import ResizeConfig
from lontar.tokenizer.embeddings import Method, grow

INPUT, OUTPUT = "embed_tokens.weight", "lm_head.weight"
PADDED = 128
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
# Other forms of the old vocabulary: loaders that prefer them would not see the new tokens.
_STALE = ("vocab.json", "merges.txt", "added_tokens.json", "tokenizer.model", "vocab.txt", "tekken.json")


@dataclass(frozen=True)
class Growth:
    """How a model's matrices grow."""

    old_rows: int
    rows: int
    pieces: Mapping[int, Sequence[int]]
    """old pieces of every new or revived id"""
    revived: int = 0
    """ids of the base that it could never produce"""


def plan(config: JsonObject, old: Bpe, new: Bpe, multiple: int | None = None) -> Growth:
    """How many rows, and the old pieces of every new id.

    Raises:
        ArtifactError: the tokenizer does not extend the model's own, or config.json has no vocab_size.
    """
    rows = text_config(config).get("vocab_size")
    if not isinstance(rows, int):
        raise ArtifactError(f"config.json has no vocab_size (got {rows!r})")
    check_extends(old, new)
    revived = revived_tokens(old, new)
    fresh = sorted((i, token) for token, i in new.ids.items() if i >= old.size)
    pieces = {i: old.old_pieces(token) for i, token in [*revived, *fresh]}
    return Growth(rows, padded(max(rows, new.size), rows > old.size, multiple), pieces, len(revived))


def check_extends(old: Bpe, new: Bpe) -> None:
    """Check that every token of the model has its id in the new tokenizer.

    Raises:
        ArtifactError: naming the first that has not.
    """
    moved = [token for token, i in old.ids.items() if new.ids.get(token) != i]
    if moved:
        was, now = old.ids[moved[0]], new.ids.get(moved[0], "none")
        raise ArtifactError(
            f"the tokenizer does not extend the model's own: {len(moved)} old tokens have other ids, "
            f"first {moved[0]!r}: {was}, now {now}",
            hint="make it with `lontar tokenizer extend` from this model's tokenizer",
        )


def revived_tokens(old: Bpe, new: Bpe) -> list[tuple[int, str]]:
    """Ids and tokens of the base that it never makes of their own text, and the new tokenizer does.

    Under Qwen3's pattern these are 1,578 Thai tokens among others: it cuts at every vowel sign inside them.
    """
    if old.pattern == new.pattern and len(old.merges) == len(new.merges):
        return []
    tokens = [(i, token) for token, i in sorted(old.vocab.items()) if token not in old.specials and not token.isascii()]
    texts = [(i, token, text) for i, token in tokens if (text := _text(token)) is not None]
    batch = [text for _, _, text in texts]
    before, after = (t.tokenizer.encode_batch(batch, add_special_tokens=False) for t in (old, new))
    return sorted((i, token) for (i, token, _), a, b in zip(texts, before, after, strict=True) if a.ids != [i] == b.ids)


def _text(token: str) -> str | None:
    try:
        return token_bytes(token).decode("utf-8")
    except (UnicodeDecodeError, KeyError):  # a part of a character, or a special token outside `added_tokens`
        return None


def padded(rows: int, spare: bool, multiple: int | None) -> int:
    """Rows rounded up: to `multiple`, or as the base does it."""
    multiple = multiple or (PADDED if spare else 1)
    return -(-rows // multiple) * multiple


def resize(source: Path, target: Path, growth: Growth, config: ResizeConfig, seed: int) -> None:
    """Write the weights of `source` to `target` with grown matrices.

    Raises:
        ArtifactError: the embedding has another name or size than this code knows.
    """
    index = read_index(source)
    grown = growing(source, index, growth.old_rows)
    tied = is_tied(read_json(source / "config.json"), index)
    infos = [replace(info, shape=(growth.rows, *info.shape[1:])) if n in grown else info for n, info in index.items()]

    def tensor(name: str) -> Any:
        _, value = next(iter(read_tensors(source, [name])))
        if name not in grown:
            return value
        return grow(value, growth.rows, growth.pieces, method_of(name, tied, config), seed)

    write_weights(target, infos, tensor)


def growing(source: Path, index: Mapping[str, TensorInfo], rows: int) -> set[str]:
    """Names of the matrices that have one row per token.

    Raises:
        ArtifactError: there is no input matrix of so many rows, or the head has a bias.
    """
    found = {name for name, i in index.items() if name.endswith((INPUT, OUTPUT)) and i.shape[:1] == (rows,)}
    if not any(name.endswith(INPUT) for name in found):
        raise ArtifactError(
            f"{source}: no tensor ...{INPUT} of {rows} rows, as config.json has it",
            hint="the layouts of Qwen, Llama and Gemma are known",
        )
    if bias := [name for name in index if name.endswith("lm_head.bias")]:
        raise ArtifactError(f"{source}: {bias[0]}: heads with a bias cannot be resized")
    return found


def is_tied(config: JsonObject, index: Mapping[str, TensorInfo]) -> bool:
    """Whether one matrix serves as input and output; what a silent config means differs by class, the weights tell."""
    said = text_config(config).get("tie_word_embeddings")
    return said is True or not any(name.endswith(OUTPUT) for name in index)


def method_of(name: str, tied: bool, config: ResizeConfig) -> Method:
    """How the rows of one matrix are made."""
    if config.method == "random":
        return "random"
    if name.endswith(OUTPUT) or config.input == "mean" or (config.input == "auto" and tied):
        return "mean"
    return "last_weighted"


def copy_rest(source: Path, target: Path, files: Sequence[str], tokenizer: Path, rows: int) -> None:
    """Config with the new number of rows, the new tokenizer's files, and everything else as it is.

    Raises:
        ArtifactError: the tokenizer has another chat template than the model.
    """
    own, other = read_chat_template(source), read_chat_template(tokenizer)
    if own is not None and other is not None and own != other:
        raise ArtifactError(
            f"{tokenizer}: its chat template is not that of {source}",
            hint="extend the tokenizer of this model, or remove the template from the tokenizer's files",
        )
    weights = (".safetensors", ".safetensors.index.json")
    for name in files:
        if name not in ("config.json", *_TOKENIZER, *_STALE) and not name.endswith(weights):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, target / name)
    for name in _TOKENIZER:
        place = tokenizer if (tokenizer / name).is_file() else source
        if (place / name).is_file():
            shutil.copyfile(place / name, target / name)
    write_json(target / "config.json", with_rows(read_json(source / "config.json"), rows))
    own_file = source / "lontar.json"
    about = read_json(own_file) if own_file.is_file() else {"format": "safetensors"}
    names = united(read_normalization(source), read_normalization(tokenizer))
    write_json(target / "lontar.json", {**about, "normalization": [*names]})


def with_rows(config: JsonObject, rows: int) -> JsonObject:
    """The config with another vocab_size, at the top and in its text part, wherever it stood."""
    inner = config.get("text_config")
    changed: JsonObject = {**config}
    if isinstance(inner, dict):
        changed["text_config"] = {**inner, "vocab_size": rows}
    if "vocab_size" in config:
        changed["vocab_size"] = rows
    return changed
