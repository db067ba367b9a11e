"""The sample and result files of lm-evaluation-harness, for the tools that read them.

One line per sample; several runs are its repeats, as the harness writes `repeats`. Its tools take a value per sample
and know no intervals: ours stand in a task's `metadata`, and a standard error, which we do not compute, is "N/A".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lontar.core.config import JsonObject, JsonValue
from lontar.core.manifest import sha256_bytes
from lontar.core.shards import write_jsonl, write_text
from lontar.eval.layouts.source import PartFile, Source, by_sample
from lontar.eval.layouts.writing import plain_text
from lontar.eval.rows import MODEL, Row
from lontar.scoring import Sample

_KEYS = ("results", "configs", "versions", "n-samples", "higher_is_better", "task_hashes")
_FILTER = "none"
_NOT_KNOWN = "N/A"


def write_harness(source: Source, folder: Path, side: str) -> list[str]:
    """Write `samples_<task>_<lang>_<time>.jsonl` and `results_<time>.json`; returns their names."""
    stamp = source.stamp.replace(":", "-")
    names: list[str] = []
    results: dict[str, dict[str, Any]] = {key: {} for key in _KEYS}
    for part in source.parts(side):
        task, metric = task_name(part), metric_of(source.score_row(part))
        samples = by_sample(part.rows())
        lines = [_line(index, rows, metric) for index, rows in enumerate(samples.values())]
        names.append(f"samples_{task}_{stamp}.jsonl")
        write_jsonl(folder / names[-1], lines)
        for key, value in _summary(source, part, metric, [*samples.values()]).items():
            results[key][task] = value
        hashes = "".join(f"{line['doc_hash']}{line['prompt_hash']}{line['target_hash']}" for line in lines)
        results["task_hashes"][task] = _hash(hashes)
    names.append(f"results_{stamp}.json")
    whole = {**results, "group_subtasks": {}, **_run(source, side)}
    write_text(folder / names[-1], json.dumps(whole, ensure_ascii=False, indent=2) + "\n")
    return names


def task_name(part: PartFile) -> str:
    """Task and language in one name, of letters, digits and `_`."""
    return re.sub(r"\W", "_", f"{part.task}_{part.lang}")


def metric_of(row: Mapping[str, Any]) -> str:
    """Key of a task's metric: the official one, or else that of our aggregate; a mean is a `score`."""
    if official := (row.get("compat") or {}).get("metric"):
        return str(official)
    spec = row.get("aggregate")
    name = next(iter(spec), "") if isinstance(spec, Mapping) else str(spec or "")
    return name if name not in ("", "mean") else "score"


def _line(index: int, rows: Sequence[Row], metric: str) -> JsonObject:
    sample = rows[0].sample
    official = sample.facts.get("row")
    doc: JsonObject = dict(official) if isinstance(official, dict) else {"id": sample.id, "facts": sample.facts}
    target = sample.references[0] if sample.references else str(sample.facts.get("answer", ""))
    arguments = _arguments(sample)
    first = next(iter(arguments.values()))["arg_0"]
    values = [0.0 if row.score.value is None else row.score.value for row in rows if row.score is not None]
    return {
        "doc_id": index,
        "doc": doc,
        "target": target,
        "arguments": arguments,
        "resps": _responses(rows),
        "filtered_resps": [_answer(row) for row in rows],
        "filter": _FILTER,
        "metrics": [metric],
        "doc_hash": _hash(json.dumps(doc, indent=2, ensure_ascii=False)),
        "prompt_hash": _hash(first),
        "target_hash": _hash(target),
        metric: sum(values) / len(values) if values else None,
    }


def _arguments(sample: Sample) -> dict[str, Any]:
    """What was asked: per turn a prompt, or per choice a prompt and a continuation."""
    prompts = [turn if isinstance(turn, str) else _chat(turn) for turn in sample.turns] or [""]
    if sample.choices:
        return {f"gen_args_{i}": {"arg_0": prompts[-1], "arg_1": text} for i, text in enumerate(sample.choices)}
    return {f"gen_args_{i}": {"arg_0": prompt, "arg_1": {}} for i, prompt in enumerate(prompts)}


def _chat(turn: Any) -> str:
    return json.dumps([message.model_dump() for message in turn], ensure_ascii=False)


def _responses(rows: Sequence[Row]) -> JsonValue:
    """Per request the answers of all runs; to choices pairs of log-probability and whether greedy decoding gives it."""
    found = [row.prediction for row in rows]
    listed = [one.likelihoods if one and one.likelihoods else () for one in found]
    if any(listed):
        width = max(map(len, listed))
        return [[[str(o[i].logprob), str(o[i].greedy)] for o in listed if i < len(o)] for i in range(width)]
    turns = max(len(row.sample.turns) for row in rows)
    return [[one.texts[i] if one and i < len(one.texts) else "" for one in found] for i in range(turns)]


def _answer(row: Row) -> str:
    found = row.prediction
    if found is None:
        return ""
    return found.answer if found.answer is not None else (found.texts[-1] if found.texts else "")


def _summary(source: Source, part: PartFile, metric: str, samples: Sequence[Sequence[Row]]) -> JsonObject:
    task = task_name(part)
    row = source.score_row(part)
    figures = row if part.side == MODEL else (row.get("baseline") or {})
    higher = row.get("better") != "lower"
    interval = {name: figures.get(name) for name in ("low", "high", "groups", "nulls", "failed", "bounds")}
    config: JsonObject = {
        "task": task,
        "task_alias": f"{part.task} ({part.lang})",
        "output_type": _output_type(samples),
        "metric_list": [{"metric": metric, "aggregation": "mean", "higher_is_better": higher}],
        "metadata": {"version": row.get("version"), "lontar": {**interval, "aggregate": row.get("aggregate")}},
    }
    return {
        "results": {
            "alias": task,
            f"{metric},{_FILTER}": figures.get("value"),
            f"{metric}_stderr,{_FILTER}": _NOT_KNOWN,
        },
        "configs": config,
        "versions": row.get("version"),
        "n-samples": {"original": len(samples), "effective": len(samples)},
        "higher_is_better": {metric: higher},
    }


def _output_type(samples: Sequence[Sequence[Row]]) -> str:
    if any(rows[0].sample.choices for rows in samples):
        return "multiple_choice"
    found = [row.prediction for rows in samples for row in rows if row.prediction is not None]
    return "loglikelihood" if any(one.likelihoods for one in found) else "generate_until"


def _run(source: Source, side: str) -> JsonObject:
    manifest = source.evaluation.manifest
    return {
        "config": {"model": "lontar", "model_args": source.model(side), "random_seed": manifest.seed},
        "date": manifest.created.timestamp(),
        "model_source": "lontar",
        "model_name": source.model(side),
        "lontar_digest": manifest.digest,
    }


def _hash(text: str) -> str:
    return sha256_bytes(plain_text(text).encode())
