"""One golden digest per stage on tiny input: a change of output without a new stage version fails here.

What training and evaluation compute in floating point differs between processors, so for those stages the digest is of
the outline: file names, tensor names, shapes and types, tokenizers, and everything else that is exact. When a stage
changes on purpose: raise its `version`, then

    LONTAR_WRITE_GOLDEN=1 python -m pytest tests/golden/test_stage_digests.py
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lontar.core.artifact import Artifact
from lontar.core.manifest import canonical_json, sha256_bytes
from lontar.core.recipe import load_recipe
from lontar.core.run import run
from lontar.core.stage import all_stages
from tests.unit.eval.official_files import data_folder, specification
from tests.unit.eval.published import publish, published_row
from tests.unit.eval.tiny_metricx import make_metric

pytest.importorskip("torch")
GOLDEN = Path(__file__).with_name("stage_digests.json")
RECIPE = """
name: golden
seed: 7
resources: {device: cpu, threads: 1}
steps:
  corpus: {stage: data.build, config: {sources: [{sample: parallel, langs: [en, id, th], limit_docs: 24}]}}
  base: {stage: train.pretrain, inputs: {corpus: corpus}, config: {vocab_size: 300, steps: 2, dtype: float32}}
  adopted: {stage: models.adopt, config: {path: BASE, license: CC0-1.0}}
  taken: {stage: tokenizer.adopt, config: {path: BASE, license: CC0-1.0}}
  tokenizer: {stage: tokenizer.extend, inputs: {base: base, corpus: corpus}, config: {new_tokens: 64}}
  resized: {stage: tokenizer.resize, inputs: {model: base, tokenizer: tokenizer}}
  model: {stage: train.cpt, inputs: {model: resized, corpus: corpus}, config: {steps: 2, dtype: float32}}
  pack: {stage: eval.import, config: {path: OFFICIAL, data: ROWS}}
  translated:
    stage: eval.run
    inputs: {model: base, pack: pack}
    config: {backend: echo, tasks: [sea-helm/translation-en-xx]}
  rated:
    stage: eval.metricx
    inputs: {evaluation: translated}
    config: {path: METRIC, license: CC0-1.0, official: false}
  official:
    stage: eval.run
    inputs: {model: base, pack: pack}
    config: {backend: echo, tasks: [sea-helm/feeling], runs: 2}
  scores:
    stage: eval.run
    inputs: {model: model, corpus: corpus}
    config: {backend: echo, tasks: [bits_per_byte, word_order]}
  again:
    stage: eval.run
    inputs: {model: base, corpus: corpus}
    config: {backend: echo, tasks: [bits_per_byte, word_order]}
  export: {stage: export.safetensors, inputs: {model: model}}
  english: {stage: tokenizer.train, inputs: {corpus: corpus}, config: {languages: [en], vocab_size: 400}}
  recut: {stage: tokenizer.recut, inputs: {base: base, tokenizer: tokenizer}, config: {new_tokens: 32}}
  moved: {stage: tokenizer.transplant, inputs: {model: base, tokenizer: english}, config: {measure: 1}}
  chats:
    stage: data.chats
    config: {sources: [{synthetic: skills, langs: [en], skills: [copy, date], count: 12, heldout: 4}]}
  chat:
    stage: train.sft
    inputs: {model: model, chats: chats, corpus: corpus}
    config: {steps: 2, seq_len: 128, dtype: float32}
  gguf: {stage: export.gguf, inputs: {model: model}, config: {types: [F32, F16, Q8_0]}}
  card: {stage: export.card, inputs: {model: export, tokenizer: tokenizer, evaluations: [scores], corpora: [corpus]}}
  report: {stage: report.build, inputs: {artifacts: [corpus, base, tokenizer, model, scores]}, config: {cost: false}}
  seen:
    stage: eval.contamination
    inputs: {evaluation: scores, corpus: corpus}
    config: {split: heldout, words: 5, chars: 20, least: 20}
  endpoint: {stage: backends.adopt, config: {path: "http://127.0.0.1:9/v1#m"}}
  rescored: {stage: eval.rescore, inputs: {evaluation: official}}
  published: {stage: eval.adopt_results, config: {path: PUBLISHED}}
  comparison: {stage: report.compare, inputs: {evaluations: [scores, again]}}
"""
# These hold floating-point results, which differ in the last bits between processors, or digests of such results.
COMPUTED = (
    *("model.safetensors", "training.json", "README.md", "lontar.json", "scores.json", "resize.json"),
    *(
        "model-F32.gguf",
        "model-F16.gguf",
        "model-Q8_0.gguf",
        "gguf.json",
        "report.html",
        "compare.html",
        "figures.json",
        "contamination.json",
        "metricx.jsonl",
        "compat.json",
        "samples/model/sea-helm/translation-en-xx-id.jsonl.zst",  # ratings of MetricX stand in its rows
    ),
)


def outline(artifact: Artifact) -> str:
    """Digest of everything about an artifact that is the same on every machine."""
    from lontar.models.weights import read_index

    exact = {name: entry.sha256 for name, entry in artifact.manifest.files.items() if name not in COMPUTED}
    tensors = {}
    if "model.safetensors" in artifact.manifest.files:
        tensors = {i.name: [i.dtype, *map(str, i.shape)] for i in read_index(artifact.path).values()}
    names = sorted(artifact.manifest.files)
    return sha256_bytes(canonical_json({"files": exact, "names": names, "tensors": tensors}))


def record(artifact: Artifact) -> dict[str, Any]:
    """What is kept of a stage's result: its outline exactly, its measurements within 0.2 %."""
    manifest = artifact.manifest
    return {"version": manifest.stage_version, "outline": outline(artifact), "metrics": manifest.metrics}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("golden")
    # `models.adopt` takes a folder: the base of this same run, made first.
    text = RECIPE.replace("BASE", str(folder / "run" / "base"))
    text = text.replace("OFFICIAL", str(specification(folder / "official"))).replace(
        "ROWS", str(data_folder(folder / "rows"))
    )
    publish(folder / "published", [published_row(), published_row(id="y", individual_scores=None)])
    text = text.replace("PUBLISHED", str(folder / "published")).replace("METRIC", str(make_metric(folder / "metric")))
    (folder / "first.yaml").write_text(
        text.replace(text[text.index("  adopted") : text.index("  tokenizer")], ""), "utf-8"
    )
    run(load_recipe(str(folder / "first.yaml")), folder / "run")
    (folder / "golden.yaml").write_text(text, "utf-8")
    done = run(load_recipe(str(folder / "golden.yaml")), folder / "run")
    records = {item.artifact.manifest.stage: record(item.artifact) for item in done}
    if os.environ.get("LONTAR_WRITE_GOLDEN"):
        GOLDEN.write_text(json.dumps(records, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return records


def test_every_built_in_stage_has_a_golden_result(found: dict[str, dict[str, Any]]) -> None:
    built_in = {stage.name for stage in all_stages() if stage.function.__module__.startswith("lontar.")}
    assert built_in == set(found) == set(json.loads(GOLDEN.read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", sorted(json.loads(GOLDEN.read_text(encoding="utf-8"))))
def test_golden_result(found: dict[str, dict[str, Any]], name: str) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))[name]
    assert found[name]["version"] == golden["version"]
    assert found[name]["outline"] == golden["outline"], "the output changed: raise the stage's version"
    assert found[name]["metrics"] == pytest.approx(golden["metrics"], rel=2e-3, abs=1e-3)
