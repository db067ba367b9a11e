r"""Scores and samples as two flat tables, in CSV or Parquet.

CSV is UTF-8 with a header, lines end in a line feed, and a cell with a comma, a quote or a line break is quoted; an
empty cell is a missing value. Spreadsheets run what looks like a formula, so a cell of a text column that begins with
``=``, ``+``, ``-``, ``@``, a tab or a carriage return, blanks before it passed over, gets an apostrophe before it, and
so does one that begins with an apostrophe: a program takes one leading apostrophe off and has the text back. NUL, other
controls and halves of surrogate pairs become escapes, such as ``\x00``. Parquet has typed columns and needs none of
this, except for surrogates.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from lontar.core.config import JsonObject
from lontar.core.extras import need
from lontar.core.shards import replacing
from lontar.eval.layouts.source import PartFile, Source
from lontar.eval.layouts.writing import plain_text
from lontar.eval.rows import MODEL, Row
from lontar.scoring.official.extract import number

Kind = Literal["text", "int", "float", "bool"]
Columns: TypeAlias = Mapping[str, Kind]
Record: TypeAlias = Mapping[str, Any]

SCORES: Columns = {
    **{"task": "text", "lang": "text", "side": "text", "model": "text", "version": "int", "competency": "text"},
    **{"unit": "text", "better": "text", "n": "int", "groups": "int", "nulls": "int", "failed": "int"},
    **{"value": "float", "low": "float", "high": "float", "bounds_low": "float", "bounds_high": "float"},
    **{"chance": "float", "above_chance": "bool", "tokens_in": "int", "tokens_out": "int", "tokens_thinking": "int"},
    **{"seconds": "float", "chars_per_token": "float", "compat_metric": "text", "compat_value": "float"},
    **{"difference": "float", "difference_low": "float", "difference_high": "float", "difference_p": "float"},
    "verdict": "text",
}
SAMPLES: Columns = {
    **{"task": "text", "lang": "text", "side": "text", "id": "text", "run": "int", "group": "text"},
    **{"prompt": "text", "answers": "text", "thinking": "text", "answer": "text", "reason": "text"},
    **{"references": "text", "value": "float", "failed": "text", "tokens_in": "int", "tokens_out": "int"},
    **{"tokens_thinking": "int", "seconds": "float", "compat_answer": "text", "compat_score": "float"},
    **{"contaminated_exact": "bool", "contaminated_ngram": "bool"},
}
_FORMULA = re.compile(r"\s*[=+\-@\t\r']|[\t\r]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# Rows of a Parquet row group: what is held at a time.
_GROUP = 1000


def write_tables(source: Source, folder: Path, form: Literal["csv", "parquet"], sides: Sequence[str]) -> list[str]:
    """Write `scores` and `samples`; returns the names of the files.

    Raises:
        MissingExtraError: Parquet needs pyarrow.
    """
    write = _write_csv if form == "csv" else _write_parquet
    write(folder / f"scores.{form}", SCORES, score_records(source, sides))
    write(folder / f"samples.{form}", SAMPLES, sample_records(source, sides))
    return [f"scores.{form}", f"samples.{form}"]


# --- records


def score_records(source: Source, sides: Sequence[str]) -> Iterator[JsonObject]:
    """One record per task, language and side."""
    for row in source.scores.get("rows") or ():
        for side in sides:
            figures = row if side == MODEL else row.get("baseline")
            if figures is not None:
                yield _score_record(row, figures, side, source.model(side))


def _score_record(row: Record, figures: Record, side: str, model: str) -> JsonObject:
    bounds, compat = figures.get("bounds") or {}, figures.get("compat") or {}
    difference = (row.get("difference") or {}) if side == MODEL else {}
    shared = {name: row.get(name) for name in ("task", "lang", "version", "competency", "unit", "better", "chance")}
    return {
        **{name: figures.get(name) for name in SCORES},
        **shared,
        "side": side,
        "model": model,
        "bounds_low": bounds.get("low"),
        "bounds_high": bounds.get("high"),
        "compat_metric": compat.get("metric"),
        "compat_value": compat.get("value"),
        "difference": difference.get("value"),
        **{f"difference_{name}": difference.get(name) for name in ("low", "high", "p")},
        "verdict": row.get("verdict") if side == MODEL else None,
    }


def sample_records(source: Source, sides: Sequence[str]) -> Iterator[JsonObject]:
    """One record per sample, run and side."""
    for side in sides:
        for part in source.parts(side):
            for row in part.rows():
                yield _sample_record(source, part, row)


def _sample_record(source: Source, part: PartFile, row: Row) -> JsonObject:
    sample, found, compat = row.sample, row.prediction, row.compat or {}
    scores = compat.get("scores")
    record: JsonObject = {
        **{"task": part.task, "lang": part.lang, "side": part.side, "id": sample.id, "run": row.run},
        "group": sample.group,
        "prompt": _json([turn if isinstance(turn, str) else [m.model_dump() for m in turn] for turn in sample.turns]),
        "references": _json([*sample.references]),
        "value": None if row.score is None else row.score.value,
        "reason": (row.score.reason if row.score else None) or (found.reason if found else None),
        "failed": row.failed,
        "compat_answer": _text(compat.get("answer")),
        "compat_score": first_score(scores),
    }
    if found is not None:
        record |= {"answers": _json([*found.texts]), "thinking": _json([*found.thinking]), "answer": found.answer}
        record |= {name: getattr(found, name) for name in ("tokens_in", "tokens_out", "tokens_thinking", "seconds")}
    if source.flags is not None:
        kinds = source.flagged(part, sample.id)
        record |= {"contaminated_exact": "exact" in kinds, "contaminated_ngram": "ngram" in kinds}
    return record


def first_score(scores: Any) -> float | None:
    """The first of a row's `individual_scores`, the mean over turns where it has several; null is 0 among others."""
    value = next(iter(scores.values()), None) if isinstance(scores, Mapping) else scores
    if not isinstance(value, list):
        return number(value)
    known = [number(item) for item in value]
    return sum(item or 0.0 for item in known) / len(known) if any(item is not None for item in known) else None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else _json(value)


# --- files


def csv_text(text: str) -> str:
    """A text as a cell of CSV holds it: see above."""
    text = _CONTROLS.sub(lambda match: f"\\x{ord(match[0]):02x}", plain_text(text))
    return f"'{text}" if _FORMULA.match(text) else text


def _cell(value: Any, kind: Kind) -> Any:
    if value is None:
        return ""
    if kind == "text":
        return csv_text(str(value))
    return str(value).lower() if isinstance(value, bool) else value


def _write_csv(path: Path, columns: Columns, records: Iterable[Record]) -> None:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        for record in records:
            writer.writerow([_cell(record.get(name), kind) for name, kind in columns.items()])


def _write_parquet(path: Path, columns: Columns, records: Iterable[Record]) -> None:
    arrow, parquet = need("pyarrow", extra="data"), need("pyarrow.parquet", extra="data")
    types = {"text": arrow.string(), "int": arrow.int64(), "float": arrow.float64(), "bool": arrow.bool_()}
    schema = arrow.schema([(name, types[kind]) for name, kind in columns.items()])
    with replacing(path) as temporary, parquet.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for batch in _batches(records):
            data = {n: [_value(record.get(n), kind) for record in batch] for n, kind in columns.items()}
            writer.write_table(arrow.table(data, schema=schema))


def _batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    for record in records:
        batch.append(record)
        if len(batch) == _GROUP:
            yield batch
            batch = []
    if batch:
        yield batch


def _value(value: Any, kind: Kind) -> Any:
    if value is None:
        return None
    if kind == "text":
        return plain_text(str(value))
    return float(value) if kind == "float" else value
