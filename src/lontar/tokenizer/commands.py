"""`lontar tokenizer report` and `lontar tokenizer check`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lontar.core.command import Report, Table, command
from lontar.core.config import JsonObject
from lontar.core.shards import read_jsonl
from lontar.errors import DataError

if TYPE_CHECKING:
    from lontar.tokenizer.parity import Measured

GINI_NOTE = (
    "gini: inequality of tokens per sentence across the languages, 0 when all pay alike. Per byte it is shown because "
    "it is quoted: scripts with three bytes a character look cheap by it, and the order of tokenizers can turn around."
)


@command("tokenizer.report")
def report(
    tokenizers: tuple[Path, ...], /, *, parallel: str = "", langs: str = "", dead: bool = True, html: str = ""
) -> Report:
    """Say what a sentence costs in each language, for any mix of tokenizers.

    A tokenizer is a file or a folder: tokenizer.json, tiktoken ranks, a SentencePiece model, tekken.json, a GGUF file,
    an artifact. Parity is tokens over the tokens of the same sentences in English.

    Args:
        tokenizers: files or folders.
        parallel: JSON lines with the same sentences in several languages, {id, text, lang, parallel: {lang: text}};
            without it the package's own, which nothing is trained on.
        langs: languages to look at, as in "en,my,km"; without it those that lontar knows.
        dead: count tokens that no text gives; half a minute for 250,000 tokens.
        html: also write a page to this file: the tables, and a sentence of each language with its tokens as boxes.
    """
    from lontar.tokenizer.parity import measure
    from lontar.tokenizer.sentences import packaged_languages, packaged_sentences
    from lontar.tokenizer.vocabularies import open_vocabulary

    sentences = (
        read_parallel(Path(parallel), langs)
        if parallel
        else _chosen(packaged_sentences(packaged_languages(), "test"), langs, "the package")
    )
    opened = [open_vocabulary(path) for path in tokenizers]
    found = [measure(each, sentences, dead=dead) for each in opened]
    tables, notes = _tables(found, dead), [*_notes(found), GINI_NOTE]
    if html:
        from lontar.core.shards import write_text
        from lontar.tokenizer import pictures

        write_text(Path(html), pictures.html(found, opened, sentences, tables, notes))
    return Report([each.as_json() for each in found], tables, notes)


def _chosen(sentences: Mapping[str, Sequence[str]], langs: str, where: str) -> dict[str, Sequence[str]]:
    """The sentences of the languages asked for, with English for parity; of those that lontar knows when none are.

    Raises:
        DataError: a language that was asked for has no sentences.
    """
    from lontar import languages

    wanted = [code.strip() for code in langs.split(",") if code.strip()]
    if absent := [code for code in wanted if code not in sentences]:
        raise DataError(f"{where}: no sentences in {', '.join(absent)}", hint=f"it has {', '.join(sorted(sentences))}")
    known = {language.code for language in languages.all_languages()}
    return {code: some for code, some in sentences.items() if code in (wanted or known) or (wanted and code == "en")}


def read_parallel(file: Path, langs: str = "") -> dict[str, Sequence[str]]:
    """Sentences by language (our codes where there is one) of rows that all languages have.

    Raises:
        DataError: a row has no text, no row has more than one language, or a language is asked for that is not there.
    """
    rows: list[dict[str, str]] = []
    for number, row in read_jsonl(file):
        others = row.get("parallel") or {}
        if not isinstance(text := row.get("text"), str) or not isinstance(others, dict):
            raise DataError(f"{file}:{number}: expected {{id, text, lang, parallel: {{lang: text}}}}")
        given = {str(row.get("lang", "en")): text, **others}
        rows.append({str(tag): value for tag, value in given.items() if isinstance(value, str) and value.strip()})
    counts = {tag: sum(tag in row for row in rows) for tag in {tag for row in rows for tag in row}}
    # A language that only some rows have would leave few rows for all: those that 95 % of the rows have are compared.
    kept = sorted(tag for tag, n in counts.items() if n >= 0.95 * len(rows))
    whole = [row for row in rows if all(tag in row for tag in kept)]
    if len(kept) < 2 or not whole:
        raise DataError(
            f"{file}: no sentences that stand there in two languages", hint="see lontar tokenizer report -h"
        )
    found: dict[str, list[str]] = {}
    for tag in kept:
        found.setdefault(_code(tag), [row[tag] for row in whole])
    return _chosen(found, langs, str(file))


def _code(tag: str) -> str:
    """Our code of a tag, or the tag; a tag with another script than the language's is another text."""
    from lontar import languages
    from lontar.errors import UnknownNameError

    try:
        return languages.get(tag).code if "-" not in tag else tag
    except UnknownNameError:
        return tag


# Measure, title, digits; percents are shares times a hundred.
_MEASURES = (
    ("parity", "parity: tokens over English", 2),
    ("tokens_per_sentence", "tokens per sentence", 1),
    ("tokens_per_character", "tokens per character", 2),
    ("bytes_per_token", "bytes per token", 1),
    ("breaking", "% of tokens that break a character", -1),
    ("invalid", "% of tokens that are no UTF-8", -1),
    ("zwsp", "tokens with zero-width spaces over tokens without", 2),
    ("normalized", "tokens in the normal form that the tokenizer names over tokens of the text as it is", 2),
)


def _tables(found: Sequence[Measured], dead: bool) -> list[Table]:
    codes = sorted({code for each in found for code in each.languages})
    names = [each.name for each in found]
    head = ("name", "kind", "size", "mean parity", "max", "gini/sentence", "gini/byte", "dead tokens")
    rows = [
        (
            *(each.name, each.kind, each.size, _rounded(each.mean_parity), _rounded(each.max_parity)),
            *(round(each.gini_sentence, 3), round(each.gini_byte, 3), _dead(each.dead) if dead else "not counted"),
        )
        for each in found
    ]
    tables = [Table("tokenizers (parity over all languages but English and Chinese)", head, rows)]
    for measure, title, digits in _MEASURES:
        cells = [[code, *(_cell(each, code, measure, digits) for each in found)] for code in codes]
        tables.append(Table(title, ("language", *names), cells))
    return tables


def _cell(each: Measured, code: str, measure: str, digits: int) -> float | None:
    costs = each.languages.get(code)
    value: float | None = getattr(costs, measure) if costs else None
    if value is None:
        return None
    return round(100 * value, 1) if digits < 0 else round(value, digits)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _dead(dead: Mapping[str, int]) -> str:
    if not dead:
        return "none"
    most = ", ".join(f"{script} {n:,}" for script, n in list(dead.items())[:3])
    return f"{sum(dead.values()):,} ({most})"


def _notes(found: Sequence[Measured]) -> list[str]:
    return [f"{each.name}: {each.note}" for each in found if each.note]


@command("tokenizer.check")
def check(folder: Path, /, *, texts: str = "") -> Report:
    """Prove that a tokenizer gives the same ids in every loader that is installed.

    Compares `tokenizers` with transformers' AutoTokenizer, as it loads the folder, with tiktoken (the written ranks
    where there are some), and with llama.cpp on a GGUF file of the vocabulary, on the samples of every language and on
    text that has broken tokenizers before. Exits with 4 when a text differs, and names it. A loader that is not
    installed or has no form for the tokenizer is left out: that is no proof, and the reason is shown.

    Args:
        folder: a tokenizer or model artifact, or any folder with a tokenizer.json.
        texts: more texts to compare on, JSON lines {id, text}.
    """
    from lontar.errors import ArtifactError
    from lontar.text.commands import read_texts
    from lontar.tokenizer import check as checking
    from lontar.tokenizer.base import open_base

    open_base(folder)
    more = [text for _, text in read_texts(Path(texts))] if texts else []
    every = [*checking.texts_of_all_languages(), *more]
    outcome = checking.check(folder, every)
    found = outcome.differences
    value: JsonObject = {
        "texts": len(every),
        "loaders": ["tokenizers", *outcome.compared],
        "left_out": {**outcome.left_out},
        "not_installed": [name for name, why in outcome.left_out.items() if why == "not installed"],
        "differences": [{"loader": d.loader, "text": d.text[:200], "first": str(d)} for d in found],
    }
    rows = [(name, len(every), sum(d.loader == name for d in found)) for name in outcome.compared]
    table = Table("ids beside tokenizers'", ("loader", "texts", "differ"), rows)
    notes = [str(each) for each in found[:10]]
    notes += [f"{name} is left out: {why}" for name, why in outcome.left_out.items()]
    return Report(value, [table], notes, ArtifactError.exit_code if found else 0)
