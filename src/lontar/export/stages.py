"""`export.safetensors`, `export.gguf`, `export.card`: a model for others, each form checked against its source.

A folder that transformers loads is checked by loading it; a GGUF file by reading every tensor and token back.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

from lontar import languages
from lontar.core.artifact import Corpus, Evaluation, Model, Records, Report, Tokenizer
from lontar.core.config import JsonObject
from lontar.core.job import Job
from lontar.core.license import conflicts
from lontar.core.shards import write_bytes, write_json, write_text
from lontar.core.stage import stage
from lontar.errors import DataError, LicenseError
from lontar.export import card, card_inputs, gguf_file, parity, weights
from lontar.export.config import CardConfig, GgufConfig, OnConflict, SafetensorsConfig, size_bytes
from lontar.models import gguf as gguf_format
from lontar.models import gguf_check
from lontar.models.weights import INDEX, read_index

_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".bin.index.json")
_REPLACED = ("README.md", "config.json", INDEX)


@stage("export.safetensors", out=Model, version=1, libraries=("safetensors", "torch", "transformers"))
def safetensors(job: Job, model: Model, *, config: SafetensorsConfig) -> None:
    """Write a model as a plain Hugging Face folder and check it against the source, through transformers."""
    _check_license(job, model, config.on_conflict)
    _copy_files(job, model)
    _write_weights(job, model, config)
    write_json(job.dir / "config.json", model_config(model.path, config.dtype))
    write_text(job.dir / "README.md", card.card(config.name, model.lineage()))
    _check_parity(job, model, config)


def _check_license(job: Job, model: Model, on_conflict: OnConflict) -> None:
    found = conflicts(model.manifest.license)
    job.metric(**{"license.conflicts": len(found)})
    if found and on_conflict == "stop":
        raise LicenseError(
            f"{model.path}: {'; '.join(found)}",
            hint="leave those sources out of the corpus (filter license_terms), or set on_conflict: name",
        )
    for line in found:
        job.progress.say(f"license: {line}")


def _copy_files(job: Job, model: Model) -> None:
    """Everything but weights of any form and what is written anew: tokenizer, chat template, generation settings."""
    for name in model.manifest.files:
        if not name.endswith(_WEIGHTS) and name not in _REPLACED:
            write_bytes(job.dir / name, (model.path / name).read_bytes())


def model_config(folder: Path, dtype: str) -> JsonObject:
    """`config.json` for the exported weights.

    Raises:
        DataError: it cannot be read, names no architecture, or asks for code of its own.
    """
    path = folder / "config.json"
    try:
        found: JsonObject = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise DataError(f"{path}: cannot read: {err}") from err
    if "auto_map" in found:
        raise DataError(f"{path}: this model runs code of its own (auto_map), so no plain folder can hold it")
    if not found.get("architectures"):
        raise DataError(f"{path}: field 'architectures' is missing", hint='for example ["Qwen3ForCausalLM"]')
    if dtype != "keep":
        found["dtype"] = dtype
        found.pop("torch_dtype", None)  # the older name of the same field
    return {**found, "transformers_version": version("transformers")}


def _write_weights(job: Job, model: Model, config: SafetensorsConfig) -> None:
    total = sum(info.bytes for info in weights.converted(read_index(model.path), config.dtype).values())
    with job.progress.task("weights", total=total, unit="bytes") as task:
        limit = size_bytes(config.max_shard_size)
        files = weights.rewrite(model.path, job.dir, config.dtype, limit, task.advance)
    job.metric(**{"weights.bytes": total, "weights.files": len(files)})


def _check_parity(job: Job, model: Model, config: SafetensorsConfig) -> None:
    probes = [parity.Probe(lang.code, text) for lang in languages.all_languages() for text in lang.samples]
    device = job.resources.device if job.resources.device.startswith("cuda") else "cpu"
    source, made = (parity.answers(folder, probes, device) for folder in (model.path, job.dir))
    parity.check_ids(probes, parity.bare_ids(model.path, probes), made.ids, "transformers on the export")
    found = parity.compare(source, made)
    job.metric(**{"parity.max_abs_logit_diff": found.max_abs, "parity.top1": found.top1})
    tolerance = config.tolerance if config.tolerance is not None else parity.TOLERANCE[config.dtype]
    parity.check_logits(found, tolerance)


@stage("export.gguf", out=Model, version=1, libraries=("gguf", "safetensors"))
def gguf(job: Job, model: Model, *, config: GgufConfig) -> None:
    """Write a model as GGUF files for llama.cpp and check every tensor and token of them."""
    _check_license(job, model, config.on_conflict)
    source = gguf_format.open_source(model.path)
    keys = gguf_file.metadata(model, source, config.name)
    files: JsonObject = {}
    with job.progress.task("gguf", total=_values(source) * len(config.types), unit="values") as task:
        for kind in dict.fromkeys(config.types):
            path = job.unit(
                f"model-{kind}.gguf",
                lambda target, kind=kind: gguf_format.write_gguf(source, target, kind, keys, task.advance),  # type: ignore[misc]
            )
            errors = gguf_check.check_gguf(source, path, kind, keys)
            gguf_file.check_tolerance(errors, config.tolerance)
            files[kind] = gguf_file.record(kind, path, errors)
            job.metric(**{f"max_error.{kind}": max(e.max_error for e in errors), f"bytes.{kind}": path.stat().st_size})
    job.metric(tensors=len(source.tensors), vocabulary=len(source.vocabulary.tokens))
    write_json(job.dir / "gguf.json", {**gguf_file.described(source), "source": model.digest, "files": files})
    write_json(job.dir / "lontar.json", {"format": "gguf", "normalization": list(source.normalization)})


def _values(source: gguf_format.Source) -> int:
    return sum(placed.source.elements for placed in source.tensors)


@stage("export.card", out=Report, version=1)
def write_card(
    job: Job,
    model: Model,
    tokenizer: Tokenizer | None = None,
    evaluations: tuple[Evaluation, ...] | None = None,
    corpora: tuple[Corpus | Records, ...] | None = None,
    *,
    config: CardConfig,
) -> None:
    """Write a model card from the lineage: data, tokenizer, scores, cost, terms, limits; nothing typed by hand."""
    facts = card_inputs.gather(model, tokenizer, evaluations or (), corpora or ())
    write_text(job.dir / "README.md", card.full_card(config.name, facts))
    job.metric(**{"license.conflicts": len(conflicts(model.manifest.license)), "scores": len(facts.scores)})
