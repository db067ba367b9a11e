"""`tokenizer.train`, `tokenizer.extend` and `tokenizer.recut`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lontar import languages
from lontar.core.artifact import Corpus, Model, Tokenizer
from lontar.core.config import JsonObject
from lontar.core.executor import Executor, ProcessPool
from lontar.core.job import Job
from lontar.core.manifest import sha256_file
from lontar.core.shards import write_json, write_text
from lontar.core.stage import stage
from lontar.errors import DataError
from lontar.text import limited, normalize
from lontar.tokenizer.adopt_stages import adopt
from lontar.tokenizer.config import ExtendConfig, RecutConfig, TrainConfig
from lontar.tokenizer.resize_stages import resize, transplant
from lontar.tokenizer.sentences import aligned, packaged_languages, packaged_sentences, sentence_digests

if TYPE_CHECKING:
    from lontar.tokenizer.extend import Extension

__all__ = ["adopt", "extend", "recut", "resize", "train", "transplant"]

# Report and audit look at so many texts of each language.
SAMPLE = 200
# Characters of text worth a process per script, each of which takes a second to start.
LARGE = 4_000_000
ENGLISH = "en"


def _train_uses(config: TrainConfig, inputs: dict[str, Any]) -> dict[str, str]:
    corpus: Corpus = inputs["corpus"]
    codes = sorted({*corpus.langs("train"), *config.languages})
    return languages.digests(codes) | sentence_digests(codes)


@stage("tokenizer.train", out=Tokenizer, version=3, libraries=("tokenizers", "regex", "numpy"), uses=_train_uses)
def train(job: Job, corpus: Corpus, *, config: TrainConfig) -> None:
    """Train a byte-level BPE tokenizer from nothing: whole characters first, shares by what sentences cost."""
    from lontar.models.ranks import write_ranks
    from lontar.models.tiny import CHAT_TEMPLATE
    from lontar.models.vocab import DEFAULT_SPECIALS, write_tokenizer
    from lontar.tokenizer import report
    from lontar.tokenizer.base import open_base
    from lontar.tokenizer.train import train as trained

    codes = sorted(config.languages or corpus.langs("train"))
    if absent := sorted(set(codes) - set(corpus.langs("train"))):
        raise DataError(
            f"{corpus.path}: no train documents in {', '.join(absent)}",
            hint=f"this split has: {', '.join(corpus.langs('train')) or 'nothing'}",
        )
    names = languages.pipeline(codes)
    texts = {
        code: [
            normalize(text, names)
            for text in limited((doc.text for doc in corpus.documents("train", [code])), config.max_bytes)
        ]
        for code in codes
    }
    expansion = {code: languages.get(code).expansion for code in codes}
    sentences = packaged_sentences(codes, "dev", written=True)
    made = trained(texts, sentences, expansion, config, DEFAULT_SPECIALS)
    write_tokenizer(job.dir, made.tokenizer, chat_template=CHAT_TEMPLATE)
    write_ranks(job.dir)
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
    return languages.digests(codes) | sentence_digests(codes)


@stage("tokenizer.extend", out=Tokenizer, version=6, libraries=("tokenizers", "regex", "numpy"), uses=_uses)
def extend(
    job: Job, base: Tokenizer | Model, corpus: Corpus, parallel: Corpus | None = None, *, config: ExtendConfig
) -> None:
    """Add tokens for other languages to a base's byte-level BPE; every old id stays."""
    from lontar.tokenizer import report
    from lontar.tokenizer.base import open_base
    from lontar.tokenizer.extend import extend as extended

    old = open_base(base.path)
    texts = {lang: [doc.text for doc in corpus.documents("train", [lang])] for lang in corpus.langs("train")}
    if not any(texts.values()):
        raise DataError(f"{corpus.path}: no documents to learn tokens from")
    # Packaged sentences that shares are decided on are not those that the table is measured on.
    given = aligned(parallel) if parallel is not None else None
    sentences = packaged_sentences(texts, "dev", written=True) if given is None else given
    measured = packaged_sentences([*texts, ENGLISH], "test") if given is None else given
    # Thirty sentences tell what a character costs; how long translations are takes more.
    expansion = {lang: languages.get(lang).expansion for lang in texts} if given is None else None
    with job.progress.task("extend", total=3, unit="steps") as task:
        made = extended(old, texts, sentences, config, _model_type(base.path), expansion, _executor(job, texts))
        task.advance()
        texts = {lang: many[:SAMPLE] for lang, many in sorted(texts.items())}  # the rest is no longer needed in memory
        sample = [text for many in texts.values() for text in many]
        notes = _finish(
            job, base.path, made, sample, languages.pipeline(sorted(texts)), report.notes(made, config.new_tokens)
        )
        task.advance()
        table = report.compare(old, made.new, {**texts, **measured})
        _report(job, made, config.new_tokens, table, measured, notes)
        task.advance()


def _executor(job: Job, texts: Mapping[str, Sequence[str]]) -> Executor:
    """Large text is learned from by a process per script: memory that is in small pieces never comes back otherwise.

    Of 60 MB, six scripts left 0.5 GB behind in one process, and the whole took 1.7 GB.
    """
    chars = sum(len(text) for many in texts.values() for text in many)
    if chars < LARGE or job.resources.executor not in ("auto", "process"):
        return job.executor
    return ProcessPool(job.resources.workers, fresh=True)


def _recut_uses(config: RecutConfig, inputs: dict[str, Any]) -> dict[str, str]:
    return sentence_digests(packaged_languages())


@stage("tokenizer.recut", out=Tokenizer, version=1, libraries=("tokenizers", "regex", "numpy"), uses=_recut_uses)
def recut(job: Job, base: Tokenizer | Model, tokenizer: Tokenizer, *, config: RecutConfig) -> None:
    """Cut what an extension has learned to another budget or objective, without training again.

    The audit is that of the extension; it knows the guarded text of the package, not that of the corpus. That text is
    safe because none of the merges that were learned runs in it, so none of any choice does.
    """
    from lontar.models.files import read_normalization
    from lontar.tokenizer import report
    from lontar.tokenizer.base import open_base
    from lontar.tokenizer.candidates import Learned
    from lontar.tokenizer.extend import recut as cut_again

    old = open_base(base.path)
    learned = Learned.load(tokenizer.path, old, _digest(base.path))
    codes = sorted({ENGLISH, *(lang for group in learned.groups for lang in group.measured)})
    made = cut_again(old, learned, config)
    sample = [text for code in codes for text in languages.get(code).samples]
    notes = _finish(
        job, base.path, made, sample, read_normalization(tokenizer.path), report.notes(made, config.new_tokens)
    )
    table = report.compare(old, made.new, packaged_sentences(codes, "test"))
    _report(job, made, config.new_tokens, table, table, notes)


def _finish(
    job: Job, base: Path, made: Extension, sample: Sequence[str], normalization: Sequence[str], notes: Sequence[str]
) -> list[str]:
    """Audit the tokenizer, write the files, audit them; nothing is kept when a promise does not hold."""
    from lontar.tokenizer.audit import audit, audit_files
    from lontar.tokenizer.check import texts_of_all_languages

    audit(made, [*sample, *texts_of_all_languages()])
    _write(job.dir, base, made, normalization)
    notes = [*notes, *audit_files(job.dir, base, made.guard.lines, sample)]
    for note in notes:
        job.progress.say(note)
    return notes


def _report(job: Job, made: Extension, asked: int, table: Any, parallel: Iterable[str], notes: Sequence[str]) -> None:
    from lontar.tokenizer import report

    numbers: JsonObject = {"languages": report.as_json(table), **report.summary(made, asked), "notes": [*notes]}
    numbers["equality"] = report.equality({lang: table[lang] for lang in parallel})
    write_json(job.dir / "report.json", numbers)
    job.metric(**report.metrics(made, asked, table))


def _digest(folder: Path) -> str:
    return sha256_file(folder / "tokenizer.json")


def _model_type(folder: Path) -> str:
    from lontar.models.files import read_json, text_config

    path = folder / "config.json"
    return str(text_config(read_json(path)).get("model_type", "")) if path.is_file() else ""


def _write(folder: Path, base: Path, made: Extension, normalization: Sequence[str] = ()) -> None:
    from lontar.models.files import read_json, read_normalization, united
    from lontar.models.ranks import write_ranks
    from lontar.tokenizer.report import token_rows

    write_text(folder / "tokenizer.json", json.dumps(made.new.tree, ensure_ascii=False, indent=1) + "\n")
    path = base / "tokenizer_config.json"
    settings: Mapping[str, Any] = read_json(path) if path.is_file() else {"clean_up_tokenization_spaces": False}
    # The generic class: the base's own may rebuild its pattern and change ids without a word.
    write_json(folder / "tokenizer_config.json", {**settings, "tokenizer_class": "PreTrainedTokenizerFast"})
    if (base / "chat_template.jinja").is_file():
        shutil.copyfile(base / "chat_template.jinja", folder / "chat_template.jinja")
    write_ranks(folder)
    write_json(folder / "extension.json", token_rows(made))
    made.learned.save(folder, _digest(base))
    write_json(folder / "lontar.json", {"normalization": [*united(read_normalization(base), normalization)]})
