"""From tasks to totals: within a run, and over runs as the official leaderboard does it.

The two disagree, since the official ones do: syntax-criteria count only over runs, and pragmatics are normalized in
another way. Tasks, groups and suites are read from the user's copy and come as plain mappings.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lontar.core.config import JsonObject, JsonValue
from lontar.scoring.official.extract import mean, norm, number

Floats: TypeAlias = NDArray[np.float64]
Entry: TypeAlias = Mapping[str, Any]

BOOTSTRAPS = 30
BOOTSTRAP_SEED = 94370244
SEA_LANGUAGES = ("id", "vi", "th", "ta", "tl", "ms", "my")
PERCENT = 100.0
FRACTION_CEILING = 1.0
"""a task whose best row is no higher is taken to be scored on 0-1"""
DIAGNOSTICS = "linguistic-diagnostics"
PRAGMATIC_TASKS = ("pragmatic-single", "pragmatic-pair")
MINIMAL_PAIRS = "mp-r"
PRAGMATICS_FLOOR = 0.5
UNCOUNTED_RULE = "length_constraints:number_words"
UNCOUNTED_LANGUAGES = frozenset({"th", "my"})
"""where words are not counted, since nothing stands between them"""


@dataclass(frozen=True)
class Totals:
    """The metrics of a run with groups and totals put in."""

    metrics: JsonObject
    problems: Sequence[str] = ()
    """where the official code would have failed, and what was done instead"""


@dataclass(frozen=True)
class Leaderboard:
    """What several runs come to."""

    scores: JsonObject
    incomplete: Sequence[tuple[str, str, str]] = ()
    """language, competency and task of which runs are missing"""
    problems: Sequence[str] = ()


def run_totals(
    metrics: Mapping[str, Mapping[str, Mapping[str, Entry]]],
    tasks: Iterable[Entry],
    suite: Mapping[str, Sequence[str] | str] | None = None,
) -> Totals:
    """Put group means and totals into the metrics of one run.

    Args:
        metrics: of each task, by language, competency and task; left as they are.
        tasks: entries with `task`, `metric`, `languages` and, for some, `aggregation_group`.
        suite: names of tasks or groups, or `all`, by language; without it, whatever has metrics counts.

    Returns:
        The metrics, with a mean per aggregation group and a `total` per competency, language and run. A task without
        its metric is left out of them and named in `problems`.
    """
    known = {str(task["task"]): task for task in tasks}
    problems = list[str]()
    result, totals = dict[str, Any](), list[float]()
    for lang, competencies in metrics.items():
        wanted = None if suite is None else expanded(suite.get(lang, ()), lang, known)
        if wanted is not None:
            have = {name for entries in competencies.values() for name in entries}
            problems += [f"{lang}: {name} of the suite has no metrics, left out" for name in wanted if name not in have]
        whole, parts = dict[str, Any](), list[float]()
        for competency, entries in competencies.items():
            found, trouble = _competency(competency, entries, known, wanted)
            problems += [f"{lang}: {text}" for text in trouble]
            whole[competency] = found
            parts += [found["total"]] if "total" in found else []
        if parts:
            whole["total"] = mean(parts)
            totals.append(whole["total"])
        result[lang] = whole
    if totals:
        result["total"] = mean(totals)
    else:
        problems.append("there is nothing to average")
    return Totals(result, problems)


def expanded(entries: Sequence[str] | str, lang: str, known: Mapping[str, Entry]) -> list[str]:
    """The tasks of a suite; a name that is neither a task nor a group stays as it is."""
    spoken = [name for name, task in known.items() if lang in task.get("languages", ())]
    if entries == "all":
        return spoken
    names = list[str]()
    for entry in [entries] if isinstance(entries, str) else entries:
        members = [name for name in spoken if known[name].get("aggregation_group") == entry]
        names += [entry] if entry in known or not members else members
    return names


def _competency(
    competency: str, entries: Mapping[str, Entry], known: Mapping[str, Entry], wanted: Sequence[str] | None
) -> tuple[dict[str, Any], list[str]]:
    result: dict[str, Any] = {name: copy.deepcopy(dict(entry)) for name, entry in entries.items()}
    problems = list[str]()
    if competency == DIAGNOSTICS:
        try:
            return result | _diagnostics(entries), problems
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            problems.append(f"{competency}: no total of the official kind ({error!r}), a plain mean is given")
    singles, groups = list[float](), dict[str, list[float]]()
    for name, entry in entries.items():
        if wanted is not None and name not in wanted:
            continue
        value = number(entry.get(str(known[name]["metric"]))) if name in known else None
        if value is None:
            problems.append(f"{competency}: {name} is unknown or has no metric, left out")
            continue
        group = known[name].get("aggregation_group")
        (groups.setdefault(str(group), []) if group else singles).append(value)
    result |= {name: mean(values) for name, values in groups.items()}
    values = singles + [mean(group) for group in groups.values()]
    return (result | {"total": mean(values)} if values else result), problems


def _diagnostics(entries: Mapping[str, Entry]) -> dict[str, Any]:
    """The mean of minimal pairs and pragmatics; syntax-criteria are not in the official total."""
    counts = dict[str, tuple[float, float]]()
    for task in PRAGMATIC_TASKS:
        for name, (right, total) in entries[task]["subcategories"].items():
            before = counts.get(name, (0, 0))
            counts[name] = (before[0] + right, before[1] + total)
    shares = {name: right / total for name, (right, total) in counts.items()}
    accuracy = sum(shares.values()) / len(shares)
    normalized = PERCENT * norm(accuracy, PRAGMATICS_FLOOR, 1)
    phenomena = {
        name: {"accuracy": shares[name], "correct_count": right, "total_count": total}
        for name, (right, total) in counts.items()
    }
    score = mean([float(entries[MINIMAL_PAIRS]["normalized_accuracy"]), normalized])
    return {
        "pragmatics": {
            "subcategories": phenomena,
            "accuracy": PERCENT * accuracy,
            "normalized_accuracy": normalized,
        },
        "lindsea": {"normalized_score": score, "subcategories": {}},
        "total": score,
    }


def run_scores(rows: Iterable[Entry], lang: str) -> list[float]:
    """The scores of a run's rows, as `leaderboard` wants them.

    The first of a row's `individual_scores` counts, one row for each turn; null is 0. Rows on numbers of words are
    dropped for Thai and Burmese.
    """
    scores = list[float]()
    for row in rows:
        rule = (row.get("metadata") or {}).get("subcategory")
        if lang in UNCOUNTED_LANGUAGES and rule == UNCOUNTED_RULE:
            continue
        value = next(iter((row.get("individual_scores") or {}).values()), None)
        scores += [number(item) or 0.0 for item in (value if isinstance(value, list) else [value])]
    return scores


@dataclass
class _Node:
    """Lists of one value per bootstrap, on their way up."""

    output: dict[str, Any] = field(default_factory=dict)
    lists: list[Floats] = field(default_factory=list)
    groups: dict[str, list[Floats]] = field(default_factory=dict)


def leaderboard(
    config: Entry,
    data: Mapping[str, Mapping[str, Mapping[str, Entry]]],
    n_runs: int,
    *,
    sea_languages: Iterable[str] = SEA_LANGUAGES,
    bootstraps: int = BOOTSTRAPS,
    seed: int = BOOTSTRAP_SEED,
) -> Leaderboard:
    """Means and standard errors over runs, by the official bootstrap.

    A bootstrap draws for each row the run it takes the score from; rows themselves are not drawn, and the standard
    error is that of the mean of the bootstraps. So it shrinks with their number and says nothing about the choice of
    questions: it is here for comparison with published numbers only.

    Args:
        config: of run 0, with `tasks` (in the order in which random numbers are drawn) and `run_args.skip_task`.
        data: `scores` and `labels` of each run, by language, competency and task.
        n_runs: how many runs there should be.
        sea_languages: those that `sea_mean` is over.
        bootstraps: how many to draw, at least 2.
        seed: of NumPy's default generator.

    Returns:
        `mean`, `stderr` and `mean_list` (one value per bootstrap) of tasks, groups, competencies, languages and all,
        on 0-100.
    """
    rng = np.random.default_rng(seed)
    incomplete, problems = list[tuple[str, str, str]](), list[str]()
    tree = dict[str, dict[str, _Node]]()
    for name, lang, task in _in_order(config):
        competency = str(task.get("competency"))
        entry = ((data.get(lang) or {}).get(competency) or {}).get(name) or {}
        values, runs, trouble = _bootstrapped(task, entry, rng, bootstraps)
        problems += [f"{lang}: {name}: {text}" for text in trouble]
        node = tree.setdefault(lang, {}).setdefault(competency, _Node())
        node.output[name] = _summary(values)
        if 0 < runs < min(n_runs, int(task.get("max_n_runs") or n_runs)):
            node.output[name]["is_incomplete"] = True
            incomplete.append((lang, competency, name))
        if group := task.get("aggregation_group"):
            node.groups.setdefault(str(group), []).append(values)
            node.output[name] |= {
                "remarks": f"counted in its group {group}",
                "ignore": True,
                "aggregation_group": group,
            }
        else:
            node.lists.append(values)
    return Leaderboard(_board(tree, set(sea_languages), incomplete, problems), incomplete, problems)


def _in_order(config: Entry) -> Iterator[tuple[str, str, Entry]]:
    skipped = set((config.get("run_args") or {}).get("skip_task") or ())
    for name, task in (config.get("tasks") or {}).items():
        if name not in skipped:
            for lang in task.get("languages") or ():
                yield name, lang, task


def _board(
    tree: Mapping[str, Mapping[str, _Node]], sea: set[str], incomplete: Sequence[object], problems: list[str]
) -> dict[str, Any]:
    board, languages = dict[str, Any](), dict[str, Floats]()
    for lang, competencies in tree.items():
        board[lang], lists = {}, list[Floats]()
        for competency, node in competencies.items():
            groups = {group: np.mean(members, axis=0) for group, members in node.groups.items()}
            lists.append(np.mean([*node.lists, *groups.values()], axis=0))
            board[lang][competency] = {
                "tasks": node.output,
                "aggregation_groups": {group: _summary(values) for group, values in groups.items()},
                **_summary(lists[-1]),
            }
        languages[lang] = np.mean(lists, axis=0)
        board[lang] |= _summary(languages[lang])
    if languages:
        board |= _summary(np.mean(list(languages.values()), axis=0))
    else:
        problems.append("there is no task")
    if spoken := [values for lang, values in languages.items() if lang in sea]:
        board |= {f"sea_{key}": value for key, value in _summary(np.mean(spoken, axis=0)).items()}
    if incomplete:
        board["is_incomplete"] = True
    return board


def _summary(values: Floats) -> dict[str, JsonValue]:
    error = float(np.std(values, ddof=1) / math.sqrt(len(values)))
    return {"mean": float(np.mean(values)), "stderr": error, "mean_list": [float(value) for value in values]}


def _bootstrapped(task: Entry, entry: Entry, rng: np.random.Generator, n: int) -> tuple[Floats, int, list[str]]:
    """One value per bootstrap on 0-100, the number of runs that there are, and what is wrong with them."""
    problems = list[str]()
    given = list(entry.get("scores") or ())
    by_likelihood = bool(task.get("use_logprobs")) and task.get("max_n_runs") == 1
    kept = [(index, run) for index, run in enumerate(given[:1] if by_likelihood else given) if run]
    if not kept:
        return np.zeros(n), 0, problems
    rows = min(len(run) for _, run in kept)
    if any(len(run) != rows for _, run in kept):
        problems.append(f"runs differ in length, the first {rows} rows count")
    scores = np.array([[number(value) or 0.0 for value in run[:rows]] for _, run in kept])
    labels = _labels(entry, kept[0][0], rows)
    if by_likelihood:
        # The official comparison is the wrong way round, and the scores are in percent: a sure answer is never right.
        drawn = (rng.uniform(size=(n, rows)) > scores[0]).astype(np.float64)
    else:
        drawn = scores[rng.integers(0, len(kept), size=(n, rows)), np.arange(rows)]
    if labels:
        return _choices(drawn, labels), len(kept), problems
    # A task on 0-100 that goes so badly that no row is above 1 is multiplied too.
    scale = PERCENT if scores.max() <= FRACTION_CEILING else 1.0
    return scale * drawn.mean(axis=1), len(kept), problems


def _labels(entry: Entry, run: int, rows: int) -> list[Any]:
    """The labels, if the official code takes the task for multiple choice: there is one that occurs twice."""
    every = list(entry.get("labels") or ())
    labels = list(every[run] or ())[:rows] if run < len(every) else []
    if len(labels) < rows or any(isinstance(label, list | dict) or label is None for label in labels):
        return []
    return labels if len(set(labels)) < len(labels) else []


def _choices(drawn: Floats, labels: Sequence[Any]) -> Floats:
    """Balanced accuracy on 0-100 above chance, per bootstrap; a row is right where the whole part of its score is 1."""
    right = np.trunc(drawn) == 1
    positions = dict[Any, list[int]]()
    for index, label in enumerate(labels):
        positions.setdefault(label, []).append(index)
    balanced = np.mean([right[:, at].mean(axis=1) for at in positions.values()], axis=0)
    return np.array([PERCENT * norm(float(value), 1 / len(positions), 1) for value in balanced])
