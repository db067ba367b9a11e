"""The tables of a full card: data, tokens, scores, cost. Each is Markdown, or empty when there is nothing to tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lontar import scoring
from lontar.core.config import JsonObject
from lontar.core.manifest import Manifest
from lontar.export.card_inputs import Facts, ScoreRow
from lontar.export.lineage import manifests


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; numbers stand right, as the dashes say."""
    lines = [list(head), ["---"] + ["---:"] * (len(head) - 1), *([_cell(c) for c in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


# --- data


def data(facts: Facts) -> str:
    """Documents per language, license and reason, for each corpus of the family."""
    parts = [_corpus(m, facts.counts) for m in manifests(facts.lineage) if m.kind in ("corpus", "records")]
    return "## Data\n\n" + "\n\n".join(parts) if parts else ""


def _corpus(manifest: Manifest, counts: Mapping[str, JsonObject]) -> str:
    title = f"### {manifest.stage} `{manifest.digest[:12]}`"
    if manifest.digest in counts:
        return f"{title}\n\n{_counted(counts[manifest.digest])}"
    rows = _measured(manifest)
    if not rows:
        return f"{title}\n\nNo counts are recorded."
    note = f"Licenses of all of it: {manifest.license.spdx}. What was dropped is recorded in the artifact itself."
    return f"{title}\n\n{table(('language', 'train', 'held out'), rows)}\n\n{note}"


def _counted(languages: JsonObject) -> str:
    """Kept by license and dropped by reason; they add up to what came in."""
    found: dict[str, Any] = dict(languages)
    rows = [_counted_row(code, row) for code, row in sorted(found.items())]
    return table(("language", "in", "train", "held out", "kept, by license", "dropped, by reason"), rows)


def _counted_row(code: str, row: Any) -> list[str]:
    docs = [f"{row.get(name, {}).get('docs', 0):,}" for name in ("in", "train", "heldout")]
    listed = [", ".join(f"{k} {n:,}" for k, n in sorted(row.get(name, {}).items())) for name in ("licenses", "dropped")]
    return [code, *docs, *(text or "none" for text in listed)]


def _measured(manifest: Manifest) -> list[list[str]]:
    """Documents, or chats, per language from the record alone."""
    found: dict[str, dict[str, float]] = {}
    for name, value in manifest.metrics.items():
        what, _, rest = name.partition(".")
        split, _, code = rest.partition(".")
        if what in ("docs", "chats") and split in ("train", "heldout"):
            found.setdefault(code, {})[split] = value
    return [[code, *(f"{n.get(s, 0):,.0f}" for s in ("train", "heldout"))] for code, n in sorted(found.items())]


# --- tokens


def tokens(facts: Facts) -> str:
    """Tokens per sentence before and after, for each tokenizer of the family that was measured."""
    parts = [_tokenizer(manifest) for manifest in facts.tokenizers]
    return "## Tokenizer\n\n" + "\n\n".join(parts) if parts else ""


def _tokenizer(manifest: Manifest) -> str:
    prefix = "tokens_per_sentence."
    found: dict[str, dict[str, float]] = {}
    for name, value in manifest.metrics.items():
        if name.startswith(prefix):
            when, _, code = name.removeprefix(prefix).rpartition(".")
            found.setdefault(code, {})[when] = value
    rows = [_tokens_row(code, both) for code, both in sorted(found.items())]
    head = ("language", "tokens per sentence before", "after", "after / before")
    return f"`{manifest.stage}` {manifest.digest[:12]}\n\n{table(head, rows)}"


def _tokens_row(code: str, both: Mapping[str, float]) -> list[str]:
    before, after = both.get("before"), both.get("after", both.get(""))
    ratio = after / before if before and after else None
    return [code, *(_number(value, ".1f") for value in (before, after)), _number(ratio, ".2f")]


def _number(value: Any, form: str = ".4g") -> str:
    return format(value, form) if isinstance(value, int | float) else ""


# --- scores


def scores(facts: Facts) -> str:
    """Every score with interval, n and chance; those of earlier models of the family apart."""
    groups: dict[tuple[str, str], list[ScoreRow]] = {}
    for score in facts.scores:
        groups.setdefault((score.evaluation, score.subject.digest), []).append(score)
    parts = [_scored(rows) for rows in groups.values()]
    return "## Scores\n\n" + "\n\n".join(parts) if parts else ""


def _scored(rows: Sequence[ScoreRow]) -> str:
    first = rows[0]
    whose = "This model" if first.own else f"An earlier model of this line (`{first.subject.stage}`)"
    said = f"{whose}, {first.subject.digest[:12]}. Intervals are {first.confidence:.0%}; n counts scored samples."
    head = (
        "task",
        "language",
        "n",
        "score",
        "interval",
        "chance",
        "against chance",
        "baseline",
        "difference",
        "verdict",
    )
    return f"{said}\n\n{table(head, (_score_row(score.row) for score in rows))}"


def _score_row(row: Mapping[str, Any]) -> list[str]:
    base, difference = row.get("baseline") or {}, row.get("difference") or {}
    failed = f" ({row['failed']} failed)" if row.get("failed") else ""
    return [
        f"{row['task']} ({row['unit']}, {row['better']} is better)",
        str(row["lang"]),
        f"{row['n']}{failed}",
        _number(row.get("value")),
        interval(row),
        _number(row.get("chance")) or "none",
        {True: "above", False: "not above chance", None: ""}[beyond_chance(row)],
        " ".join(filter(None, (_number(base.get("value")), interval(base)))),
        " ".join(filter(None, (_number(difference.get("value"), "+.4g"), interval(difference)))),
        str(row.get("verdict") or ""),
    ]


def interval(row: Mapping[str, Any]) -> str:
    """`[low, high]`, or nothing where there are too few samples for one."""
    low, high = row.get("low"), row.get("high")
    return f"[{low:.4g}, {high:.4g}]" if low is not None and high is not None else ""


def beyond_chance(row: Mapping[str, Any]) -> bool | None:
    """Does the whole interval lie on the good side of chance? None where the task has no such figure."""
    value, low, high = (row.get(name) for name in ("value", "low", "high"))
    return scoring.beyond_chance(value, low, high, chance=row.get("chance"), better=str(row.get("better")))


# --- cost


def cost(facts: Facts) -> str:
    """What each step took, the evaluations first and the oldest last; a step counts once however often it is used."""
    family = list({m.seal: m for m in [*facts.evaluations, *manifests(facts.lineage)]}.values())
    rows = [_cost_row(manifest) for manifest in family]
    total = [
        "all",
        "",
        f"{sum(m.cost.seconds for m in family):,.0f}",
        f"{sum(m.cost.cpu_seconds for m in family):,.0f}",
    ]
    total += [_gigabytes(max(m.cost.peak_bytes for m in family)), _count(sum(map(_trained, family))), ""]
    head = (
        "step",
        "artifact",
        "seconds",
        "CPU seconds",
        "peak memory (GB)",
        "tokens trained on",
        "tokens asked + answered",
    )
    machines = sorted({f"{m.environment.platform}, {m.environment.cpus} CPUs" for m in family})
    return f"## Cost\n\n{table(head, [*rows, total])}\n\nMade on: {'; '.join(machines)}."


def _cost_row(manifest: Manifest) -> list[str]:
    spent = manifest.cost
    asked = f"{spent.tokens_in:,} + {spent.tokens_out:,}" if spent.tokens_in or spent.tokens_out else ""
    times = [f"{spent.seconds:,.0f}", f"{spent.cpu_seconds:,.0f}", _gigabytes(spent.peak_bytes)]
    return [manifest.stage, f"`{manifest.digest[:12]}`", *times, _count(_trained(manifest)), asked]


def _trained(manifest: Manifest) -> float:
    return manifest.metrics.get("train.tokens", 0.0)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.2f}" if size else ""


def _count(number: float) -> str:
    return f"{number:,.0f}" if number else ""
