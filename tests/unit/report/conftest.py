"""A small run made by hand: every kind of artifact, in the shapes that the stages write, in well under a second.

Scores go through the functions of `eval.run` itself, so a change of their shape shows here.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lontar.core.artifact import Artifact, Evaluation
from lontar.core.license import from_sources
from lontar.core.manifest import Cost
from lontar.core.shards import write_jsonl
from lontar.eval.rows import Row
from lontar.eval.scores import Rules, compare, row_of, total
from lontar.eval.task import find_task
from lontar.models.vocab import train_bpe, write_tokenizer
from lontar.report.tokens import sentences
from lontar.scoring import Likelihood, Prediction, Sample, Sure
from tests.conftest import made

LANGS = ("en", "km", "my", "th")
N = 24
HOSTILE = '</pre><script>alert(1)</script><img src=x onerror=alert(1)> <a href="javascript:alert(1)">x</a>'
INVISIBLE = "ab\u200bc\u202ed\ue000\ufffd"


def payload(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def jsonl(folder: Path, rows: list[Any]) -> bytes:
    write_jsonl(folder / "x.jsonl.zst", rows)
    return (folder / "x.jsonl.zst").read_bytes()


def counts(dropped: int) -> dict[str, Any]:
    half = {"docs": 10, "bytes": 900}
    row = {"in": {"docs": 20 + dropped, "bytes": 2000}, "train": half, "heldout": half, "licenses": {"CC0-1.0": 20}}
    return {
        "errors": [],
        "languages": {code: {**row, "dropped": {"zawgyi": dropped} if dropped else {}} for code in LANGS},
    }


DECISIONS = [
    {"id": "d1", "lang": "my", "kept": False, "reason": "zawgyi", "edits": {}, "excerpt": "ျမန္မာ"},
    {"id": "d2", "lang": "km", "kept": True, "reason": None, "edits": {"zwsp": 3}, "excerpt": "ភាសា\u200bខ្មែរ"},
    {"id": "d3", "lang": "en", "kept": False, "reason": "markup", "edits": {}, "excerpt": HOSTILE},
]


def weights(n: int) -> bytes:
    """A safetensors file of one tensor of zeros."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [n], "data_offsets": [0, 4 * n]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4 * n)


def training(*, series: bool) -> dict[str, Any]:
    row = {"tokens": 900, "epochs": 2.5, "bits_per_byte_before": 8.0, "bits_per_byte_after": 2.0, "heldout_bytes": 900}
    steps = [0, 10, 20]
    drawn = {"steps": steps, "bits_per_byte": {code: [8.0, 3.0, 2.0] for code in LANGS}, "loss": [5.0, 2.0, 1.5]}
    return {"steps": 20, "loss": 1.5, "languages": dict.fromkeys(LANGS, row)} | ({"series": drawn} if series else {})


def samples_of(task: str, lang: str) -> list[Sample]:
    text = next(iter(sentences(lang).values()))
    made = []
    for i in range(N):
        given: dict[str, Any] = {"id": f"s{i:03d}", "lang": lang, "group": f"s{i:03d}", "references": (text,)}
        if task == "word_order":
            given |= {"choices": (text, text[::-1]), "facts": {"answer": 0}}
        if task == "continue_in_language":
            given |= {"turns": (text[:8],)}
        made.append(Sample(**given))
    return made


def prediction(task: str, sample: Sample, skill: float) -> Prediction:
    i = int(sample.id[1:])
    if task == "bits_per_byte":
        wobble = 1 + 0.05 * (i % 5)
        return Prediction(likelihoods=(Likelihood(logprob=-100.0 * (1.2 - skill) * wobble, n_tokens=20),))
    if task == "word_order":
        right = i % 10 < 10 * skill
        pair = (-1.0, -2.0) if right else (-2.0, -1.0)
        return Prediction(likelihoods=tuple(Likelihood(logprob=p, n_tokens=9) for p in pair))
    answers = [HOSTILE, INVISIBLE, "", sample.references[0]]
    return Prediction(texts=(answers[min(3, i % 4)],))


def evaluated(folder: Path, skills: dict[str, dict[str, float]]) -> dict[str, bytes]:
    """Payload of an evaluation; `skills` is by side and language, from 0 to 1."""
    rows_json = []
    for name in ("bits_per_byte", "continue_in_language", "word_order"):
        for lang in LANGS:
            rules = Rules.of(find_task(name), lang)
            rows: dict[str, list[Row]] = {}
            for side, by_lang in skills.items():
                asked = samples_of(name, lang)
                rows[side] = [rules.score(s, prediction(name, s, by_lang[lang])) for s in asked]
                dumped = [row.model_dump(mode="json", exclude_defaults=True) for row in rows[side]]
                write_jsonl(folder / "samples" / side / f"{name}-{lang}.jsonl.zst", dumped)
            sure = Sure(resamples=200)
            base = rows.get("baseline")
            score, other = total(rules, rows["model"], sure), total(rules, base, sure) if base else None
            found = compare(rules, rows["model"], base, sure) if base else None
            rows_json.append(row_of(rules.task, score, other, found))
    (folder / "scores.json").write_bytes(as_json({"confidence": 0.95, "bootstraps": 200, "rows": rows_json}))
    return payload(folder)


SKILL = {"en": 0.75, "km": 0.8, "my": 0.9, "th": 0.6}
LESS = {"en": 0.8, "km": 0.3, "my": 0.3, "th": 0.55}


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    """Corpus, tokenizers, models and scores as a recipe would leave them."""
    pytest.importorskip("tokenizers")
    root, scratch = tmp_path_factory.mktemp("run"), tmp_path_factory.mktemp("scratch")
    terms = from_sources([])
    ours = terms.model_validate(
        {"spdx": "CC0-1.0", "sources": [{"spdx": "CC0-1.0", "source": "lontar-samples", "documents": 80}]}
    )
    docs = {f"docs.{split}.{code}": 10.0 for split in ("train", "heldout") for code in LANGS}
    corpus = made(
        root / "corpus", "corpus",
        {"counts.json": as_json(counts(2)), "decisions.jsonl.zst": jsonl(scratch, DECISIONS)},
        license_=ours, metrics=docs, stage="data.build", config={"sources": []},
    )  # fmt: skip
    for name, langs in (("english", ["en"]), ("tokenizer", list(LANGS))):
        texts = [text for lang in langs for text in sentences(lang).values()]
        write_tokenizer(scratch / name, train_bpe(texts, 300 if name == "english" else 500))
    english = made(root / "english", "tokenizer", payload(scratch / "english"), parents={"corpus": corpus})
    extension = {"languages": {code: {} for code in LANGS}, "added": 200, "asked": 300, "notes": ["a note"]}
    tokenizer = made(
        root / "tokenizer", "tokenizer", payload(scratch / "tokenizer") | {"report.json": as_json(extension)},
        parents={"base": english, "corpus": corpus}, stage="tokenizer.extend",
    )  # fmt: skip
    base = made(
        root / "base", "model", {"model.safetensors": weights(8), "training.json": as_json(training(series=False))},
        parents={"corpus": corpus, "tokenizer": english}, stage="train.pretrain",
    )  # fmt: skip
    model = made(
        root / "model", "model", {"model.safetensors": weights(9), "training.json": as_json(training(series=True))},
        parents={"model": base, "tokenizer": tokenizer, "corpus": corpus}, stage="train.cpt",
        cost=Cost(seconds=5.0, peak_bytes=10**8), metrics={"train.tokens": 3600.0},
    )  # fmt: skip
    scores = made(
        root / "scores", "evaluation", evaluated(scratch / "scores", {"model": SKILL, "baseline": LESS}),
        parents={"model": model, "baseline": base, "corpus": corpus}, stage="eval.run",
    )  # fmt: skip
    listed = (corpus, english, tokenizer, base, model, scores)
    return {artifact.path.name: artifact for artifact in listed}


@pytest.fixture(scope="session")
def evaluations(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Evaluation]:
    """Evaluations of single models by skill."""
    root = tmp_path_factory.mktemp("evaluations")

    def make(name: str, skill: dict[str, float]) -> Evaluation:
        if not (root / name / "manifest.json").is_file():
            made(root / name, "evaluation", evaluated(root / f".{name}", {"model": skill}))
        return Evaluation.open(root / name)

    return make
