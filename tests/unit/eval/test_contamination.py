from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from lontar import languages
from lontar.core.artifact import Evaluation
from lontar.core.config import Config
from lontar.core.job import Job
from lontar.core.records import Message
from lontar.core.shards import read_jsonl, write_json, write_jsonl
from lontar.core.stage import stage
from lontar.eval.contamination import Checker, Item, Letters, item_texts
from lontar.eval.result_stages import ContaminationConfig, contamination
from lontar.eval.rows import Row, rows_file
from lontar.scoring import Prediction, RowScore, Sample
from tests.unit.eval.conftest import Named, make_corpus


def words(seed: int, n: int) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices("abdeghiklmnoprstu", k=rng.randint(3, 9))) for _ in range(n)]


def check(items: list[Item], documents: list[str], **knobs: int) -> Any:
    checker = Checker(items, **knobs)
    for number, text in enumerate(documents):
        checker.add(f"d{number}", text)
    return list(checker.found())


def naive(text: str, documents: list[str], n: int = 13) -> float:
    grams = lambda t: {tuple(w[i : i + n]) for w in [t.split()] for i in range(len(w) - n + 1)}  # noqa: E731
    own, seen = grams(text), set().union(*map(grams, documents))
    return len(own & seen) / len(own) if own else 0.0


def test_shares_are_those_of_sets_of_tuples() -> None:
    texts = [" ".join(words(seed, 60)) for seed in range(5)]
    pool = words(99, 400)
    documents = [
        " ".join([*pool[:50], *texts[0].split()[:40], *pool[50:90]]),
        " ".join([*texts[1].split()[20:], *pool[90:200]]),
        texts[2],
        " ".join(pool),
    ]
    items = [Item("t", "id", str(i), (text,), group=str(i)) for i, text in enumerate(texts)]
    found = check(items, documents)
    assert [one.share for one in found] == pytest.approx([naive(text, documents) for text in texts])
    assert [one.exact is not None for one in found] == [False, False, True, False, False]
    assert found[2].exact.document == found[2].ngram.document == "d2"
    assert found[0].ngram.document == "d0" and found[0].ngram.excerpt.startswith(" ".join(texts[0].split()[:13]))
    assert found[4].ngram is None and found[4].checked


def test_case_punctuation_and_spaces_are_passed_over() -> None:
    text = " ".join(words(1, 40))
    loud = ", ".join(word.capitalize() for word in text.split()) + "!\u200b"
    wide = "".join(chr(ord(c) + 0xFEE0) if c.isalpha() else c for c in text)  # full-width letters
    for document in (loud, wide, text.replace(" ", "\u00a0\n")):
        (found,) = check([Item("t", "id", "a", (text,))], [document])
        assert found.exact is not None and found.share == 1
        assert len(found.exact.excerpt) <= 200


@pytest.mark.parametrize("lang", ["th", "my", "km", "lo", "zh"])
def test_unspaced_languages_need_no_segmenter(lang: str) -> None:
    text = "".join(languages.get(lang).samples) * 3
    assert len(text) > 120 and not languages.get(lang).spaced
    item = Item("t", lang, "a", (text,), spaced=False)
    (found,) = check([item], [f"before {text[10:]} after"])
    assert found.exact is None and found.share > 0.7
    (found,) = check([item], [f"before {text} after"])
    assert found.exact is not None and found.share == 1
    (found,) = check([item], ["nothing of the kind" * 20])
    assert found.share == 0 and found.checked


def test_templates_do_not_count() -> None:
    template = " ".join(words(5, 30))
    items = [Item("t", "id", str(i), (f"{template} {' '.join(words(100 + i, 30))}",), group=str(i)) for i in range(6)]
    found = check(items, [template, " ".join(words(102, 30))])
    assert [round(one.share, 2) for one in found] == [0, 0, 0.6, 0, 0, 0]
    # What one passage's questions share is no template.
    items = [Item("t", "id", str(i), (f"{template} q{i}",), group="one passage") for i in range(6)]
    assert all(one.share > 0.9 for one in check(items, [template]))


def test_short_items_are_not_checked() -> None:
    found = check([Item("t", "id", "a", ("short text", "b")), Item("t", "id", "b", ())], ["short text b"])
    assert [one.checked for one in found] == [False, False]


def test_hostile_documents() -> None:
    item = Item("t", "id", "a", (" ".join(words(1, 40)),))
    hostile = ["", "\ud800" * 100, "\x00" * 100, "a" * 3_000_000, " " * 1_000_000, "\ufdfa" * 10_000, "a b " * 300_000]
    (found,) = check([item], hostile)
    assert found.exact is None and found.share == 0
    long = "x y z " * 200_000 + item.texts[0]
    (found,) = check([item, Item("t", "id", "b", (long,))], [long])[:1]
    assert found.share == 1, "it stands after many blocks"


def test_blocks_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from lontar.eval import contamination as module

    monkeypatch.setattr(module, "_BLOCK", 500)
    monkeypatch.setattr(module, "_OVERLAP", 300)
    text = " ".join(words(3, 400))
    for spaced in (True, False):
        (found,) = check([Item("t", "id", "a", (text,), spaced=spaced)], [text])
        assert found.share == 1 and found.exact is not None and found.exact.excerpt == text[:200].strip()


def test_equal_runs_have_equal_hashes_wherever_they_stand() -> None:
    one, two = Letters.of("aa bb cc dd ee"), Letters.of("zz aa bb cc dd ee ff" * 3)
    for n in (1, 2, 5):
        assert set(one.word_grams(n)[0].tolist()) <= set(two.word_grams(n)[0].tolist())
        assert set(one.char_grams(n)[0].tolist()) <= set(two.char_grams(n)[0].tolist())
    assert not set(Letters.of("ab").char_grams(2)[0]) & set(Letters.of("ba").char_grams(2)[0])


def test_texts_of_items() -> None:
    row = {"prompts": [{"text": "passage", "choices": ["p", "q"]}, {"text": "second"}], "label": ["one", "two"]}
    assert item_texts(Sample(id="a", lang="id", facts={"row": row})) == ("passage", "p", "q", "second", "one", "two")
    chat = (
        Message(role="system", content="s"),
        Message(role="user", content="u"),
        Message(role="assistant", content="x"),
    )
    assert item_texts(Sample(id="a", lang="id", turns=(chat,), references=("r", "u"))) == ("u", "r")
    assert item_texts(Sample(id="a", lang="id", facts={"row": {"prompts": None}})) == ()


class Seen(Config):
    n: int = 16


@stage("test.seen", out=Evaluation, version=1)
def make_seen(job: Job, *, config: Seen) -> None:
    """An evaluation whose even items are answered rightly."""
    for side in ("model", "baseline"):
        rows = []
        for i in range(config.n):
            sample = Sample(id=str(i), lang="id", turns=(" ".join(words(i, 40)),), references=("ya",), group=str(i))
            rows.append(
                Row(sample=sample, prediction=Prediction(texts=("ya",)), score=RowScore(value=float(i % 2 == 0)))
            )
        dumped = [row.model_dump(mode="json", exclude_defaults=True) for row in rows]
        write_jsonl(job.dir / rows_file(side, "soal", "id"), dumped)
    write_json(job.dir / "scores.json", {"rows": [{"task": "soal", "lang": "id", "aggregate": {"mean": {}}}]})


def test_scores_with_and_without_what_was_seen(tmp_path: Path) -> None:
    evaluation = make_seen(tmp_path / "seen", config=Seen())
    texts = [f"awal {' '.join(words(i, 40))} akhir" for i in range(0, 16, 2)]
    corpus = make_corpus(tmp_path / "corpus", config=Named(texts={"id": texts}))
    none = contamination(tmp_path / "none", evaluation, corpus, config=ContaminationConfig())
    rows = json.loads((none.path / "contamination.json").read_text("utf-8"))
    assert rows["documents"] == 0 and rows["rows"][0]["flagged"] == 0, "held-out text is not looked through"
    config = ContaminationConfig(split="both", bootstraps=100)
    report = contamination(tmp_path / "report", evaluation, corpus, config=config)
    (row,) = json.loads((report.path / "contamination.json").read_text("utf-8"))["rows"]
    assert (row["n"], row["flagged"], row["flagged_exact"], row["flagged_ngram"], row["unchecked"]) == (16, 8, 8, 8, 0)
    scores = row["scores"]["model"]
    assert [scores[name]["value"] for name in ("all", "clean", "flagged")] == [0.5, 0, 1]
    assert scores["all"]["low"] < 0.5 < scores["all"]["high"] and row["scores"]["baseline"] == scores
    hits = [hit for _, hit in read_jsonl(report.path / "contamination.jsonl")]
    assert len(hits) == 16 and {hit["kind"] for hit in hits} == {"exact", "ngram"}
    assert hits[0]["document"] == "d0" and hits[0]["excerpt"].startswith(" ".join(words(0, 3)))
    assert report.verify() == [] and report.manifest.metrics["flagged"] == 8
