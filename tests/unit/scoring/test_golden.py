"""chrF++ against vectors computed by sacrebleu, and against sacrebleu itself on random text."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from lontar import languages
from lontar.scoring import Prediction, RowScore, Sample, aggregate, scorer

pytest.importorskip("sacrebleu")
VECTORS = json.loads((Path(__file__).parents[2] / "golden" / "scoring_chrf.json").read_text(encoding="utf-8"))


def scored(hypothesis: str, references: list[str]) -> RowScore:
    sample = Sample(id="x", lang="th", references=tuple(references))
    row = scorer.get("chrf").function(sample, Prediction(answer=hypothesis), languages.get("th"))
    assert isinstance(row, RowScore)
    return row


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_vectors(case: dict[str, Any]) -> None:
    rows = [scored(row["hypothesis"], row["references"]) for row in case["rows"]]
    assert [row.value for row in rows] == [row["sentence"] for row in case["rows"]]
    assert aggregate.get("corpus_chrf").function(rows) == case["corpus"]


def test_random_corpora_equal_sacrebleu_to_the_last_bit() -> None:
    import sacrebleu

    rng = random.Random(5)
    letters = "aเกข ่้ ခည်  .,!?xy\u0301z"
    text = lambda: "".join(rng.choice(letters) for _ in range(rng.randrange(0, 40)))  # noqa: E731
    for _ in range(30):
        hypotheses, references = [text() for _ in range(7)], [text() for _ in range(7)]
        ours = aggregate.get("corpus_chrf").function(
            [scored(h, [r]) for h, r in zip(hypotheses, references, strict=True)]
        )
        assert ours == sacrebleu.corpus_chrf(hypotheses, [references], word_order=2).score
