"""`lontar text`: what a file's texts are, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from lontar.core.command import command
from lontar.core.config import JsonObject, JsonValue
from lontar.core.shards import read_jsonl
from lontar.errors import ConfigError, DataError

__all__ = ["batches", "read_texts"]

Row = tuple[JsonValue, str]


def read_texts(file: Path) -> Iterator[Row]:
    """Id and text of each row of a JSON-lines file, compressed when its name ends in `.zst`.

    Raises:
        DataError: naming file and line, a field that is missing or is no text.
    """
    for number, row in read_jsonl(file, surrogates=True):
        for field in ("id", "text"):
            if field not in row:
                has = ", ".join(sorted(row)) or "nothing"
                raise DataError(f"{file}:{number}: no field {field!r} (the row has {has})", hint="rows are {id, text}")
        if not isinstance(text := row["text"], str):
            raise DataError(f"{file}:{number}: text: expected a string (got {type(text).__name__})")
        yield row["id"], text


def batches(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    """Rows in lists of `size`; those before a bad row come out before its error.

    Raises:
        ConfigError: `size` is below 1.
    """
    if size < 1:
        raise ConfigError(f"--batch {size}: at least 1 is needed")
    while True:
        batch: list[Row] = []
        try:
            batch.extend(islice(rows, size))
        except DataError:
            if batch:
                yield batch
            raise
        if not batch:
            return
        yield batch


@command("text.langid")
def langid(file: Path, /, *, batch: int = 256) -> Iterator[JsonObject]:
    """Tell the language of each text, and which parts of it are in which language.

    Prints {"id", "lang", "script", "score", "spans": [[start, end, lang], ...], "langs": [...]} for each row {id, text}
    of FILE, in order. Languages are ISO 639-3 codes, scripts ISO 15924; spans are positions of code points; `langs` are
    the languages that hold a tenth of the text or more, the main one first; "und" is text without letters.

    Args:
        file: JSON lines, compressed when the name ends in .zst.
        batch: texts that are looked at together; changes no result.
    """
    from lontar.text.langid import report_many

    for rows in batches(read_texts(file), batch):
        for (id_, _), found in zip(rows, report_many([text for _, text in rows]), strict=True):
            yield {
                "id": id_,
                "lang": found.identified.label,
                "script": found.identified.script,
                "score": found.identified.score,
                "spans": [list(span) for span in found.spans],
                "langs": list(found.languages),
            }


@command("text.zawgyi")
def zawgyi(file: Path, /) -> Iterator[JsonObject]:
    """Tell which texts hold Burmese in the Zawgyi encoding, and convert them to Unicode.

    Prints {"id", "encoding": "zawgyi" or "unicode", "text"} for each row {id, text} of FILE, in order. The decision is
    made line by line: a text with Zawgyi lines is "zawgyi", and its other lines stay as they are.

    Args:
        file: JSON lines, compressed when the name ends in .zst.
    """
    from lontar.text.zawgyi import convert_lines

    for id_, text in read_texts(file):
        converted, lines = convert_lines(text)
        yield {"id": id_, "encoding": "zawgyi" if lines else "unicode", "text": converted}
