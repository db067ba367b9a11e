"""Conversations and generation settings as the official code makes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from lontar.core.shards import read_jsonl
from lontar.errors import DataError
from lontar.scoring.official.case import Row
from lontar.scoring.official.copy import OfficialCopy, Template

Message: TypeAlias = dict[str, Any]
REASONING_TOKENS = 20_000
BASE_STOP = "\n\n"
# Tasks whose examples are of the question's own subject.
_BY_SUBJECT = ("global_mmlu_lite",)
_MODE = re.compile(r"(instruct|base)_(\d+)shot")


def messages(
    copy: OfficialCopy,
    task: str,
    lang: str,
    prompts: Sequence[Mapping[str, Any]],
    *,
    examples: Iterable[Row] = (),
    shots: int = 0,
    turn: int = 0,
    history: Sequence[str | None] = (),
    images: Sequence[str] = (),
) -> list[Message]:
    """The conversation that asks a model for its answer of one turn.

    Args:
        copy: the official files.
        task: name of the task.
        lang: code of the language.
        prompts: fields of the template, one mapping per turn.
        examples: rows of the few-shot pool, chosen already (see `examples_for`); what is beyond `shots` is left alone.
        shots: how many of them to show, before the first turn; fewer where there are not as many.
        turn: which turn to ask for, from 0.
        history: the model's answers of the turns before; one that failed is empty.
        images: JPEG files in base64, shown with each question.

    Raises:
        DataError: no such task or language; a field is missing; too few prompts or answers for the turn.
    """
    template = copy.template(task, lang)
    where = f"task {task!r}, language {lang!r}"
    if not 0 <= turn < len(prompts):
        raise DataError(f"{where}: turn {turn} of {len(prompts)} prompts", hint="turns count from 0")
    if len(history) < turn:
        raise DataError(f"{where}: turn {turn} needs {turn} answers of former turns, got {len(history)}")
    found: list[Message] = []
    for t in range(turn + 1):
        begin = len(found)
        if t:
            found.append({"role": "assistant", "content": history[t - 1] or ""})
            begin += 1
        else:
            for i, row in enumerate(islice(examples, shots), 1):
                found += _example(template, row, f"{where}, example {i}")
        found.append(_asked(_fill(template.task_template, prompts[t], f"{where}, prompt {t + 1}"), images))
        _prefix(found[begin], _fill(template.preamble, {"answer_tag": template.answer_tag}, f"{where}, preamble"))
    return found


def _example(template: Template, row: Row, where: str) -> list[Message]:
    prompts = row.get("prompts")
    if not isinstance(prompts, Sequence) or not prompts or not isinstance(prompts[0], Mapping):
        raise DataError(f"{where}: no prompts", hint="a row has `prompts`, one mapping of fields per turn")
    label = row.get("label")
    if isinstance(label, list | tuple):
        if not label:
            raise DataError(f"{where}: the list of labels is empty")
        row = {**row, "label": label[0]}
    fields = {**row, **prompts[0], "answer_tag": template.answer_tag}
    return [
        _asked(_fill(template.task_template, prompts[0], where), row.get("images") or ()),
        {"role": "assistant", "content": _fill(template.answer_template, fields, where)},
    ]


def _asked(text: str, images: Sequence[str]) -> Message:
    if not images:
        return {"role": "user", "content": text}
    shown = [{"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{image}"}} for image in images]
    return {"role": "user", "content": [{"type": "text", "text": text}, *shown]}


def _prefix(message: Message, preamble: str) -> None:
    part, key = (message, "content") if isinstance(message["content"], str) else (message["content"][0], "text")
    part[key] = f"{preamble}\n\n{part[key]}".strip()


def _fill(template: str, fields: Mapping[str, Any], where: str) -> str:
    try:
        return template.format_map(fields)
    except KeyError as err:
        raise DataError(
            f"{where}: the field {err.args[0]!r} of the template is missing", hint=f"there are {', '.join(fields)}"
        ) from err
    except (ValueError, IndexError, AttributeError, TypeError) as err:
        raise DataError(f"{where}: the template cannot be filled: {err}", hint="literal braces are doubled") from err


def examples_for(task: str, row: Row, pool: Iterable[Row], shots: int) -> list[Row]:
    """The first rows of a few-shot pool, of the row's own subject where the task wants that.

    Raises:
        DataError: the task goes by subject and the row or an example has none.
    """
    if task not in _BY_SUBJECT:
        return [*islice(pool, shots)]
    subject = _subject(task, row)
    return [*islice((one for one in pool if _subject(task, one) == subject), shots)]


def _subject(task: str, row: Row) -> str:
    for fields in (row.get("metadata"), *(row.get("prompts") or ())[:1], row):
        if isinstance(fields, Mapping) and fields.get("subject") is not None:
            return str(fields["subject"]).lower()
    raise DataError(f"task {task!r}: row {row.get('id', '?')!r} has no subject", hint="add it to the row's metadata")


def generation_settings(
    copy: OfficialCopy, task: str, lang: str, *, base: bool, reasoning: bool, seed: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings of a request, and what the two phases of a base model or of log-probabilities need.

    Temperature is in neither: the official code leaves it to the model or the server.

    Args:
        copy: the official files.
        task: name of the task.
        lang: code of the language.
        base: the model is not instruction-tuned.
        reasoning: the model thinks first and gets `REASONING_TOKENS` more.
        seed: of the run.

    Raises:
        DataError: no such task or language.
    """
    template, own = copy.template(task, lang), copy.task(task)
    request: dict[str, Any] = {"seed": seed, "max_tokens": own.max_tokens(lang) + REASONING_TOKENS * reasoning}
    if own.logprobs:  # comes before `base`: such a task has no stop text, whatever the model is
        return request, {
            "use_logprobs": True,
            "answer_tag": template.answer_tag,
            "answer_tag_separator": template.separator,
        }
    if base:
        return {**request, "stop": [BASE_STOP]}, {"answer_tag": template.answer_tag}
    return request, {}


def replay_prompts(copy: OfficialCopy, case: Mapping[str, Any], data_folder: Path) -> list[Message]:
    """The conversation of a vector case: `task`, `lang`, `mode`, `item`, `examples_file`.

    Args:
        copy: the official files.
        case: of `prompts.json`.
        data_folder: what `examples_file` is relative to.

    Raises:
        DataError: the case has another form, its file of examples is not there, or as `messages`.
    """
    task, lang, item = str(case.get("task")), str(case.get("lang")), case.get("item")
    mode = _MODE.fullmatch(str(case.get("mode")))
    if mode is None:
        raise DataError(
            f"task {task!r}: unknown mode {case.get('mode')!r}", hint="such as instruct_0shot or base_5shot"
        )
    if not isinstance(item, Mapping) or not isinstance(item.get("prompts"), Sequence):
        raise DataError(f"task {task!r}, language {lang!r}: the item has no prompts")
    shots, history = int(mode[2]), item.get("responses") or ()
    return messages(
        copy,
        task,
        lang,
        item["prompts"],
        examples=_pool(task, item, case.get("examples_file"), shots, data_folder) if shots else (),
        shots=shots,
        turn=max(0, min(len(history), len(item["prompts"]) - 1)),
        history=history,
        images=item.get("images") or (),
    )


def _pool(task: str, item: Row, name: Any, shots: int, data_folder: Path) -> list[Row]:
    # "<file> (<which rows>)": which they are follows from the task.
    path = data_folder / str(name or "").partition(" (")[0]
    if not name or not path.is_file():
        raise DataError(
            f"{path}: no file of examples for the task {task!r}", hint="point to the folder of official data"
        )
    return examples_for(task, item, (row for _, row in read_jsonl(path)), shots)
