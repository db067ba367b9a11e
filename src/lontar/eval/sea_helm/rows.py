"""Official rows, checked: what later steps rely on is there, and every mistake is named by file, line and field."""

from __future__ import annotations

import json
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lontar.core.shards import read_jsonl
from lontar.errors import DataError
from lontar.eval.sea_helm.pack import LOGPROBS, listed_labels
from lontar.scoring.official.copy import OfficialCopy

# Families whose rows have one label each, which is a text.
CHOICES = ("label_choice", "label_choice+difficulty", "minimal_pairs", "pragmatics", "exact_match")
# Families whose rows have a label, which may also be a list of texts.
LABELLED = (*CHOICES, "qa_f1", "translation", "rougeL", "math_verify")
PHENOMENA = ("minimal_pairs", "pragmatics")
CRITERIA = ("judge_criteria", "judge_mtbench", "judge_lindsea")
# So many problems of one kind in one file are told.
SHOWN = 3
Record = tuple[str, Mapping[str, Any]]
"""a row, after the place that it stands at"""


@dataclass(frozen=True)
class Rules:
    """What rows of one task in one language have to be."""

    task: str
    lang: str
    family: str
    fields: frozenset[str]
    """fields of a prompt that the template names"""
    labels: frozenset[str]
    """those that labels.yaml lists; none where it lists none"""
    is_example: bool = False
    strict: bool = True
    """whether rows of another language are a mistake; only a problem in rows from the hub"""

    @classmethod
    def of(cls, copy: OfficialCopy, task: str, lang: str) -> Rules:
        """The rules of a task."""
        own, template = copy.task(task), copy.template(task, lang)
        listed, _ = listed_labels(copy.labels, task, lang)
        family = own.metric_family.removesuffix("_logprob")
        # A task of log-probabilities is only checked as itself where the task that it belongs to is not there.
        family = "label_choice" if family == "logprob" and task.endswith(LOGPROBS) else family
        return cls(task, lang, family, _fields(template.task_template), frozenset(listed))

    @property
    def for_examples(self) -> Rules:
        """The same for few-shot rows, which are never scored."""
        return replace(self, is_example=True)


def _fields(template: str) -> frozenset[str]:
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(template) if name]
    except ValueError:  # a lone brace: filling the template will say so
        return frozenset()
    return frozenset(name.partition(".")[0].partition("[")[0] for name in names) - {"answer_tag"}


@dataclass(frozen=True)
class Checked:
    """Rows that can be kept, and what is odd about them."""

    rows: Sequence[dict[str, Any]] = ()
    problems: Sequence[str] = ()
    why: str = ""
    """why they cannot be used, where they cannot"""


def file_records(path: Path, *, numbered: bool = False) -> list[Record]:
    """Rows of a file with their places; `numbered` gives an `id` to rows without one, their number from 0.

    Raises:
        DataError: it is not UTF-8, not JSON lines, or holds half a surrogate pair; or there is no row.
    """
    found = [(f"{path}:{number}", row) for number, row in read_jsonl(path)]
    if not found:
        raise DataError(f"{path}: no rows", hint="remove the file, or get it again")
    if numbered:
        return [(where, row if _has_id(row) else {"id": i, **row}) for i, (where, row) in enumerate(found)]
    return list(found)


def _has_id(row: Mapping[str, Any]) -> bool:
    return "id" in row or "question_id" in row


def check(records: Iterable[Record], rules: Rules) -> Checked:
    """Rows in official form.

    Raises:
        DataError: a row lacks a field or has one of another type, stands there twice, or a text cannot be kept.
    """
    rows, places = [], dict[str, tuple[str, Mapping[str, Any]]]()
    odd: dict[str, list[str]] = {}
    for where, given in records:
        row = _row(where, given, rules)
        key = f"{type(row['id']).__name__} {row['id']}"
        first, other = places.setdefault(key, (where, row))
        if first != where:
            if _content(other) == _content(row):
                raise DataError(f"{where}: field 'id': the row of {first} again", hint="take one of the two out")
            odd.setdefault("id", []).append(f"{where}: field 'id': {row['id']!r} is also that of {first}")
        for kind, text in _oddities(row, rules):
            odd.setdefault(kind, []).append(f"{where}: {text}")
        rows.append(row)
    why = ""
    if missing := odd.get("fields"):
        why = f"the template needs a field that is not there: {missing[0].rpartition(': ')[2]}"
    problems = [text for texts in odd.values() for text in _cut(texts)]
    return Checked([] if why else rows, problems, why)


def _content(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["prompts"], row.get("label"), row.get("kwargs")


def _cut(texts: Sequence[str]) -> list[str]:
    rest = len(texts) - SHOWN
    return [*texts[:SHOWN], *([f"{texts[SHOWN]} (and {rest - 1} more)"] if rest > 0 else [])]


def _oddities(row: Mapping[str, Any], rules: Rules) -> list[tuple[str, str]]:
    found = []
    label = row.get("label")
    if rules.labels and isinstance(label, str) and label not in rules.labels:
        listed = ", ".join(sorted(rules.labels))
        found.append(
            ("label", f"field 'label': {label[:60]!r} is not in labels.yaml for {rules.task} {rules.lang} ({listed})")
        )
    for turn, prompt in enumerate(row["prompts"]):
        if missing := sorted(rules.fields - prompt.keys()):
            found.append(("fields", f"field 'prompts[{turn}]': no {', '.join(missing)}"))
    language = row["metadata"].get("language")
    if not rules.strict and isinstance(language, str) and language != rules.lang:
        found.append(("language", f"field 'metadata.language': {language!r}, not {rules.lang!r}"))
    return found


def _row(where: str, given: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    row = dict(given)
    if "id" not in row and "question_id" in row:
        row = {"id": row.pop("question_id"), **row}
    if not isinstance(row.get("id"), str | int) or isinstance(row["id"], bool) or row["id"] == "":
        raise _wrong(where, "id", "a text or a number is needed", row)
    _prompts(where, row)
    if not isinstance(row.setdefault("metadata", {}), dict):
        raise _wrong(where, "metadata", "a mapping is needed", row)
    _language(where, row, rules)
    _label(where, row, rules)
    _kwargs(where, row)
    if not rules.is_example:
        _needed(where, row, rules)
    _text(where, row)
    return row


def _wrong(where: str, name: str, what: str, row: Mapping[str, Any]) -> DataError:
    got = repr(row[name])[:60] if name in row else "nothing"
    return DataError(
        f"{where}: field {name!r}: {what} (got {got})",
        hint="rows are in the official form: see `lontar eval import-sea-helm --help`",
    )


def _prompts(where: str, row: Mapping[str, Any]) -> None:
    prompts = row.get("prompts")
    if not isinstance(prompts, list) or not prompts or not all(isinstance(each, dict) for each in prompts):
        raise _wrong(where, "prompts", "a list of one mapping per turn is needed", row)


def _language(where: str, row: Mapping[str, Any], rules: Rules) -> None:
    language = row["metadata"].get("language")
    if rules.strict and isinstance(language, str) and language != rules.lang:
        raise DataError(
            f"{where}: field 'metadata.language': {language!r}, but these are rows of {rules.lang!r}",
            hint="the file is named by the language of its rows",
        )


def _label(where: str, row: Mapping[str, Any], rules: Rules) -> None:
    if rules.family not in LABELLED:
        return
    label = row.get("label")
    listed = isinstance(label, list) and bool(label) and all(isinstance(each, str) for each in label)
    if isinstance(label, str) and label.strip():
        return
    if not listed or (rules.family in CHOICES and not rules.is_example):
        raise _wrong(
            where,
            "label",
            "a text is needed" if rules.family in CHOICES else "a text or a list of texts is needed",
            row,
        )


def _kwargs(where: str, row: dict[str, Any]) -> None:
    if "kwargs" not in row:
        return
    if not isinstance(row["kwargs"], list) or not all(isinstance(each, dict) for each in row["kwargs"]):
        raise _wrong(where, "kwargs", "a list of mappings is needed", row)
    row["kwargs"] = [{name: value for name, value in each.items() if value is not None} for each in row["kwargs"]]


def _needed(where: str, row: Mapping[str, Any], rules: Rules) -> None:
    """What the scorer of the family reads of a row."""
    names = ("linguistic_phenomenon",) if rules.family in PHENOMENA else ()
    names = ("subcategory",) if rules.family == "sea_ifeval" else names
    for name in names:
        if not isinstance(row["metadata"].get(name), str):
            raise _wrong(where, "metadata", f"{name!r} is needed in it", row)
    if rules.family == "sea_ifeval" and not row.get("kwargs"):
        raise _wrong(where, "kwargs", "a list of one mapping is needed", row)
    if rules.family in CRITERIA and not isinstance(row.get("criteria"), list):
        raise _wrong(where, "criteria", "a list is needed", row)


def _text(where: str, row: Mapping[str, Any]) -> None:
    """Refuse what no text file can hold."""
    try:
        text = json.dumps(row, ensure_ascii=False, allow_nan=False)
        text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as err:
        raise DataError(f"{where}: a value that cannot be kept as JSON in UTF-8: {err}") from err
    if "\\u0000" in text and (place := _nul(row, "")):
        raise DataError(f"{where}: field {place!r}: holds a NUL character", hint="take it out of the text")


def _nul(value: Any, place: str) -> str:
    """Where the first NUL stands; empty where there is none."""
    if isinstance(value, str):
        return place if "\x00" in value else ""
    if isinstance(value, Mapping):
        parts = [(f"{place}.{name}" if place else str(name), each) for name, each in value.items()]
        if any("\x00" in str(name) for name in value):
            return place or "the name of a field"
    elif isinstance(value, list):
        parts = [(f"{place}[{i}]", each) for i, each in enumerate(value)]
    else:
        return ""
    return next((found for name, each in parts if (found := _nul(each, name))), "")
