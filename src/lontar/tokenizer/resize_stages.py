"""`tokenizer.resize` and `tokenizer.transplant`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lontar import samples
from lontar.core.artifact import Corpus, Model, Tokenizer
from lontar.core.job import Job
from lontar.core.manifest import sha256_file
from lontar.core.shards import write_json
from lontar.core.stage import stage
from lontar.tokenizer.resize_config import ResizeConfig, TransplantConfig
from lontar.tokenizer.sentences import packaged_languages, packaged_sentences

if TYPE_CHECKING:
    from lontar.tokenizer.rows import Change

LIBRARIES = ("torch", "transformers", "safetensors", "tokenizers")
REPORT = "resize.json"


def _uses(config: ResizeConfig, inputs: dict[str, Any]) -> dict[str, str]:
    """Without a corpus the packaged sentences are measured."""
    if not config.measure or inputs.get("corpus") is not None:
        return {}
    return {f"sample:{path.stem}": sha256_file(path) for path in sorted(samples.path("parity").glob("*.jsonl"))}


@stage("tokenizer.resize", out=Model, version=4, libraries=LIBRARIES, uses=_uses)
def resize(job: Job, model: Model, tokenizer: Tokenizer, corpus: Corpus | None = None, *, config: ResizeConfig) -> None:
    """Give a model rows for the tokens of an extended tokenizer."""
    from lontar.models.files import read_json, read_normalization, read_settings, united
    from lontar.tokenizer.base import open_base
    from lontar.tokenizer.resize import copy_rest, plan
    from lontar.tokenizer.resize import resize as resized
    from lontar.tokenizer.rows import Change, made_rows

    old, new = open_base(model.path), open_base(tokenizer.path)
    growth = plan(read_json(model.path / "config.json"), old, new, config.multiple)
    names = united(read_normalization(model.path), read_normalization(tokenizer.path))
    change = Change(model.path, old, new, growth, read_settings(model.path).start_id, names)
    made = made_rows(job, change, config, corpus)
    resized(model.path, job.dir, growth, config, job.seed, made)
    copy_rest(model.path, job.dir, sorted(set(model.manifest.files) - {REPORT}), tokenizer.path, growth.rows)
    job.metric(rows=growth.rows, new_tokens=len(growth.pieces) - growth.revived, revived_tokens=growth.revived)
    job.metric(freed_tokens=len(growth.freed))
    _measure(job, change, config, corpus)


@stage("tokenizer.transplant", out=Model, version=1, libraries=LIBRARIES, uses=_uses)
def transplant(
    job: Job,
    model: Model,
    tokenizer: Tokenizer,
    corpus: Corpus | None = None,
    donor: Model | None = None,
    *,
    config: TransplantConfig,
) -> None:
    """Move a model to another tokenizer: rows of shared tokens are copied by their bytes, the others are made."""
    from lontar.models.files import read_normalization, united
    from lontar.tokenizer.base import open_base
    from lontar.tokenizer.resize import resize as resized
    from lontar.tokenizer.rows import Change, made_rows
    from lontar.tokenizer.transplant import check_loading, donor_rows, plan, start_id, template_of, write_files

    old, new = open_base(model.path), open_base(tokenizer.path)
    template = template_of(model.path, tokenizer.path, new, config)
    growth = plan(model.path, tokenizer.path, old, new, config.multiple)
    names = united(read_normalization(model.path), read_normalization(tokenizer.path))
    change = Change(model.path, old, new, growth, start_id(model.path, tokenizer.path, old, new), names)
    made = donor_rows(change, donor.path, config) if donor is not None else made_rows(job, change, config, corpus)
    resized(model.path, job.dir, growth, config, job.seed, made)
    files = sorted(set(model.manifest.files) - {REPORT})
    write_files(job.dir, change, files, tokenizer.path, template)
    check_loading(job.dir)
    shared = len(growth.kept or ())
    job.metric(rows=growth.rows, shared_tokens=shared, new_tokens=len(growth.pieces))
    _measure(job, change, config, corpus)


def _measure(job: Job, change: Change, config: ResizeConfig, corpus: Corpus | None) -> None:
    """Bits per byte before the first step of training, against the base: report and metrics."""
    from lontar.tokenizer import bits

    growth = change.growth
    report: dict[str, Any] = {"method": config.method, "rows": growth.rows, "new_tokens": len(growth.pieces)}
    if config.measure:
        texts = bits.fitting(change.source, _texts(corpus, config.measure), change.normalization, config.measure)
        device, threads = job.resources.device, job.resources.threads
        base, made = (bits.measure(path, texts, device=device, threads=threads) for path in (change.source, job.dir))
        report["bits_per_byte"] = bits.as_json(base, made, texts)
        job.metric(**{f"bits_per_byte.base.{lang}": value for lang, value in base.items()})
        job.metric(**{f"bits_per_byte.resized.{lang}": value for lang, value in made.items()})
    write_json(job.dir / REPORT, report)


def _texts(corpus: Corpus | None, most: int) -> Mapping[str, Sequence[str]]:
    """Held-out documents of the corpus; the packaged sentences where there are none."""
    from itertools import islice

    if corpus is not None and (langs := corpus.langs("heldout")):
        return {lang: [doc.text for doc in islice(corpus.documents("heldout", [lang]), most)] for lang in langs}
    return packaged_sentences(packaged_languages(), "test")
