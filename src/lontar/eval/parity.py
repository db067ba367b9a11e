"""Replaying recorded cases of the official SEA-HELM code through our scorers in compat mode.

A folder of vectors holds JSON files, each a list of cases with what the official code gave for them. Numbers may differ
by 1e-6, everything else must be the same. Where the official code failed, a result with a reason is what passes.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lontar.errors import DataError, LontarError
from lontar.scoring.official import Case, score
from lontar.scoring.official.copy import OfficialCopy

TOLERANCE = 1e-6
# Sentences for people, which are not scores; ours say the same in our words.
WORDS = frozenset({"remarks"})
# So many differences of a file are shown.
SHOWN = 5


@dataclass
class Replayed:
    """How a file of vectors went."""

    passed: int = 0
    total: int = 0
    differences: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Setting:
    """What a replay needs besides the vectors."""

    copy: OfficialCopy
    data: Path | None
    """folder that example files are named in"""


def replay(file: Path, setting: Setting) -> Replayed:
    """Replay one file.

    Raises:
        DataError: it is no JSON, no file of vectors, or a file without a case.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as err:
        raise DataError(f"{file}: {err}", hint="give a folder of vector files, as the specification has them") from err
    if not isinstance(found, list):
        raise DataError(f"{file}: a list of cases was expected, not {type(found).__name__}")
    done = Replayed()
    for name, check in _checks(file.stem, found, setting):
        done.total += 1
        try:
            wrong = next(iter(check()), None)
        except LontarError as err:
            wrong = err.message
        except Exception as err:  # noqa: BLE001 - a case that breaks a scorer is a miss, and the others are still replayed
            wrong = f"{type(err).__name__}: {err}"
        if wrong is None:
            done.passed += 1
        elif len(done.differences) < SHOWN:
            # a case may hold half a surrogate pair, which no report can carry
            done.differences.append(f"{name}: {wrong}".encode("utf-8", "backslashreplace").decode())
    if not done.total:
        raise DataError(f"{file}: no case in it", hint="such a file would pass whatever the scorers give")
    return done


Check = Callable[[], Iterator[str]]


def _checks(stem: str, found: Sequence[Any], setting: Setting) -> Iterator[tuple[str, Check]]:
    """Every case of a file, by the kind that its fields tell."""
    for i, case in enumerate(found):
        where = f"case {i}"
        if not isinstance(case, Mapping):
            yield where, lambda case=case: iter([f"a mapping was expected, not {case!r:.80}"])  # type: ignore[misc]
        elif "expected_messages" in case:
            yield _name(where, case), lambda case=case: _prompt(case, setting)  # type: ignore[misc]
        elif "cases" in case:
            for k, one in enumerate(_several(case["cases"])):
                yield _name(f"{where}.{k}", one), lambda one=one: _settings(one, setting)  # type: ignore[misc]
        elif "items" in case:
            check = _language if "detector" in case else _tokens
            for k, one in enumerate(_several(case["items"])):
                yield f"{where}.{k}", lambda one=one, case=case, check=check: check(one, case)  # type: ignore[misc]
        elif "suite" in case:
            yield _name(where, case), lambda case=case: _run(case, setting)  # type: ignore[misc]
        elif "rows" in case:
            yield _name(where, case), lambda case=case: _scored(stem, case, setting)  # type: ignore[misc]
        else:
            yield _name(where, case), lambda case=case: _leaderboard(case)  # type: ignore[misc]


def _several(value: Any) -> list[Any]:
    """The entries of a list; of anything else itself, so that its check says what is wrong."""
    return value if isinstance(value, list) else [value]


def _name(where: str, case: Any) -> str:
    known = [key for key in ("case", "suite", "task", "lang") if isinstance(case, Mapping) and key in case]
    return " ".join([where, *(str(case[key]) for key in known)])


def _scored(stem: str, vector: Mapping[str, Any], setting: Setting) -> Iterator[str]:
    task = setting.copy.tasks.get(vector["task"])
    case = Case(
        task=vector["task"],
        lang=vector["lang"],
        rows=vector["rows"],
        answer_tag=vector.get("answer_tag") or "",
        judge_rows=vector.get("judge_rows") or (),
        settings={**(task.settings if task else {}), **(vector.get("config_override") or {})},
        facts=setting.copy.facts,
    )
    scored = score(task.metric_family if task else _family(stem, vector["task"]), case)
    expected = vector["expected"]
    if expected.get("error"):
        yield from _explained(expected["error"], scored.problems)
        return
    yield from differences(expected["metrics"], scored.metrics, "metrics")
    yield from differences(expected["rows"], [*scored.rows], "rows")


def _family(stem: str, task: str) -> str:
    """By the file, for a task that the copy does not know; most files are named after the family."""
    if stem == "niah_cwe":
        return "cwe" if task.startswith("cwe") else "niah"
    if stem == "logprob":
        kind = re.match(r"mp-r|pragmatic", task)
        return {"mp-r": "minimal_pairs_logprob", "pragmatic": "pragmatics_logprob"}[kind[0]] if kind else "logprob"
    if stem == "longproc":
        name = re.match(r"countdown|path_traversal|tom|html_to_tsv|travel", task)
        return f"longproc_{name[0]}" if name else stem
    if stem == "judge_correct":
        return {"babyvision": "judge_truefalse", "mathvision": "judge_correct_boxed"}.get(task, stem)
    return stem


def _prompt(case: Mapping[str, Any], setting: Setting) -> Iterator[str]:
    from lontar.scoring.official.prompts import replay_prompts

    try:
        made = replay_prompts(setting.copy, dict(case), setting.data or Path())
    except DataError as err:
        if case.get("error"):
            return
        yield err.message
        return
    if not case.get("error"):
        yield from differences(case["expected_messages"], made, "messages")


def _settings(case: Mapping[str, Any], setting: Setting) -> Iterator[str]:
    from lontar.scoring.official.prompts import generation_settings

    made = generation_settings(
        setting.copy,
        case["task"],
        case["lang"],
        base=case["is_base_model"],
        reasoning=case["is_reasoning_model"],
        seed=case["seed"],
    )
    for name, found in zip(("generation_kwargs", "additional_kwargs"), made, strict=True):
        yield from differences(case[name], found, name)
        # A field too many, such as a temperature, would change every answer.
        yield from (f"{name}.{key} was not recorded" for key in found if key not in case[name])


def _language(item: Mapping[str, Any], case: Mapping[str, Any]) -> Iterator[str]:
    from lontar.scoring.official.ifeval import langid

    lang, value = langid(item["text"])
    yield from differences({"lang": item["lang"], "score": item["score"]}, {"lang": lang, "score": round(value, 4)}, "")


def _tokens(item: Mapping[str, Any], case: Mapping[str, Any]) -> Iterator[str]:
    from lontar.scoring.official.rouge import tokens

    yield from differences(item["tokens"], tokens(item["text"], case["lang"]), "tokens")


def _run(case: Mapping[str, Any], setting: Setting) -> Iterator[str]:
    from lontar.scoring.official.aggregate import run_totals

    tasks = [task.settings for task in setting.copy.tasks.values()]
    suite = setting.copy.suites.get("suites", {}).get(case["suite"])
    if suite is not None and case.get("langs"):
        suite = {lang: entries for lang, entries in suite.items() if lang in case["langs"]}
    made = run_totals(case["input"], tasks, suite)
    if case.get("error"):
        yield from _explained(case["error"], made.problems)
    else:
        yield from differences(case["expected"], made.metrics, "totals")


def _leaderboard(case: Mapping[str, Any]) -> Iterator[str]:
    from lontar.scoring.official.aggregate import leaderboard

    made = leaderboard(**case["input"])
    if case.get("error"):
        yield from _explained(case["error"], made.problems)
        return
    yield from differences(case["expected"], made.scores, "scores")
    yield from differences(case.get("incomplete") or [], [[*one] for one in made.incomplete], "incomplete")


def _explained(error: Any, problems: Sequence[str]) -> Iterator[str]:
    """Where the official code failed, something must say what was done instead."""
    if not problems:
        yield f"the official code failed here ({error!s:.60}), and nothing says what was done instead"


def differences(expected: Any, found: Any, where: str) -> Iterator[str]:
    """Where a result is not what was recorded; of mappings, the recorded fields count."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        for key in (key for key in expected if key not in WORDS):
            inside = f"{where}.{key}"
            yield from differences(expected[key], found[key], inside) if key in found else [f"{inside} is missing"]
    elif isinstance(expected, list | tuple) and isinstance(found, list | tuple):
        if len(expected) != len(found):
            yield f"{where} has {len(found)} entries, {len(expected)} were recorded"
        for i, (one, other) in enumerate(zip(expected, found, strict=False)):
            yield from differences(one, other, f"{where}[{i}]")
    elif not _same(expected, found):
        yield f"{where} is {found!r:.80}, {expected!r:.80} was recorded"


def _same(expected: Any, found: Any) -> bool:
    if _number(expected) and _number(found):
        if not (math.isfinite(expected) and math.isfinite(found)):  # a difference of infinities is no number
            return bool(expected == found or (math.isnan(expected) and math.isnan(found)))
        return bool(abs(expected - found) <= TOLERANCE)
    return bool(expected == found) and _number(expected) == _number(found)


def _number(value: Any) -> bool:
    return isinstance(value, int | float)


@dataclass(frozen=True)
class Library:
    """A reference library and the version that the vectors were made with."""

    name: str
    wanted: str
    installed: str | None


def libraries() -> list[Library]:
    """The exact pins of our extra `seahelm`, and what is installed."""
    found = []
    for requirement in importlib.metadata.requires("lontar") or []:
        pin = re.match(r"([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==([^;\s]+)\s*;.*extra == ['\"]seahelm['\"]", requirement)
        if pin:
            found.append(Library(pin[1], pin[2], _installed(pin[1])))
    return found


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
