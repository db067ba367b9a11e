"""`export.safetensors`: a plain Hugging Face folder that loads unchanged, checked by loading it."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

from lontar import languages
from lontar.core.artifact import Model
from lontar.core.config import JsonObject
from lontar.core.job import Job
from lontar.core.license import conflicts
from lontar.core.shards import write_bytes, write_json, write_text
from lontar.core.stage import stage
from lontar.errors import DataError, LicenseError
from lontar.export import card, parity, weights
from lontar.export.config import SafetensorsConfig, size_bytes
from lontar.models.weights import INDEX, read_index

_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".bin.index.json")
_REPLACED = ("README.md", "config.json", INDEX)


@stage("export.safetensors", out=Model, version=1, libraries=("safetensors", "torch", "transformers"))
def safetensors(job: Job, model: Model, *, config: SafetensorsConfig) -> None:
    """Write a model as a plain Hugging Face folder and check it against the source, through transformers."""
    _check_license(job, model, config)
    _copy_files(job, model)
    _write_weights(job, model, config)
    write_json(job.dir / "config.json", model_config(model.path, config.dtype))
    write_text(job.dir / "README.md", card.card(config.name, model.lineage()))
    _check_parity(job, model, config)


def _check_license(job: Job, model: Model, config: SafetensorsConfig) -> None:
    found = conflicts(model.manifest.license)
    job.metric(**{"license.conflicts": len(found)})
    if found and config.on_conflict == "stop":
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
