"""What a full model card is made of: the model's lineage, and of tokenizer, scores and corpora what the lineage has.

An input that is not in the model's family is refused: a card must not name data that did not go in, or scores of
another model.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lontar.core.artifact import Artifact, Corpus, Evaluation, Lineage, Model, Records, Tokenizer
from lontar.core.config import JsonObject
from lontar.core.manifest import Manifest
from lontar.errors import ConfigError, DataError
from lontar.export.lineage import manifests
from lontar.models.files import read_normalization


@dataclass(frozen=True)
class ScoreRow:
    """A row of `scores.json` and whose score it is."""

    row: Mapping[str, Any]
    evaluation: str
    """digest of the evaluation"""
    subject: Manifest
    """the model that was asked"""
    confidence: float
    own: bool
    """it is this model, in another form at most"""


@dataclass(frozen=True)
class Facts:
    """Everything a card tells."""

    lineage: Lineage
    manifest: Manifest
    format: str
    files: tuple[str, ...]
    """payload of the model, sorted"""
    normalization: tuple[str, ...]
    tokenizers: tuple[Manifest, ...]
    scores: tuple[ScoreRow, ...]
    evaluations: tuple[Manifest, ...]
    counts: Mapping[str, JsonObject]
    """`languages` of counts.json, by digest of the corpus, of those that were given"""


def gather(
    model: Model, tokenizer: Tokenizer | None, evaluations: Sequence[Evaluation], corpora: Sequence[Corpus | Records]
) -> Facts:
    """Read the inputs of a card.

    Raises:
        ConfigError: one of them is of another family than the model.
    """
    lineage = model.lineage()
    family = {manifest.digest: manifest for manifest in manifests(lineage)}
    for artifact in [*([tokenizer] if tokenizer else []), *corpora]:
        _check_member(artifact, family, model)
    scores = [row for evaluation in evaluations for row in _scores(evaluation, family, model)]
    return Facts(
        lineage=lineage,
        manifest=model.manifest,
        format=str(_json(model, "lontar.json").get("format", "safetensors")),
        files=tuple(sorted(model.manifest.files)),
        normalization=read_normalization(model.path),
        tokenizers=_tokenizers(family.values(), tokenizer),
        scores=tuple(scores),
        evaluations=tuple(evaluation.manifest for evaluation in evaluations),
        counts={corpus.digest: _json(corpus, "counts.json").get("languages", {}) for corpus in corpora},
    )


def _check_member(artifact: Artifact, family: Mapping[str, Manifest], model: Model) -> None:
    if artifact.digest not in family:
        raise ConfigError(
            f"{artifact.path}: this {artifact.kind} is not in the lineage of {model.path}",
            hint="give those that the model was made from (lontar show names them), or leave it out",
        )


def _tokenizers(family: Iterable[Manifest], given: Tokenizer | None) -> tuple[Manifest, ...]:
    """Tokenizers of the family that say how long sentences are; the given one alone where there is one."""
    found = [given.manifest] if given else list(family)
    return tuple(m for m in found if any(name.startswith("tokens_per_sentence.") for name in m.metrics))


def _scores(evaluation: Evaluation, family: Mapping[str, Manifest], model: Model) -> list[ScoreRow]:
    stored = _json(evaluation, "scores.json")
    digest = stored.get("models", {}).get("model", {}).get("digest", "")
    if digest not in family:
        raise ConfigError(
            f"{evaluation.path}: scores of {digest[:12] or 'an unnamed model'}, which is not in the lineage of "
            f"{model.path}",
            hint="give evaluations of this model, or of one that it was made from",
        )
    own = digest in _forms(model.lineage())
    confidence = float(stored.get("confidence", 0.95))
    return [ScoreRow(row, evaluation.digest, family[digest], confidence, own) for row in stored.get("rows", [])]


def _forms(lineage: Lineage) -> set[str]:
    """Digests of a model and of what it was merely exported from."""
    found: set[str] = set()
    node: Lineage | None = lineage
    while node is not None and node.manifest is not None:
        found.add(node.manifest.digest)
        exported = node.manifest.stage.startswith("export.")
        node = next((parent for parent in node.parents if exported and parent.name == "model"), None)
    return found


def _json(artifact: Artifact, name: str) -> Any:
    if name not in artifact.manifest.files:
        return {}
    try:
        return json.loads((artifact.path / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise DataError(f"{artifact.path / name}: cannot read: {err}") from err
