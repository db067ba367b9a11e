"""`tokenizer.train`, `tokenizer.extend` and `tokenizer.resize`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from lontar import languages, samples
from lontar.core.artifact import Corpus, Model, Tokenizer
from lontar.core.job import Job
from lontar.core.manifest import sha256_file
from lontar.core.shards import read_jsonl, write_json, write_text
from lontar.core.stage import stage
from lontar.errors import DataError
from lontar.text import limited, normalize
from lontar.tokenizer.adopt_stages import adopt
from lontar.tokenizer.config import ExtendConfig, ResizeConfig, TrainConfig

__all__ = ["adopt", "extend", "resize", "train"]

# Report and audit look at so many texts of each language.
SAMPLE = 200


def _train_uses(config: TrainConfig, inputs: dict[str, Any]) -> dict[str, str]:
    corpus: Corpus = inputs["corpus"]
    codes = sorted({*corpus.langs("train"), *config.languages})
    return languages.digests(codes) | _sentence_files(codes)


@stage("tokenizer.train", out=Tokenizer, version=2, libraries=("tokenizers",), uses=_train_uses)
def train(job: Job, corpus: Corpus, *, config: TrainConfig) -> None:
    """Train a byte-level BPE tokenizer from nothing."""
    from lontar.models.tiny import CHAT_TEMPLATE
    from lontar.models.vocab import train_bpe, write_tokenizer
    from lontar.tokenizer import report
    from lontar.tokenizer.base import open_base

    codes = sorted(config.languages or corpus.langs("train"))
    if absent := sorted(set(codes) - set(corpus.langs("train"))):
        raise DataError(
            f"{corpus.path}: no train documents in {', '.join(absent)}",
            hint=f"this split has: {', '.join(corpus.langs('train')) or 'nothing'}",
        )
    names = languages.pipeline(codes)
    listed = ((doc.text for doc in corpus.documents("train", [code])) for code in codes)
    texts = (normalize(text, names) for found in listed for text in limited(found, config.max_bytes))
    made = train_bpe(texts, config.vocab_size, pattern=config.pattern)
    write_tokenizer(job.dir, made, chat_template=CHAT_TEMPLATE)
    write_json(job.dir / "lontar.json", {"normalization": [*names]})
    bpe = open_base(job.dir)
    table = {
        code: report.measure(bpe, texts) for code, texts in packaged_sentences(corpus.langs("train"), "test").items()
    }
    write_json(job.dir / "report.json", {"vocab_size": bpe.size, "languages": {k: {**v} for k, v in table.items()}})
    job.metric(vocab_size=bpe.size, **{f"tokens_per_sentence.{k}": v["tokens_per_sentence"] for k, v in table.items()})


def _uses(config: Any, inputs: dict[str, Any]) -> dict[str, str]:
    corpus: Corpus = inputs["corpus"]
    codes = sorted({*corpus.langs("train"), *(config.languages or ())})
    return languages.digests(codes) | _sentence_files(codes)


def _sentence_files(codes: Iterable[str]) -> dict[str, str]:
    files = {f"sample:{code}": path for code in codes if (path := _parallel_file(code)).is_file()}
    return {name: sha256_file(path) for name, path in files.items()}


@stage("tokenizer.extend", out=Tokenizer, version=4, libraries=("tokenizers", "regex"), uses=_uses)
def extend(
    job: Job, base: Tokenizer | Model, corpus: Corpus, parallel: Corpus | None = None, *, config: ExtendConfig
) -> None:
    """Add tokens for other languages to a base's byte-level BPE; every old id stays."""
    from lontar.tokenizer import report
    from lontar.tokenizer.audit import audit, audit_files
    from lontar.tokenizer.base import open_base
    from lontar.tokenizer.check import texts_of_all_languages
    from lontar.tokenizer.extend import extend as extended

    old = open_base(base.path)
    texts = {lang: [doc.text for doc in corpus.documents("train", [lang])] for lang in corpus.langs("train")}
    if not any(texts.values()):
        raise DataError(f"{corpus.path}: no documents to learn tokens from")
    # Packaged sentences that shares are decided on are not those that the table is measured on.
    given = aligned(parallel) if parallel is not None else None
    sentences = packaged_sentences(texts, "dev") if given is None else given
    measured = packaged_sentences(texts, "test") if given is None else given
    with job.progress.task("extend", total=3, unit="steps") as task:
        made = extended(old, texts, sentences, config, _model_type(base.path))
        task.advance()
        sample = [text for lang in sorted(texts) for text in texts[lang][:SAMPLE]]
        audit(made, [*sample, *texts_of_all_languages()])
        _write(job.dir, base.path, made, languages.pipeline(sorted(texts)))
        task.advance()
        notes = report.notes(made, config) + audit_files(job.dir, base.path, made.guard.lines, sample)
        table = report.compare(old, made.new, {lang: measured.get(lang) or t[:SAMPLE] for lang, t in texts.items()})
        task.advance()
    write_json(
        job.dir / "report.json", {"languages": report.as_json(table), **report.summary(made, config), "notes": [*notes]}
    )
    job.metric(**report.metrics(made, config, table))
    for note in notes:
        job.progress.say(note)


def aligned(corpus: Corpus) -> dict[str, Sequence[str]]:
    """Documents of a parallel corpus, those whose id every language has.

    Raises:
        DataError: there are none.
    """
    rows = {lang: {doc.id: doc.text for doc in corpus.documents("train", [lang])} for lang in corpus.langs("train")}
    shared = sorted(set.intersection(*(set(texts) for texts in rows.values()))) if rows else []
    if not shared:
        raise DataError(
            f"{corpus.path}: no document is there in every language ({', '.join(sorted(rows)) or 'it is empty'})",
            hint="translations of one sentence need the same id",
        )
    return {lang: [texts[id_] for id_ in shared] for lang, texts in rows.items()}


def packaged_sentences(langs: Iterable[str], split: Literal["dev", "test"]) -> dict[str, Sequence[str]]:
    """The packaged parallel sentences of those languages that they have."""
    return {
        lang: [str(row["text"]) for _, row in read_jsonl(path) if row["split"] == split]
        for lang in sorted(langs)
        if (path := _parallel_file(lang)).is_file()
    }


def _parallel_file(lang: str) -> Path:
    return samples.path("parity") / f"{lang}.jsonl"


def _model_type(folder: Path) -> str:
    from lontar.models.files import read_json, text_config

    path = folder / "config.json"
    return str(text_config(read_json(path)).get("model_type", "")) if path.is_file() else ""


def _write(folder: Path, base: Path, made: Any, normalization: Sequence[str] = ()) -> None:
    from lontar.models.files import read_json, read_normalization, united
    from lontar.tokenizer.report import token_rows

    write_text(folder / "tokenizer.json", json.dumps(made.new.tree, ensure_ascii=False, indent=1) + "\n")
    path = base / "tokenizer_config.json"
    settings: Mapping[str, Any] = read_json(path) if path.is_file() else {"clean_up_tokenization_spaces": False}
    # The generic class: the base's own may rebuild its pattern and change ids without a word.
    write_json(folder / "tokenizer_config.json", {**settings, "tokenizer_class": "PreTrainedTokenizerFast"})
    if (base / "chat_template.jinja").is_file():
        shutil.copyfile(base / "chat_template.jinja", folder / "chat_template.jinja")
    write_json(folder / "extension.json", token_rows(made))
    write_json(folder / "lontar.json", {"normalization": [*united(read_normalization(base), normalization)]})


@stage("tokenizer.resize", out=Model, version=3, libraries=("torch", "safetensors", "tokenizers"))
def resize(job: Job, model: Model, tokenizer: Tokenizer, *, config: ResizeConfig) -> None:
    """Give a model rows for the tokens of an extended tokenizer."""
    from lontar.models.files import read_json
    from lontar.tokenizer.base import open_base
    from lontar.tokenizer.resize import copy_rest, plan
    from lontar.tokenizer.resize import resize as resized

    old, new = open_base(model.path), open_base(tokenizer.path)
    growth = plan(read_json(model.path / "config.json"), old, new, config.multiple)
    resized(model.path, job.dir, growth, config, job.seed)
    copy_rest(model.path, job.dir, sorted(model.manifest.files), tokenizer.path, growth.rows)
    job.metric(rows=growth.rows, new_tokens=len(growth.pieces) - growth.revived, revived_tokens=growth.revived)
