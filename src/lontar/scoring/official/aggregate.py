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
MACRO = "macro-average"
FRACTION_CEILING = 1.0
"""a task whose best row is no higher is taken to be scored on 0-1"""
DIAGNOSTICS = "linguistic-diagnostics"
PRAGMATIC_TASKS = ("pragmatic-single", "pragmatic-pair")
PHENOMENA = ("scalar_implicatures", "presuppositions")
"""those that pragmatics are the mean of; others are not looked at"""
LIKELIHOODS = "-logprobs"
LIKELIHOOD_METRIC = "average_cumulative_probabilities"
DIAGNOSTIC_PARTS = {
    "mp-r": "normalized_accuracy",
    "mp-r-logprobs": LIKELIHOOD_METRIC,
    "pragmatics": "normalized_accuracy",
    "pragmatics-logprobs": LIKELIHOOD_METRIC,
}
"""what the diagnostics are the mean of, as far as it is there, with the metric of each"""
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
        else:
            problems.append(f"{lang}: there is nothing to average")
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
        except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError) as error:
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
        if group and known[name].get("aggregation_type", MACRO) != MACRO:
            problems.append(f"{competency}: {name} is not weighted by its number of rows, the mean of {group} is plain")
        (groups.setdefault(str(group), []) if group else singles).append(value)
    result |= {name: mean(values) for name, values in groups.items()}
    values = singles + [mean(group) for group in groups.values()]
    if not entries:
        problems.append(f"{competency}: it has no task, left out")
    return (result | {"total": mean(values)} if values else result), problems


def _diagnostics(entries: Mapping[str, Entry]) -> dict[str, Any]:
    """The mean of minimal pairs and pragmatics; syntax-criteria are not in the official total.

    The name of the first task decides whether pragmatics are taken by answers or by likelihoods.
    """
    by_likelihood = LIKELIHOODS.strip("-") in next(iter(entries), "")
    name = "pragmatics" + (LIKELIHOODS if by_likelihood else "")
    found = _likely_pragmatics(entries) if by_likelihood else _pragmatics(entries)
    parts = list[float]()
    for part, metric in DIAGNOSTIC_PARTS.items():
        entry = found if part == name else entries.get(part)
        if not isinstance(entry, Mapping) or metric not in entry:
            continue
        value = number(entry[metric])
        if value is None:
            raise ValueError(f"{metric} of {part} is {entry[metric]!r:.40}")
        parts.append(value)
    score = sum(parts) / len(parts)
    return {name: found, "lindsea": {"normalized_score": score, "subcategories": {}}, "total": score}


def _pragmatics(entries: Mapping[str, Entry]) -> dict[str, Any]:
    phenomena = dict[str, Any]()
    for name in PHENOMENA:
        listed = [entries[task]["subcategories"].get(name, (0, 0)) for task in PRAGMATIC_TASKS]
        right, total = (sum(counts[i] for counts in listed) for i in (0, 1))
        phenomena[name] = {"accuracy": right / total, "correct_count": right, "total_count": total}
    accuracy = mean([entry["accuracy"] for entry in phenomena.values()])
    return {
        "subcategories": phenomena,
        "accuracy": PERCENT * accuracy,
        "normalized_accuracy": PERCENT * norm(accuracy, PRAGMATICS_FLOOR, 1),
    }


def _likely_pragmatics(entries: Mapping[str, Entry]) -> dict[str, Any]:
    """Each phenomenon is the mean over the tasks that have it, however many rows they have."""
    phenomena = dict[str, Any]()
    for name in PHENOMENA:
        listed = [entries[task + LIKELIHOODS]["subcategories"] for task in PRAGMATIC_TASKS]
        values = [found[name][LIKELIHOOD_METRIC] for found in listed if name in found]
        phenomena[name] = {LIKELIHOOD_METRIC: sum(values) / len(values)}
    total = mean([entry[LIKELIHOOD_METRIC] for entry in phenomena.values()])
    return {"subcategories": phenomena, LIKELIHOOD_METRIC: total}


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
        n_runs: how many runs there should be; that a task has fewer is a problem, which runs are empty is what makes
            it incomplete.
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
        drawn = _bootstrapped(task, entry, n_runs, rng, bootstraps)
        problems += [f"{lang}: {name}: {text}" for text in drawn.problems]
        node = tree.setdefault(lang, {}).setdefault(competency, _Node())
        node.output[name] = _summary(drawn.values)
        if drawn.incomplete:
            node.output[name]["is_incomplete"] = True
            incomplete.append((lang, competency, name))
        if group := str(task.get("aggregation_group") or "").replace(LIKELIHOODS, ""):
            node.groups.setdefault(group, []).append(drawn.values)
            node.output[name] |= {
                "remarks": f"counted in its group {group}",
                "ignore": True,
                "aggregation_group": group,
            }
        else:
            node.lists.append(drawn.values)
    problems += [f"{lang}: there is no task, left out" for lang in data if lang not in tree]
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
    elif languages:
        problems.append("none of the languages is one that sea_mean is over, which is left out")
    if incomplete:
        board["is_incomplete"] = True
    return board


def _summary(values: Floats) -> dict[str, JsonValue]:
    error = float(np.std(values, ddof=1) / math.sqrt(len(values)))
    return {"mean": float(np.mean(values)), "stderr": error, "mean_list": [float(value) for value in values]}


@dataclass(frozen=True)
class _Drawn:
    """One value per bootstrap on 0-100, of a task in a language."""

    values: Floats
    problems: Sequence[str] = ()
    incomplete: bool = False


def _bootstrapped(task: Entry, entry: Entry, n_runs: int, rng: np.random.Generator, n: int) -> _Drawn:
    runs = [list(run or ()) for run in entry.get("scores") or ()]
    if not runs:
        return _Drawn(np.zeros(n), ["there are no data, counted 0"])
    problems = [f"there are data of {len(runs)} runs only, not of {n_runs}"] if len(runs) < n_runs else []
    if not any(runs):
        return _Drawn(np.zeros(n), problems)
    if task.get("use_logprobs", True) and task.get("max_n_runs") == 1:
        values, trouble = _by_likelihood(runs[0], _labels(entry), rng, n)
        return _Drawn(values, problems + trouble)
    kept = [run for run in runs if run]
    values, trouble = _by_answers(kept, _labels(entry), rng, n)
    return _Drawn(values, problems + trouble, incomplete=len(kept) < len(runs))


def _labels(entry: Entry) -> list[Any]:
    """Of run 0, even where it has no scores: the others' are not looked at."""
    return list(next(iter(entry.get("labels") or ()), None) or ())


def _by_likelihood(
    run: Sequence[Any], labels: Sequence[Any], rng: np.random.Generator, n: int
) -> tuple[Floats, list[str]]:
    """Run 0 by drawn answers, always as multiple choice."""
    if not run:
        return np.zeros(n), ["run 0 is empty, counted 0"]
    scores = np.array([number(value) or 0.0 for value in run])
    # The official comparison is the wrong way round, and the scores are in percent: a sure answer is never right.
    right = rng.uniform(size=(n, len(run))) > scores
    if trouble := _unfit(labels, len(run)):
        return PERCENT * right.mean(axis=1), [trouble]
    return _choices(right, labels)


def _by_answers(
    runs: Sequence[Sequence[Any]], labels: Sequence[Any], rng: np.random.Generator, n: int
) -> tuple[Floats, list[str]]:
    """Every row's score from a drawn run: as multiple choice where labels repeat, else the mean."""
    rows, problems = min(map(len, runs)), list[str]()
    if any(len(run) != rows for run in runs):
        problems.append(f"runs differ in length, the first {rows} rows count")
        labels = labels[:rows]
    scores = np.array([[number(value) or 0.0 for value in run[:rows]] for run in runs])
    drawn = scores[rng.integers(0, len(runs), size=(n, rows)), np.arange(rows)]
    if _repeats(labels):
        trouble = _unfit(labels, rows)
        if not trouble:
            # The whole part of a score counts.
            values, told = _choices(np.trunc(drawn) == 1, labels)
            return values, problems + told
        problems.append(trouble)
    # A task on 0-100 that goes so badly that no row is above 1 is multiplied too.
    scale = PERCENT if scores.max() <= FRACTION_CEILING else 1.0
    return scale * drawn.mean(axis=1), problems


def _repeats(labels: Sequence[Any]) -> bool:
    """Whether the official code takes the task for multiple choice: a label occurs twice."""
    try:
        return len(set(labels)) != len(labels)
    except TypeError:
        return False


def _unfit(labels: Sequence[Any], rows: int) -> str:
    """Why labels are none for multiple choice; empty where they are."""
    if len(labels) != rows:
        return f"{len(labels)} labels for {rows} rows, a plain mean is given"
    return "" if all(isinstance(label, str) for label in labels) else "labels are not texts, a plain mean is given"


def _choices(right: NDArray[np.bool_], labels: Sequence[str]) -> tuple[Floats, list[str]]:
    """Balanced accuracy on 0-100 above chance, per bootstrap."""
    positions = dict[str, list[int]]()
    for index, label in enumerate(labels):
        positions.setdefault(label, []).append(index)
    if len(positions) == 1:
        return np.zeros(len(right)), ["there is one label only, which is no choice, counted 0"]
    # A wrong answer is an empty text in the official code, so right where the label is empty.
    recalls = [right[:, at].mean(axis=1) if label else np.ones(len(right)) for label, at in positions.items()]
    balanced = np.mean(recalls, axis=0)
    return np.array([PERCENT * norm(float(value), 1 / len(positions), 1) for value in balanced]), []
