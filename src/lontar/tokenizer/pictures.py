"""A sentence as a tokenizer cuts it, and the page of `lontar tokenizer report --html`: tables, a chart a language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lontar.core.command import Table
from lontar.pages import page
from lontar.pages.boxes import Drawn, drawn
from lontar.pages.names import language_name
from lontar.pages.numbers import count, fixed
from lontar.text import normalize
from lontar.tokenizer.vocabularies import Vocabulary

if TYPE_CHECKING:
    from lontar.tokenizer.parity import Measured

__all__ = ["charts", "html", "picture"]

FOLDER = Path(__file__).parent / "templates"
# Scripts that tokenizers serve worst come first, as on the page of a run.
FIRST = ("my", "km", "lo", "th", "ta")
ENGLISH = "en"


def picture(vocabulary: Vocabulary, text: str) -> Drawn | None:
    """The tokens of a sentence: bytes and characters of each, what tears a character, and what is no UTF-8.

    None where the tokens do not spell the sentence: a tokenizer that changes text first, or has no token for a part.
    """
    pieces = [vocabulary.tokens[i] for i in vocabulary.encode(text)]
    if pieces and b"".join(pieces) == b" " + text.encode("utf-8"):
        pieces[0] = pieces[0][1:]  # SentencePiece puts a space before the first word
    try:
        return drawn(text, pieces)
    except ValueError:
        return None


def charts(vocabularies: Sequence[Vocabulary], sentences: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """One sentence per language, the same in all, cut by each tokenizer; zero-width spaces set aside, as in the tables.

    Args:
        vocabularies: in the order of the page.
        sentences: per language; the n-th sentences of all languages say the same.
    """
    place = _middle(sentences)
    ordered = sorted(sentences, key=lambda code: (FIRST.index(code) if code in FIRST else len(FIRST), code))
    made = []
    for code in ordered:
        if place >= len(sentences[code]):
            continue
        text = normalize(sentences[code][place], ["zwsp"])
        sides = [(each.name, picture(each, text)) for each in vocabularies]
        listed = [{"name": name, "drawn": side.json() if side else None} for name, side in sides]
        gloss = sentences[ENGLISH][place] if ENGLISH in sentences and code != ENGLISH else ""
        made.append({"lang": code, "text": text, "gloss": gloss, "sides": listed})
    return made


def _middle(sentences: Mapping[str, Sequence[str]]) -> int:
    """The number of a sentence of middle length, in English where there is English."""
    texts = sentences.get(ENGLISH) or next(iter(sentences.values()), [])
    ranked = sorted(range(len(texts)), key=lambda i: (len(texts[i]), i))
    return ranked[len(ranked) // 2] if ranked else 0


def html(
    found: Sequence[Measured],
    vocabularies: Sequence[Vocabulary],
    sentences: Mapping[str, Sequence[str]],
    tables: Sequence[Table],
    notes: Sequence[str],
) -> str:
    """The page, whole in itself: no request, no script.

    Args:
        found: the measures, one of each tokenizer.
        vocabularies: the tokenizers, in the same order.
        sentences: what was measured on.
        tables: the measures as the command prints them; the first two stand open.
        notes: what to know when reading them.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    listed = charts(vocabularies, sentences)
    for chart in listed:
        for side, each in zip(chart["sides"], found, strict=True):
            costs = each.languages.get(chart["lang"])
            side["parity"] = costs.parity if costs and chart["lang"] != ENGLISH else None
    titles = [("numbers", "Numbers"), ("sentences", "One sentence, token by token")]
    context = {
        "title": "Tokens: " + ", ".join(each.name for each in found),
        "eyebrow": "Report on tokenizers",
        "sections": [{"id": id_, "title": title, "short": title.partition(",")[0]} for id_, title in titles],
        "tables": [_written(table) for table in tables],
        "notes": notes,
        "charts": listed,
        "gloss": next((chart["gloss"] for chart in listed if chart["gloss"]), ""),
        "count": max((len(texts) for texts in sentences.values()), default=0),
    }
    return page.render(FOLDER, "tokenizers.jinja", context, values={"known": {c for c in sentences if _is_known(c)}})


def _written(table: Table) -> Table:
    """A table with as many decimals in each number, and thousands apart."""
    numbers = [cell for row in table.rows for cell in row if isinstance(cell, float)]
    places = max((len(f"{number:g}".partition(".")[2]) for number in numbers), default=0)

    def text(cell: object) -> object:
        if isinstance(cell, float):
            return fixed(cell, places)
        return count(cell) if isinstance(cell, int) else cell

    title = table.title[:1].upper() + table.title[1:]
    return Table(title, table.columns, [[text(cell) for cell in row] for row in table.rows])


def _is_known(code: str) -> bool:
    return language_name(code).english != code
