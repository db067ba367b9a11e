"""Give a model rows for the tokens of an extended tokenizer, weights copied tensor by tensor."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lontar.core.config import JsonObject
from lontar.core.shards import write_json
from lontar.errors import ArtifactError
from lontar.models.weights import TensorInfo, read_index, read_tensors, write_weights
from lontar.tokenizer.base import Bpe
from lontar.tokenizer.config import ResizeConfig
from lontar.tokenizer.embeddings import Weighting, grow

INPUT, OUTPUT = "embed_tokens.weight", "lm_head.weight"
# Everything beside weights, config and tokenizer goes along as it is.
_OWN = ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


@dataclass(frozen=True)
class Growth:
    """How a model's matrices grow."""

    rows: int
    pieces: Mapping[int, Sequence[int]]
    tied: bool


def plan(config: JsonObject, old: Bpe, new: Bpe, multiple: int) -> Growth:
    """How many rows, and the old pieces of every new id.

    Spare rows of the base (Qwen3 has 267) are used first.

    Raises:
        ArtifactError: the tokenizer does not extend the model's own.
    """
    text = config.get("text_config", config)
    settings = text if isinstance(text, dict) else config
    rows = int(str(settings["vocab_size"]))
    moved = [t for t, i in {**old.vocab, **old.specials}.items() if {**new.vocab, **new.specials}.get(t) != i]
    if moved:
        raise ArtifactError(
            f"the tokenizer does not extend the model's own: {len(moved)} old tokens have other ids, first {moved[0]!r}",
            hint="make it with `lontar tokenizer extend` from this model's tokenizer",
        )
    fresh = {i: token for token, i in new.vocab.items() if i >= old.size}
    pieces = {i: [old.vocab[piece] for piece in old.split(token)] for i, token in sorted(fresh.items())}
    needed = max(rows, new.size)
    tied = bool(config.get("tie_word_embeddings", settings.get("tie_word_embeddings", True)))
    return Growth(-(-needed // multiple) * multiple, pieces, tied)


def resize(source: Path, target: Path, growth: Growth, config: ResizeConfig, seed: int) -> None:
    """Write the weights of `source` to `target` with grown matrices."""
    index = read_index(source)
    grown = {name: info for name, info in index.items() if name.endswith((INPUT, OUTPUT))}
    if not any(name.endswith(INPUT) for name in grown):
        raise ArtifactError(f"{source}: no tensor called ...{INPUT}", hint="Qwen, Llama and Gemma layouts are known")
    infos = [replace(info, shape=_grown_shape(info, growth)) if name in grown else info for name, info in index.items()]

    def tensor(name: str) -> Any:
        _, value = next(iter(read_tensors(source, [name])))
        how = method_of(name, growth, config)
        return grow(value, growth.rows, growth.pieces, how, seed) if name in grown else value

    write_weights(target, infos, tensor)


def method_of(name: str, growth: Growth, config: ResizeConfig) -> Weighting | Any:
    """How the rows of one matrix are made."""
    if config.method == "random":
        return "random"
    if name.endswith(OUTPUT) or config.input == "mean":
        return "mean"
    return "mean" if config.input == "auto" and growth.tied else "last_weighted"


def _grown_shape(info: TensorInfo, growth: Growth) -> tuple[int, ...]:
    return (growth.rows, *info.shape[1:])


def copy_rest(source: Path, target: Path, names: Sequence[str], tokenizer: Path, rows: int) -> None:
    """Config with the new number of rows, the new tokenizer's files, and everything else as it is."""
    for name in names:
        if name not in _OWN and not name.endswith((".safetensors", ".safetensors.index.json")):
            shutil.copyfile(source / name, target / name)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        if (tokenizer / name).is_file():
            shutil.copyfile(tokenizer / name, target / name)
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    (config["text_config"] if isinstance(config.get("text_config"), dict) else config)["vocab_size"] = rows
    write_json(target / "config.json", config)
