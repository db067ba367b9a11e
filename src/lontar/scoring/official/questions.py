"""Questions to judges as the official code puts them; prompts and settings are read from the user's copy.

Ids are those by which `official.judges` finds the answers. A judge that is no language model (translation, image
captions) gets no questions from here, nor does one that has to see images.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lontar.core.records import Message
from lontar.errors import DataError
from lontar.scoring.official.case import Row
from lontar.scoring.official.copy import OfficialCopy, Task
from lontar.scoring.official.judges import ORDERS, VERDICTS

_FIELD = re.compile(r"\{\{|\}\}|\{(\w+)\}")
_REPAIR = "the copy is damaged or of another version: copy the folder again"
_CHAIN = 8
"""entries of judges.yaml that may refer to one another by `same_as`"""
# Marks of the speakers in a transcript: the prompts of the copy speak of them, so they must be these.
_USER, _FIXED = "[User]", "[Assistant (fixed)]"


@dataclass(frozen=True)
class Question:
    """One request to a judge."""

    id: str
    """by which its answer is found: `<row>_criteria<i>` and so on"""
    messages: tuple[Message, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    """`max_tokens`, `temperature`, `reasoning_effort`, where the benchmark says so"""


@dataclass(frozen=True)
class _Asking:
    task: Task
    lang: str
    row: Row
    asked: Sequence[str]
    responses: Sequence[str]
    judge: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.row["id"] if "id" in self.row else self.row.get("question_id", ""))

    @property
    def where(self) -> str:
        return f"task {self.task.name!r}, language {self.lang!r}, row {self.id!r}"

    def fields(self) -> Mapping[str, Any]:
        """Of the first turn's template; a criterion may name them."""
        prompts = self.row.get("prompts")
        first = prompts[0] if isinstance(prompts, Sequence) and prompts else None
        return first if isinstance(first, Mapping) else {}

    def criteria(self) -> list[Mapping[str, Any]]:
        found = self.row.get("criteria")
        if not isinstance(found, Sequence) or not found or isinstance(found, str):
            raise DataError(f"{self.where}: no field 'criteria'", hint="a judged row lists what its answer should meet")
        for i, one in enumerate(found):
            if not isinstance(one, Mapping) or not isinstance(one.get("criterion"), str):
                raise DataError(f"{self.where}: 'criteria', number {i + 1}: no text in 'criterion'")
        return list(found)

    def turn(self, name: str, texts: Any, index: int) -> str:
        """The text of a turn in a list; a failed answer is empty.

        Raises:
            DataError: the list has no such turn.
        """
        if not isinstance(texts, Sequence) or isinstance(texts, str) or not 0 <= index < len(texts):
            raise DataError(f"{self.where}: {name} has nothing for turn {index + 1}")
        return str(texts[index] or "")

    def prompt(self, *path: str | int) -> str:
        """A text of the judge's prompts."""
        found: Any = self.judge.get("judge_prompts")
        for step in path:
            inside = found if isinstance(found, Mapping | list) else {}
            try:
                found = inside[step]  # type: ignore[index]
            except (KeyError, IndexError, TypeError):
                found = None
        if not isinstance(found, str):
            name = ".".join(map(str, path))
            raise DataError(f"judges.yaml: judge of {self.task.name!r} has no prompt {name!r}", hint=_REPAIR)
        return found

    def ask(self, suffix: str, user: str, system: str | None) -> Question:
        head = () if system is None else (Message(role="system", content=system),)
        settings = self.judge.get("judge_generation_kwargs")
        return Question(
            id=self.id + suffix,
            messages=(*head, Message(role="user", content=user)),
            settings=dict(settings) if isinstance(settings, Mapping) else {},
        )


def questions(
    copy: OfficialCopy, task: str, lang: str, row: Row, asked: Sequence[str], responses: Sequence[str]
) -> list[Question]:
    """What to ask a judge about a model's answers to a row.

    Args:
        copy: the official files.
        task: name of the task.
        lang: code of the language.
        row: the official row.
        asked: the text of the task's template for each turn, without preamble and examples.
        responses: the answer to each turn; one that failed is empty.

    Raises:
        DataError: no such task or language; the task's judge is not asked in words; the row lacks a field.
    """
    own = copy.task(task)
    build = _BUILDERS.get(own.metric_family)
    if build is None:
        raise DataError(
            f"task {task!r}: no questions to a judge for the family {own.metric_family!r}",
            hint=f"there are for {', '.join(sorted(_BUILDERS))}",
        )
    copy.template(task, lang)  # says which languages there are
    return build(_Asking(own, lang, row, asked, responses, _judge(copy, task)))


def is_judged(task: Task) -> bool:
    """Whether `questions` can ask a judge about the task."""
    return task.metric_family in _BUILDERS


def _judge(copy: OfficialCopy, task: str) -> Mapping[str, Any]:
    """The judge's entry, with what it takes over from another."""
    found = copy.judge(task)
    for _ in range(_CHAIN):
        if "same_as" not in found:
            return found
        other = copy.judges.get(str(found["same_as"]))
        if not isinstance(other, Mapping):
            break
        found = {**other, **{name: value for name, value in found.items() if name != "same_as"}}
    raise DataError(f"{copy.folder / 'judges.yaml'}: the judge of {task!r} refers to none", hint=_REPAIR)


def _criteria(asking: _Asking) -> list[Question]:
    asked, answer = asking.turn("the question", asking.asked, 0), asking.turn("the answer", asking.responses, 0)
    found = []
    for i, criterion in enumerate(asking.criteria()):
        fields = {
            "prompt": asked,
            "response": answer,
            "keyPointText": filled(criterion["criterion"], asking.fields()),
            "reference_text_block": _reference(asking, criterion),
        }
        user = _complete(asking, asking.prompt("criteria_prompt"), fields)
        found.append(asking.ask(f"_criteria{i}", user, asking.prompt("system_prompt")))
    return found


def _reference(asking: _Asking, criterion: Mapping[str, Any]) -> str:
    prompts = asking.judge.get("judge_prompts")
    template = prompts.get("reference_prompt") if isinstance(prompts, Mapping) else None
    # Some judges have no text for this, and a prompt without a place for it.
    if not criterion.get("include_reference") or not template:
        return ""
    label = asking.row.get("label")
    if label is None:
        raise DataError(f"{asking.where}: no field 'label', which a criterion with 'include_reference' needs")
    return "\n" + _complete(asking, str(template), {"reference": label}) + "\n"


def _turns(asking: _Asking) -> list[Question]:
    found = []
    for i, criterion in enumerate(asking.criteria()):
        turn = criterion.get("turn")
        if not isinstance(turn, int) or turn < 0:
            raise DataError(
                f"{asking.where}: 'criteria', number {i + 1}: 'turn' is {turn!r}", hint="turns count from 0"
            )
        fields = {
            "transcript": _transcript(asking, turn),
            "response": asking.turn("the answer", asking.responses, turn),
            "keyPointText": filled(criterion["criterion"], asking.fields()),
        }
        user = _complete(asking, asking.prompt("criteria_prompt", f"turn_{turn + 1}"), fields)
        found.append(asking.ask(f"_turn{turn}_criteria{i}", user, asking.prompt("system_prompt")))
    return found


def _transcript(asking: _Asking, turn: int) -> str:
    """All questions up to a turn, and the answers before it."""
    parts = []
    for t in range(turn + 1):
        parts.append(f"{_USER}\n{asking.turn('the question', asking.asked, t)}")
        if t < turn:
            parts.append(f"{_FIXED}\n{asking.turn('the answer', asking.responses, t)}")
    return "\n\n".join(parts)


def _pairwise(asking: _Asking) -> list[Question]:
    settings, row = asking.task.settings, asking.row
    baselines, model = row.get("baselines"), str(settings.get("baseline_model") or "")
    if not isinstance(baselines, Mapping) or model not in baselines:
        raise DataError(
            f"{asking.where}: no field 'baselines' with answers of {model!r}",
            hint="answers of the model to compare with come with the official data",
        )
    metadata = row.get("metadata")
    category = metadata.get("category") if isinstance(metadata, Mapping) else None
    referred = category in (settings.get("categories_with_reference") or ())
    if referred and not row.get("references"):
        raise DataError(f"{asking.where}: no field 'references', which the category {category!r} needs")
    kind = "with-reference" if referred else "without-reference"
    labels = {**VERDICTS, **(settings.get("judgement_labels") or {})}
    found = []
    for turn in range(len(asking.responses)):
        system = _complete(asking, asking.prompt(kind, turn, "system_prompt"), labels)
        for order in ORDERS:
            fields = dict[str, str]()
            for t in range(turn + 1):
                pair = asking.turn("'baselines'", baselines[model], t), asking.turn("the answer", asking.responses, t)
                # The model comes first, so is A, when the baseline comes after it.
                first, second = pair if order == "baseline-before" else pair[::-1]
                fields |= {f"question_{t + 1}": _said(asking, t), f"answer_a_{t + 1}": first}
                fields |= {f"answer_b_{t + 1}": second}
                if referred:
                    fields[f"ref_answer_{t + 1}"] = asking.turn("'references'", row["references"], t)
            user = _complete(asking, asking.prompt(kind, turn, "prompt_template"), fields)
            found.append(asking.ask(f"_turn{turn + 1}_{order}", user, system))
    return found


def _said(asking: _Asking, turn: int) -> str:
    """What the user says in a turn: the bare text where the row has it, since the official code shows that."""
    prompts = asking.row.get("prompts")
    one = prompts[turn] if isinstance(prompts, Sequence) and turn < len(prompts) else None
    text = one.get("text") if isinstance(one, Mapping) else None
    return text if isinstance(text, str) else asking.turn("the question", asking.asked, turn)


def _correct(asking: _Asking) -> list[Question]:
    label, question = asking.row.get("label"), asking.fields().get("question")
    if label is None:
        raise DataError(f"{asking.where}: no field 'label'", hint="the judge compares the answer with it")
    fields = {
        "question": asking.turn("the question", asking.asked, 0) if question is None else question,
        "official_answer": label,
        "candidate_answer": asking.turn("the answer", asking.responses, 0),
    }
    return [asking.ask("", _complete(asking, asking.prompt("criteria_prompt"), fields), None)]


def _points(asking: _Asking) -> list[Question]:
    answer = asking.turn("the answer", asking.responses, 0).strip()
    conversation = "\n\n".join([*_conversation(asking), f"Assistant: {answer}"])
    found = []
    for i, criterion in enumerate(asking.criteria()):
        if "points" not in criterion:
            raise DataError(f"{asking.where}: 'criteria', number {i + 1}: no 'points'")
        item = f"[{criterion['points']}] {criterion['criterion']}"
        fields = {"conversation": conversation, "rubric_item": item}
        user = _complete(asking, asking.prompt("criteria_prompt"), fields)
        found.append(asking.ask(f"_criteria{i}", user, asking.prompt("system_prompt")))
    return found


def _conversation(asking: _Asking) -> list[str]:
    given = asking.row.get("conversations")
    if not isinstance(given, Sequence) or not given:
        return [f"user: {asking.turn('the question', asking.asked, 0)}"]
    return [f"{m.get('role')}: {m.get('content')}" for m in given if isinstance(m, Mapping)]


_BUILDERS: Mapping[str, Callable[[_Asking], list[Question]]] = {
    "judge_criteria": _criteria,
    "judge_lindsea": _criteria,
    "judge_mtbench": _turns,
    "judge_pairwise": _pairwise,
    "judge_correct": _correct,
    "judge_healthbench": _points,
}


def filled(template: str, fields: Mapping[str, Any]) -> str:
    """A text with its {fields}; what is no known field stays as it is, doubled braces become single.

    `str.format` would let a criterion, which is data, ask for a text of any width or for attributes of values.
    """
    return _FIELD.sub(lambda found: _value(found, fields), template)


def _value(found: re.Match[str], fields: Mapping[str, Any]) -> str:
    name = found.group(1)
    if name is None:
        return found.group()[0]
    return str(fields[name]) if name in fields else found.group()


def _complete(asking: _Asking, template: str, fields: Mapping[str, Any]) -> str:
    """A filled prompt of the copy.

    Raises:
        DataError: it has a field that there is no value for.
    """
    missing = [found.group(1) for found in _FIELD.finditer(template) if found.group(1) and found.group(1) not in fields]
    if missing:
        raise DataError(
            f"judges.yaml: a prompt for {asking.task.name!r} has the unknown field {missing[0]!r}", hint=_REPAIR
        )
    return filled(template, fields)
