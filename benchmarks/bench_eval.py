"""What an evaluation costs besides the model and the scorers.

CPU of a run of 20,000 instant answers, and of scoring them again, beside the 167 s that the official pipeline was
measured to take for 20,754 on such a machine.

Everything that a run does is counted, from the start of the interpreter to the finished artifact: reading and checking
items, prompts, asking the `echo` back-end, extraction, rows on disk, intervals. What is taken off is the time inside
extraction rules, scorers and official metrics, the import of their libraries included.

    python benchmarks/bench_eval.py --official ../shared/specs/sea-helm --answers 20000
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from lontar.core.artifact import Model
from lontar.core.job import Job
from lontar.core.shards import write_json
from lontar.core.stage import stage

OFFICIAL_S, OFFICIAL_ANSWERS = 167.0, 20_754
BAR_S, BAR_RESCORE_S, BAR_HELP_S = 2.0, 10.0, 0.5
# In a process of its own: run, or score again, and print the CPU seconds in all and inside scorers.
CHILD = """
import json, sys, time
inside = 0.0
def counted(function):
    def call(*args, **more):
        global inside
        begin = time.process_time()
        try:
            return function(*args, **more)
        finally:
            inside += time.process_time() - begin
    return call
from pathlib import Path
from lontar.core.artifact import Artifact
from lontar.core import registry
from lontar.eval import scores, stages
from lontar.eval.sea_helm import compat
registry.Use.__call__ = counted(registry.Use.__call__)
compat.score = counted(compat.score)
what = json.loads(sys.argv[1])
if what["do"] == "run":
    inputs = {"model": Artifact.open(what["model"]), "pack": Artifact.open(what["pack"])}
    config = stages.EvalConfig.model_validate(what["config"])
    made = stages.run(what["out"], inputs["model"], pack=inputs["pack"], config=config)
else:
    made = stages.rescore(what["out"], Artifact.open(what["of"]), config=stages.RescoreConfig())
rows = json.loads((made.path / "scores.json").read_text())["rows"]
print(json.dumps([time.process_time(), inside, sum(row["n"] for row in rows), len(rows)]))
"""


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        pack, model = place / "pack", place / "model"
        lontar("eval", "import-sea-helm", str(options.official), "--out", str(pack))
        make_model(model)
        n = answers(pack, model, place / "count", 1)
        runs = max(1, round(options.answers / n))
        best: dict[str, list[float]] = {}
        for number in range(options.rounds):
            config = {"suite": options.suite, "backend": "echo", "runs": runs}
            out = place / f"run{number}"
            run = child({"do": "run", "model": str(model), "pack": str(pack), "out": str(out), "config": config})
            again = child({"do": "rescore", "of": str(out), "out": str(place / f"again{number}")})
            for name, found in (("run", run), ("rescore", again)):
                best[name] = min(best.get(name, found), found, key=lambda one: one[0] - one[1])
        show(best, help_seconds())


def show(best: dict[str, list[float]], help_s: float) -> None:
    total, inside, n, parts = best["run"]
    besides = total - inside
    print(f"{n:.0f} answers in {parts:.0f} tasks and languages")
    print(f"run      {total:6.2f} s CPU, {inside:.2f} in scorers, {besides:.2f} besides (bar {BAR_S} for 20,000)")
    each, theirs = besides / n, OFFICIAL_S / OFFICIAL_ANSWERS
    print(f"         {1e6 * each:.0f} us an answer, official pipeline {1e6 * theirs:.0f}: {theirs / each:.0f} times")
    total, inside, *_ = best["rescore"]
    print(f"rescore  {total:6.2f} s CPU, {inside:.2f} in scorers (bar {BAR_RESCORE_S})")
    print(f"lontar eval --help  {help_s:.2f} s (bar {BAR_HELP_S})")


def help_seconds() -> float:
    taken = []
    for _ in range(5):
        begin = time.perf_counter()
        lontar("eval", "--help")
        taken.append(time.perf_counter() - begin)
    return min(taken)


def answers(pack: Path, model: Path, out: Path, runs: int) -> int:
    config = {"suite": "sea-helm/seahelm", "backend": "echo", "runs": runs, "bootstraps": 100}
    return int(child({"do": "run", "model": str(model), "pack": str(pack), "out": str(out), "config": config})[2])


def child(what: dict[str, Any]) -> list[float]:
    done = subprocess.run([sys.executable, "-c", CHILD, json.dumps(what)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return [float(number) for number in json.loads(done.stdout.splitlines()[-1])]


def lontar(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "lontar", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)


@stage("bench.model", out=Model, version=1)
def make_model(job: Job) -> None:
    """A folder that passes for a model: the echo back-end does not look inside."""
    write_json(job.dir / "config.json", {})


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--official", type=Path, default=Path("../shared/specs/sea-helm"))
    parser.add_argument("--suite", default="sea-helm/seahelm")
    parser.add_argument("--answers", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
