"""From a row to a document: id, text, language, source, license, and the side of the split."""

from __future__ import annotations

import hashlib
import math
from typing import Any

from lontar.core.artifact import Split
from lontar.core.config import JsonObject, JsonValue
from lontar.core.license import check_spdx
from lontar.core.records import Document
from lontar.data.config import Heldout, Source
from lontar.data.readers import BadInputError, Entry
from lontar.errors import LicenseError

# Names that data sets give to parts that are not for training; taking them as held out errs on the safe side.
_SPLITS: dict[str, Split] = {
    "train": "train",
    **dict.fromkeys(("heldout", "test", "dev", "validation", "valid", "eval"), "heldout"),
}


def read_document(entry: Entry, source: Source) -> tuple[Document, Split | None]:
    """The document of an entry, its language tag as declared, and the side of the split its row names.

    Raises:
        BadInputError: a field is missing, has another type, or cannot be stored as UTF-8.
        LicenseError: neither the row nor the source names a license.
    """
    row = entry.row()
    text = _text(row, source.text_field, entry.where)
    name = _optional(row, "source", entry.where) or source.source or entry.locator.rpartition(":")[0]
    default_id = f"{source.source}/{entry.locator}" if source.source else entry.locator
    doc = Document(
        id=_id(row, entry.where) or default_id,
        text=text,
        lang=source.lang or _optional(row, "lang", entry.where) or _no_language(entry.where),
        source=name,
        license=_license(row, source, entry.where),
        meta={k: _plain(v) for k, v in sorted(row.items()) if k not in _TAKEN and k != source.text_field},
    )
    return doc, _split(row, entry.where)


_TAKEN = frozenset({"id", "text", "lang", "source", "license", "split"})


def _text(row: JsonObject, name: str, where: str) -> str:
    if name not in row:
        fields = ", ".join(sorted(row)) or "none"
        raise BadInputError(
            "missing_field", f"{where}: no field {name!r}", hint=f"its fields: {fields}; set text_field"
        )
    value = row[name]
    if not isinstance(value, str):
        raise BadInputError("not_text", f"{where}: field {name!r} must be text (got {type(value).__name__})")
    return _storable(value, name, where)


def _optional(row: JsonObject, name: str, where: str) -> str | None:
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise BadInputError("not_text", f"{where}: field {name!r} must be text (got {type(value).__name__})")
    return _storable(value, name, where) if value else None


def _id(row: JsonObject, where: str) -> str | None:
    value = row.get("id")
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else _optional(row, "id", where)


def _storable(text: str, name: str, where: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as err:
        raise BadInputError(
            "invalid_utf8", f"{where}: field {name!r} holds half a character (lone surrogate) at index {err.start}"
        ) from err
    return text


def _no_language(where: str) -> str:
    raise BadInputError(
        "missing_field", f"{where}: no field 'lang'", hint="add it to the rows, or `lang:` to the source in the config"
    )


def _license(row: JsonObject, source: Source, where: str) -> str:
    spdx = _optional(row, "license", where) or source.license
    if spdx is None:
        raise LicenseError(
            f"{where}: no license",
            hint="add a `license` field to the rows, or `license: SPDX-ID` to the source in the config "
            "(CC0-1.0, CC-BY-SA-4.0, ... or LicenseRef-NAME for terms of your own)",
        )
    return check_spdx(spdx, where)


def _split(row: JsonObject, where: str) -> Split | None:
    value = _optional(row, "split", where)
    if value is not None and value not in _SPLITS:
        raise BadInputError(
            "unknown_split", f"{where}: split {value!r} is not known", hint=f"one of {', '.join(_SPLITS)}"
        )
    return None if value is None else _SPLITS[value]


def _plain(value: Any) -> JsonValue:
    """A value as strict JSON: numbers that JSON lacks become null, other types their text."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    return str(value).encode("utf-8", "replace").decode("utf-8")


def side(heldout: Heldout, doc: Document, form: str) -> Split:
    """The side of the split, by hash.

    The seed takes no part, so that corpora built with different seeds hold out the same documents. `form` is the
    comparison form of the text, so that equal texts land on one side.
    """
    value = {"id": doc.id, "text": form, "source": doc.source}[heldout.by]
    digest = hashlib.sha256(b"heldout\0" + value.encode("utf-8")).digest()
    return "heldout" if int.from_bytes(digest[:8], "big") < heldout.share * 2**64 else "train"
