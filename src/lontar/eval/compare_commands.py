"""`lontar eval compare`."""

from __future__ import annotations

from pathlib import Path

from lontar.core.command import Report, command
from lontar.errors import ConfigError


@command("eval.compare")
def compare(
    evaluations: tuple[Path, ...],
    /,
    *,
    flips: Path | None = None,
    confidence: float = 0.95,
    resamples: int = 4000,
    seed: int = 0,
    limit: int = 20,
) -> Report:
    """Compare evaluations question by question: which differences are shown, and what would show the others.

    The first evaluation is what the others are compared with; a single one is taken as its model against its baseline.
    Only questions that were asked in the same words and answered on both sides count. A model is called better where
    the p-value, corrected for the number of rows (Holm), is below what the confidence leaves.

    Args:
        evaluations: folders of evaluations.
        flips: file for all questions on which two models score differently, as JSON lines.
        confidence: share of resampled figures inside an interval; what it leaves is the level of all tests.
        resamples: of each interval; more are drawn where many rows need smaller p-values.
        seed: of the resamples.
        limit: at most so many of those questions are shown.
    """
    from lontar.core.artifact import Evaluation
    from lontar.core.shards import write_jsonl
    from lontar.eval.compare import compare as compare_sides
    from lontar.eval.compare_render import flip_json, report
    from lontar.eval.compare_sides import opened
    from lontar.scoring import Sure

    if not 0.5 < confidence < 1:
        raise ConfigError(f"--confidence must be between 0.5 and 1 (got {confidence:g})", hint="0.95 is usual")
    if resamples < 100:
        raise ConfigError(f"--resamples must be 100 or more (got {resamples})", hint="4000 is the default")
    if limit < 0 or seed < 0:
        raise ConfigError("--limit and --seed must not be negative")
    sides = opened([Evaluation.open(path) for path in evaluations])
    found = compare_sides(sides, Sure(confidence, resamples, seed))
    if flips is not None:
        write_jsonl(flips, map(flip_json, found.flips))
    return report(found, confidence, limit, flips)
