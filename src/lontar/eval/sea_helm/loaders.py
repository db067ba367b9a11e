"""Data sets of others, reshaped to official rows as section 12 of the specification says; text only.

A `Source` says where a task's rows stand on the hub; `third_party` turns the rows found there into rows of the task.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lontar.errors import DataError
from lontar.eval.sea_helm.pack import LOGPROBS
from lontar.scoring.official.copy import Task

SEED = 976843
"""of the shuffled options"""
OWN = "aisingapore/"
Raw = Mapping[str, Any]
Official = dict[str, Any]
# Rows of the train split that the official few-shot prompts of MATH show.
MATH_EXAMPLES: Mapping[str, Sequence[int]] = {
    "algebra": (363, 228, 160, 90, 176),
    "counting_and_probability": (66, 82, 183, 4, 1),
    "geometry": (2, 247, 155, 317, 39),
    "intermediate_algebra": (423, 192, 23, 232, 168),
    "number_theory": (301, 287, 100, 263, 228),
    "prealgebra": (67, 74, 243, 207, 212),
    "precalculus": (121, 165, 119, 57, 171),
}
# Letters of the options by key of labels.yaml, for the languages that have them.
LETTERS: dict[str, tuple[Sequence[str], str]] = {
    "global_mmlu_<subject>": (("en", "id", "vi", "ms", "zh", "tl"), "ABCD"),
    "thai_exam_<exam>": (("th",), "ABCDE"),
    "musr_*": (("en",), "123"),
    "gpqa_*": (("en",), "ABCD"),
    "mmlu_redux_*": (("en",), "ABCD"),
    "mmlu_pro_*": (("en",), "ABCDEFGHIJ"),
    "supergpqa-*": (("en",), "ABCDEFGHIJ"),
}


@dataclass(frozen=True)
class Source:
    """Where rows of a task in one language stand on the hub."""

    path: str
    config: str | None
    split: str
    examples_split: str = ""
    """empty where there are none"""

    @property
    def examples_config(self) -> str | None:
        """The config of the few-shot examples."""
        return self.config


def source_of(task: Task, lang: str) -> Source | None:
    """Where the hub has a task's rows; None where it has none, or in a shape that no loader knows."""
    path = task.settings.get("dataset")
    if not isinstance(path, str) or path.count("/") != 1 or path.endswith(".jsonl"):
        return None
    name = task.name.removesuffix(LOGPROBS)
    if path.startswith(OWN):
        has_examples = isinstance(task.settings.get("examples"), str)
        return Source(path, _own_config(name, lang), "eval", "examples" if has_examples else "")
    found = _kind(name, path)
    return None if found is None else found.source(path, name, lang)


def _own_config(name: str, lang: str) -> str:
    fixed = {
        "translation-en-xx": f"en_to_{lang}",
        "translation-xx-en": f"{lang}_to_en",
        "translation-id-xx": f"id_to_{lang}",
        "translation-xx-id": f"{lang}_to_id",
        "pragmatic-single": f"{lang}_single",
        "pragmatic-pair": f"{lang}_pair",
    }
    return name.removeprefix("bbh_") if name.startswith("bbh_") else fixed.get(name, lang)


def third_party(task: str, lang: str, rows: Sequence[Raw], *, path: str = "", examples: bool = False) -> list[Official]:
    """Rows of a data set as official rows of a task; those of SEA-HELM's own data sets are so already.

    Raises:
        DataError: a row lacks a field that the loader reads.
    """
    name = task.removesuffix(LOGPROBS)
    kind = _kind(name, path)
    if kind is None:
        return [dict(row) for row in rows]
    made = kind.load(name, lang, rows)
    fixed = MATH_EXAMPLES.get(name.removeprefix("math_hard_")) if examples else None
    return made if fixed is None else [{**made[i], "id": k} for k, i in enumerate(fixed) if i < len(made)]


def local_rows(task: str, records: Sequence[tuple[str, Raw]]) -> list[tuple[str, Raw]]:
    """Rows of a file in a checkout: those of safeguard tasks have a label for the prompt and one for the response."""
    key = "response_label" if "_response" in task else "prompt_label"
    return [(where, {**row, "label": row[key]} if key in row and "label" not in row else row) for where, row in records]


# --- the loaders -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Kind:
    source: Callable[[str, str, str], Source]
    load: Callable[[str, str, Sequence[Raw]], list[Official]]


def _kind(name: str, path: str) -> _Kind | None:
    return next((kind for prefix, kind in KINDS if name.startswith(prefix)), None) or (
        _MATH_ARENA if path.startswith(("MathArena/", "HuggingFaceH4/aime")) else None
    )


def _get(row: Raw, name: str, i: int, task: str) -> Any:
    if row.get(name) is None:
        raise DataError(
            f"{task}: row {i} of the data set has no field {name!r}",
            hint="the data set is of another version than the one that SEA-HELM reads",
        )
    return row[name]


def _text(row: Raw, name: str, i: int, task: str) -> str:
    value = _get(row, name, i, task)
    if not isinstance(value, str):
        raise DataError(f"{task}: row {i} of the data set: field {name!r} should be a text (got {value!r:.60})")
    return value


def _placed(n: int, blocks: int) -> tuple[list[str], list[int]]:
    """Letters of the right answers and seeds of the wrong ones, for `n` questions."""
    letters = list("ABCD" * blocks)
    seeds = random.Random(SEED).sample(range(2**31 - 1), n)
    random.Random(SEED).shuffle(letters)
    return letters, seeds


def _shuffled(right: str, wrong: list[str], letter: str, seed: int) -> list[str]:
    random.Random(seed).shuffle(wrong)
    wrong.insert("ABCD".index(letter), right)
    return [text.strip() for text in wrong]


def _global_mmlu(name: str, lang: str, rows: Sequence[Raw]) -> list[Official]:
    subject = name.removeprefix("global_mmlu_")
    own = [(i, row) for i, row in enumerate(rows) if row.get("subject") == subject]
    letters, seeds = _placed(len(own), -(-len(own) // 4))
    made = []
    for (i, row), letter, seed in zip(own, letters, seeds, strict=False):
        options = [_text(row, f"option_{each}", i, name).strip() for each in "abcd"]
        right = options.pop("ABCD".index(_letter(row, i, name, "ABCD")))
        options = _shuffled(right, options, letter, seed)
        prompt = {
            "question": _text(row, "question", i, name),
            **{f"option_{k}": v for k, v in zip("abcd", options, strict=True)},
        }
        rest = {key: value for key, value in row.items() if key in _MMLU_METADATA}
        made.append(
            {
                "id": _get(row, "sample_id", i, name),
                "label": letter,
                "prompts": [prompt],
                "metadata": {"language": lang, **rest},
            }
        )
    return made


_MMLU_METADATA = (
    *("subject", "subject_category", "required_knowledge", "time_sensitive", "reference", "culture", "region"),
    *("country", "cultural_sensitivity_label", "is_annotated"),
)


def _letter(row: Raw, i: int, name: str, letters: str, field: str = "answer") -> str:
    value = _get(row, field, i, name)
    if not isinstance(value, str) or len(value) != 1 or value not in letters:
        raise DataError(
            f"{name}: row {i} of the data set: field {field!r} should be one of {letters} (got {value!r:.60})"
        )
    return value


def _gpqa(name: str, lang: str, rows: Sequence[Raw]) -> list[Official]:
    letters, seeds = _placed(len(rows), len(rows) // 4 + 1)
    made = []
    for i, (row, letter, seed) in enumerate(zip(rows, letters, seeds, strict=False)):
        wrong = [_text(row, f"Incorrect Answer {k}", i, name) for k in (1, 2, 3)]
        options = _shuffled(_text(row, "Correct Answer", i, name), wrong, letter, seed)
        prompt = {"question": _text(row, "Question", i, name), **{f"choice{k}": v for k, v in enumerate(options, 1)}}
        made.append({"id": i, "label": letter, "prompts": [prompt], "metadata": {"language": lang}})
    return made


def _thai_exam(name: str, lang: str, rows: Sequence[Raw]) -> list[Official]:
    return [
        {
            "id": i,
            "label": _text(row, "answer", i, name).upper(),
            "prompts": [{"question": _text(row, "question", i, name), **{k: row[k] for k in "abcde" if k in row}}],
            "metadata": {"language": lang, "subject": row.get("subject")},
        }
        for i, row in enumerate(rows)
    ]


def _mmlu_redux(name: str, lang: str, rows: Sequence[Raw]) -> list[Official]:
    made = []
    for i, row in enumerate(rows):
        right = _right_index(row, i, name)
        if right is None:
            continue
        choices = _get(row, "choices", i, name)
        options = "\n".join(f"{letter}. {text.strip()}" for letter, text in zip("ABCD", choices, strict=False))
        metadata = {"language": lang, "category": name.removeprefix("mmlu_redux_"), "src": row.get("source")}
        prompt = {"question": _text(row, "question", i, name), "options": options}
        made.append({"id": i, "label": "ABCD"[right], "prompts": [prompt], "metadata": metadata})
    return made


def _right_index(row: Raw, i: int, name: str) -> int | None:
    """Index of the right answer after correction; None for a row that is dropped."""
    kind = _text(row, "error_type", i, name)
    if kind == "ok":
        found = _get(row, "answer", i, name)
        if found not in range(4):
            raise DataError(f"{name}: row {i} of the data set: field 'answer' should be 0 to 3 (got {found!r:.60})")
        return int(found)
    if kind != "wrong_groundtruth":
        return None
    # Corrections are written by hand: a number, the same as text, or words.
    found = row.get("correct_answer")
    return found if isinstance(found, int) and found in range(4) else None


def _supergpqa(name: str, lang: str, rows: Sequence[Raw]) -> list[Official]:
    discipline = name.removeprefix("supergpqa-").replace("-", " ")
    own = [(i, row) for i, row in enumerate(rows) if str(row.get("discipline", "")).lower() == discipline]
    made = []
    for number, (i, row) in enumerate(own):
        options = "\n\n".join(
            f"{k}: {v.strip()}" for k, v in zip("ABCDEFGHIJ", _get(row, "options", i, name), strict=False)
        )
        metadata = {
            "language": lang,
            **{key: row.get(key) for key in ("discipline", "field", "subfield", "difficulty")},
        }
        prompt = {"question": _text(row, "question", i, name), "options": options}
        label = _letter(row, i, name, "ABCDEFGHIJ", "answer_letter")
        made.append({"id": number, "label": label, "prompts": [prompt], "metadata": metadata})
    return made


def _musr(name: str, lang: str, rows: Sequence[Raw]) -> list[Official]:
    made = []
    for i, row in enumerate(rows):
        choices = "\n".join(f"{k} - {text}" for k, text in enumerate(_choices(row, i, name), 1))
        index = _get(row, "answer_index", i, name)
        if not isinstance(index, int):
            raise DataError(
                f"{name}: row {i} of the data set: field 'answer_index' should be a number (got {index!r:.60})"
            )
        prompt = {
            "narrative": _text(row, "narrative", i, name),
            "question": _text(row, "question", i, name),
            "choices": choices,
        }
        made.append({"id": i, "label": str(index + 1), "prompts": [prompt], "metadata": {"language": lang}})
    return made


def _choices(row: Raw, i: int, name: str) -> list[Any]:
    """A list of choices; the data set has it as the text of a Python list."""
    found = _get(row, "choices", i, name)
    if isinstance(found, str):
        try:
            found = ast.literal_eval(found)
        except (ValueError, SyntaxError, RecursionError, MemoryError) as err:
            raise DataError(f"{name}: row {i} of the data set: field 'choices' is no list: {err}") from err
    if not isinstance(found, list | tuple):
        raise DataError(f"{name}: row {i} of the data set: field 'choices' is no list (got {found!r:.60})")
    return list(found)


def _mmlu_pro(name: str, lang: str, rows: Sequence[Raw]) -> list[Official]:
    category = name.removeprefix("mmlu_pro_").replace("_", " ")
    made = []
    for i, row in enumerate(rows):
        if row.get("category") != category:
            continue
        options = "\n".join(
            f"{k}. {v.strip()}" for k, v in zip("ABCDEFGHIJ", _get(row, "options", i, name), strict=False)
        )
        prompt = {"question": _text(row, "question", i, name), "options": options}
        if row.get("cot_content"):
            prompt["cot_content"] = row["cot_content"]
        metadata = {"language": lang, "category": category, "src": row.get("src")}
        label = _letter(row, i, name, "ABCDEFGHIJ")
        made.append(
            {"id": _get(row, "question_id", i, name), "label": label, "prompts": [prompt], "metadata": metadata}
        )
    return made


def _math_hard(name: str, lang: str, rows: Sequence[Raw]) -> list[Official]:
    return [
        {
            "id": i,
            "label": _text(row, "solution", i, name),
            "prompts": [{"problem": _text(row, "problem", i, name)}],
            "metadata": {"language": lang, "level": row.get("level"), "category": row.get("type")},
        }
        for i, row in enumerate(rows)
    ]


def _math_arena(name: str, lang: str, rows: Sequence[Raw]) -> list[Official]:
    return [
        {
            "id": row["problem_idx"] if row.get("problem_idx") is not None else _get(row, "id", i, name),
            "label": str(_get(row, "answer", i, name)),
            "prompts": [{"problem": _text(row, "problem", i, name)}],
            "metadata": {"language": lang, "dataset": name},
        }
        for i, row in enumerate(rows)
    ]


KINDS: Sequence[tuple[str, _Kind]] = (
    ("global_mmlu_", _Kind(lambda path, name, lang: Source(path, lang, "test", "dev"), _global_mmlu)),
    ("gpqa_", _Kind(lambda path, name, lang: Source(path, name, "train"), _gpqa)),
    (
        "thai_exam_",
        _Kind(lambda path, name, lang: Source(path, name.removeprefix("thai_exam_"), "test", "test"), _thai_exam),
    ),
    (
        "mmlu_redux_",
        _Kind(lambda path, name, lang: Source(path, name.removeprefix("mmlu_redux_"), "test"), _mmlu_redux),
    ),
    ("mmlu_pro_", _Kind(lambda path, name, lang: Source(path, None, "test", "validation"), _mmlu_pro)),
    ("supergpqa-", _Kind(lambda path, name, lang: Source(path, None, "train"), _supergpqa)),
    ("musr_", _Kind(lambda path, name, lang: Source(path, None, name.removeprefix("musr_")), _musr)),
    (
        "math_hard_",
        _Kind(lambda path, name, lang: Source(path, name.removeprefix("math_hard_"), "test", "train"), _math_hard),
    ),
)
_MATH_ARENA = _Kind(lambda path, name, lang: Source(path, None, "train"), _math_arena)
