"""`tokenizer.extend` and `tokenizer.resize`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lontar import languages, samples
from lontar.core.artifact import Artifact, Corpus, Model, Tokenizer
from lontar.core.config import JsonObject
from lontar.core.job import Job
from lontar.core.manifest import sha256_file
from lontar.core.shards import read_jsonl, write_json, write_text
from lontar.core.stage import stage
from lontar.errors import ArtifactError, DataError
from lontar.tokenizer.config import ExtendConfig, ResizeConfig

_LIBRARIES = ("tokenizers", "regex")


def _uses(config: Any, inputs: dict[str, Any]) -> dict[str, str]:
    corpus: Corpus = inputs["corpus"]
    codes = sorted({*corpus.langs("train"), *(config.languages or ())})
    folder = samples.path("parallel")
    development = {f"sample:{c}": sha256_file(folder / f"{c}.jsonl") for c in codes if (folder / f"{c}.jsonl").is_file()}
    return languages.digests(codes) | development


@stage("tokenizer.extend", out=Tokenizer, version=1, libraries=_LIBRARIES, uses=_uses)
def extend(job: Job, base: Tokenizer | Model, corpus: Corpus, *, config: ExtendConfig) -> None:
    """Add tokens for other languages to a base's byte-level BPE; every old id stays."""
    from lontar.tokenizer import check, report
    from lontar.tokenizer.base import check_base
    from lontar.tokenizer.extend import audit
    from lontar.tokenizer.extend import extend as extended

    old = check_base(read_json(base.path / "tokenizer.json"), str(base.path))
    texts = {lang: [doc.text for doc in corpus.documents("train", [lang])] for lang in corpus.langs("train")}
    if not texts:
        raise DataError(f"{corpus.path}: no documents to learn tokens from")
    dev = development_sentences(texts)
    with job.progress.task("extend", unit="tokens") as task:
        made = extended(old, texts, dev, config, _model_type(base))
        task.advance(len(made.new_ids))
    kept_texts = [text for lang in sorted(texts) for text in texts[lang][:200]]
    audit(made, [*kept_texts, *check.texts_of_all_languages()])
    _write(job.dir, base, made)
    if found := check.differences(job.dir, [*check.texts_of_all_languages(), *kept_texts[:200]]):
        raise ArtifactError(f"{len(found)} texts have other ids in another loader; first {found[0]}")
    table = report.compare(old, made.new, dev | {lang: t[:200] for lang, t in texts.items() if lang not in dev})
    write_json(job.dir / "report.json", {"languages": table, "pattern": made.pattern, **_summary(made, config)})
    job.metric(**_metrics(made, config, table))


def development_sentences(texts: Mapping[str, Any]) -> dict[str, list[str]]:
    """The packaged parallel sentences, the part for training, of every language that they have and the corpus has."""
    folder = samples.path("parallel")
    return {
        lang: [str(row["text"]) for _, row in read_jsonl(folder / f"{lang}.jsonl") if row["split"] == "train"]
        for lang in sorted(texts)
        if (folder / f"{lang}.jsonl").is_file()
    }


def _model_type(base: Artifact) -> str:
    config = base.path / "config.json"
    return str(read_json(config).get("model_type", "")) if config.is_file() else ""


def _write(folder: Path, base: Artifact, made: Any) -> None:
    write_text(folder / "tokenizer.json", json.dumps(made.new.tree, ensure_ascii=False, indent=1) + "\n")
    settings = read_json(base.path / "tokenizer_config.json") if (base.path / "tokenizer_config.json").is_file() else {}
    # The generic class: the base's own may rebuild its pattern and change ids without a word.
    write_json(folder / "tokenizer_config.json", {**settings, "tokenizer_class": "PreTrainedTokenizerFast"})
    if (base.path / "chat_template.jinja").is_file():
        shutil.copyfile(base.path / "chat_template.jinja", folder / "chat_template.jinja")
    write_json(folder / "extension.json", extension_rows(made))


def extension_rows(made: Any) -> JsonObject:
    """Per new token: id, old pieces, rank among the new merges, script group, uses on the training text."""
    rows: JsonObject = {}
    rank = 0
    for script, merges in sorted(made.merges.items()):
        for left, right in merges:
            token = left + right
            rows[token] = {
                "id": made.new.vocab[token],
                "pieces": [made.base.vocab[piece] for piece in made.base.split(token)],
                "rank": rank,
                "group": script,
                "count": made.counts.get(token, 0),
            }
            rank += 1
    return rows


def _summary(made: Any, config: ExtendConfig) -> JsonObject:
    new = made.new_ids
    return {
        "asked": config.new_tokens,
        "added": len(new),
        "revived": sum(map(len, made.merges.values())) - len(new),
        "used": sum(made.counts.get(token, 0) > 0 for token in new),
        "groups": {script: len(merges) for script, merges in sorted(made.merges.items())},
        "dropped_for_guard": made.dropped,
        "guard_texts": len(made.guard),
    }


def _metrics(made: Any, config: ExtendConfig, table: Any) -> dict[str, float]:
    summary: Any = _summary(made, config)
    metrics = {f"tokens.{name}": float(summary[name]) for name in ("asked", "added", "revived", "used")}
    for lang, both in table.items():
        for when in ("before", "after"):
            metrics[f"tokens_per_sentence.{when}.{lang}"] = round(both[when]["tokens_per_sentence"], 4)
    return metrics


@stage("tokenizer.resize", out=Model, version=1, libraries=("torch", "safetensors", "tokenizers"))
def resize(job: Job, model: Model, tokenizer: Tokenizer, *, config: ResizeConfig) -> None:
    """Give a model rows for the tokens of an extended tokenizer."""
    from lontar.tokenizer.base import check_base
    from lontar.tokenizer.resize import copy_rest, plan
    from lontar.tokenizer.resize import resize as resized

    old = check_base(read_json(model.path / "tokenizer.json"), str(model.path))
    new = check_base(read_json(tokenizer.path / "tokenizer.json"), str(tokenizer.path))
    growth = plan(read_json(model.path / "config.json"), old, new, config.multiple)
    resized(model.path, job.dir, growth, config, job.seed)
    copy_rest(model.path, job.dir, sorted(model.manifest.files), tokenizer.path, growth.rows)
    job.metric(rows=growth.rows, new_tokens=len(growth.pieces))


def read_json(path: Path) -> Any:
    """A JSON file.

    Raises:
        DataError: it is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise DataError(f"{path}: cannot read: {err}") from err
