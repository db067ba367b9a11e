"""Give a model rows for the tokens of an extended tokenizer, weights copied tensor by tensor.

Spare rows of the base (Qwen3 has 267) are used first. Tokens of the base that it could never produce, and the new
tokenizer can, count as new: their rows were never trained. Tokens that only the base makes (an extension frees those
that tear characters apart) get the mean of all rows, in the output above all: the model has learned to expect them, and
what it expects of a token that never comes is lost to those that do.
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
from lontar.models.ranks import RANKS
from lontar.models.vocab import token_bytes
from lontar.models.weights import TensorInfo, read_index, read_tensors, write_weights
from lontar.tokenizer.base import Bpe
from lontar.tokenizer.embeddings import Method, grow
from lontar.tokenizer.resize_config import ResizeConfig

INPUT, OUTPUT = "embed_tokens.weight", "lm_head.weight"
PADDED = 128
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
# Other forms of the old vocabulary: loaders that prefer them would not see the new tokens.
STALE = (
    *("vocab.json", "merges.txt", "added_tokens.json", "tokenizer.model", "vocab.txt", "tekken.json"),
    RANKS,
)


@dataclass(frozen=True)
class Growth:
    """How a model's matrices grow."""

    old_rows: int
    rows: int
    pieces: Mapping[int, Sequence[int]]
    """old pieces of every new or revived id"""
    revived: int = 0
    """ids of the base that it could never produce"""
    freed: Sequence[int] = ()
    """ids of the base that the new tokenizer never produces"""
    kept: Mapping[int, int] | None = None
    """new id -> old id of the rows that are copied; none: every old row keeps its id"""

    def grown(self, old: Any, how: Method, seed: int, made: Any = None) -> Any:
        """One matrix of the model with its new rows; `made` are rows that were made elsewhere."""
        return grow(old, self.rows, self.pieces, how, seed, kept=self.kept, idle=self.freed, made=made)


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
    freed = freed_tokens(old, new)
    return Growth(rows, padded(max(rows, new.size), rows > old.size, multiple), pieces, len(revived), freed)


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
    return [(i, token) for i, token, before, after in _alone(old, new) if after and not before]


def freed_tokens(old: Bpe, new: Bpe) -> list[int]:
    """Ids of the base that it makes and the new tokenizer does not: their merge is gone, or the pattern cuts them."""
    cut = {i for i, _, before, after in _alone(old, new) if before and not after}
    gone = {a + b for a, b in old.merges} - {a + b for a, b in new.merges} - old.specials.keys()
    return sorted(cut | {old.vocab[token] for token in gone if token in old.vocab})


def _alone(old: Bpe, new: Bpe) -> list[tuple[int, str, bool, bool]]:
    """Id, token, and whether each tokenizer makes it of its own text; ASCII is cut alike by all named patterns."""
    if old.pattern == new.pattern and len(old.merges) == len(new.merges):
        return []
    tokens = [(i, token) for token, i in sorted(old.vocab.items()) if token not in old.specials and not token.isascii()]
    texts = [(i, token, text) for i, token in tokens if (text := _text(token)) is not None]
    batch = [text for _, _, text in texts]
    before, after = (t.tokenizer.encode_batch(batch, add_special_tokens=False) for t in (old, new))
    return sorted(
        (i, token, a.ids == [i], b.ids == [i]) for (i, token, _), a, b in zip(texts, before, after, strict=True)
    )


def _text(token: str) -> str | None:
    try:
        return token_bytes(token).decode("utf-8")
    except (UnicodeDecodeError, KeyError):  # a part of a character, or a special token outside `added_tokens`
        return None


def padded(rows: int, spare: bool, multiple: int | None) -> int:
    """Rows rounded up: to `multiple`, or as the base does it."""
    multiple = multiple or (PADDED if spare else 1)
    return -(-rows // multiple) * multiple


def resize(
    source: Path, target: Path, growth: Growth, config: ResizeConfig, seed: int, made: Mapping[str, Any] | None = None
) -> None:
    """Write the weights of `source` to `target` with grown matrices.

    Args:
        source: the model.
        target: the folder to write to.
        growth: which rows.
        config: how they are made.
        seed: of the random methods.
        made: rows [N, D] of the new ids that were made elsewhere, by `input` and `output`.

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
        # A stored copy of a tied head is not read: it follows the input.
        side = "output" if name.endswith(OUTPUT) and not tied else "input"
        return growth.grown(value, method_of(name, tied, config), seed, (made or {}).get(side))

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
    """How the rows of one matrix are made, or where the learned ones start."""
    if config.method in ("random", "hewitt"):
        return config.method
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
        if name not in ("config.json", *TOKENIZER_FILES, *STALE) and not name.endswith(weights):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, target / name)
    for name in TOKENIZER_FILES:
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
