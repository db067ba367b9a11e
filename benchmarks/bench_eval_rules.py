"""What the default mode of scoring finds where the official rules do not, and the other way round.

Three tables: sentences that pass the gate of their own language, by our identifier and by the official one; recorded
answers to label choice that only one mode reads right; and what a perfect answer to every task of the pack scores.

    python benchmarks/bench_eval_rules.py --shared ../shared
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lontar.eval.config import EvalConfig
from lontar.eval.import_stages import ImportConfig, import_
from lontar.eval.parts import Part
from lontar.eval.plan import make_plan
from lontar.eval.scores import Rules
from lontar.eval.sea_helm.compat import OfficialFacts, official_scores
from lontar.eval.sea_helm.pack import Pack
from lontar.eval.sea_helm.tasks import PackTasks
from lontar.languages import get
from lontar.scoring import Prediction, Sample, extractor
from lontar.scoring.checked import share_of
from lontar.scoring.official import Case, score
from lontar.scoring.official.ifeval import detected

GATES = {
    "jv": "translation-id-xx",
    "su": "translation-id-xx",
    **dict.fromkeys(("id", "th", "vi", "tl", "ta"), "translation-en-xx"),
}
SHARE = 0.5
SAME = {"id", "ms"}
PERFECT = 100.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    shared = parser.parse_args().shared
    gates(shared / "data" / "seahelm")
    labels(shared / "specs" / "sea-helm" / "vectors" / "label_choice.json")
    perfect(shared / "specs" / "sea-helm")


def gates(data: Path) -> None:
    print("lang  sentences  ours   official")
    for lang, task in GATES.items():
        texts = [first(row["label"]) for row in rows(data / task / f"{lang}.jsonl")]
        ours = sum(share_of(text, lang) >= SHARE for text in texts) / len(texts)
        official = [found for found, _ in detected(texts)]
        theirs = sum(found == lang or {found, lang} <= SAME for found in official) / len(texts)
        print(f"{lang:4}  {len(texts):9}  {ours:.3f}  {theirs:.3f}")
    texts = [first(row["label"]) for row in rows(data / "translation-en-xx" / "id.jsonl")]
    for lang in ("jv", "su"):
        print(
            f"Indonesian that passes as {lang}: {sum(share_of(text, lang) >= SHARE for text in texts)} of {len(texts)}"
        )


def labels(vectors: Path) -> None:
    found: Counter[str] = Counter()
    for case in json.loads(vectors.read_text(encoding="utf-8")):
        listed = case["rows"]
        known = sorted({str(row["label"]) for row in listed if row.get("label")})
        scored = score("label_choice", Case(case["task"], case["lang"], listed, case.get("answer_tag") or ""))
        for row, official in zip(listed, scored.rows, strict=True):
            sample = Sample(
                id="x", lang=case["lang"], facts={"labels": known, "answer_tag": case.get("answer_tag") or ""}
            )
            text = (row.get("responses") or [""])[0] or ""
            answer = extractor.get("label").function(text, sample, get("id"))
            ours, theirs = answer == row.get("label"), official["cleaned_responses"] == row.get("label")
            found[{(True, False): "default", (False, True): "official"}.get((ours, theirs), "both or none")] += 1
    print(f"recorded rows of label choice, right in one mode alone: {dict(found)}")


def perfect(specification: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = specification.parents[1] / "data" / "seahelm"
        config = ImportConfig(path=str(specification), data=str(data), noncommercial=True)
        tasks = PackTasks(Pack.open(import_(Path(folder) / "pack", config=config)))
        plan = make_plan(EvalConfig(tasks=tuple(map(tasks.full, tasks.pack.tasks()))), None, tasks)
        facts, n, missed = OfficialFacts(ifeval=tasks.pack.copy.facts.ifeval), 0, []
        for part in plan.parts:
            if part.task.output == "text" and part.official["metric_family"] != "sea_ifeval":
                ours, official = figures(part, facts)
                n += 1
                missed += [(part.name, ours, official)] if abs(ours - PERFECT) > 1e-6 else []
        print(f"perfect answers: 100 in {n - len(missed)} of {n} tasks and languages; others: {missed}")


def figures(part: Part, facts: OfficialFacts) -> tuple[float, float | None]:
    rules = Rules.of(part.task, part.lang)
    found = [rules.score(s, Prediction(texts=(f"{s.facts['answer_tag']} {s.references[0]}",))) for s in part.samples]
    official = official_scores(part.official, part.lang, found, facts)
    return float(rules.aggregate([row.score for row in found])), official.value


def rows(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def first(label: Any) -> str:
    return str(label[0] if isinstance(label, list) else label)


if __name__ == "__main__":
    main()
