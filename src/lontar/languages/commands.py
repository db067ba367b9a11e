"""`lontar text normalize`: it needs to know which languages there are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lontar.core.command import command
from lontar.core.config import JsonObject
from lontar.languages.find import all_languages, pipeline
from lontar.text import normalize_counted
from lontar.text.commands import read_texts


@command("text.normalize")
def normalize(file: Path, /, *, lang: str = "", names: str = "") -> Iterator[JsonObject]:
    """Bring texts to their normal form, and count what was changed.

    Prints {"id", "text", "edits": {kind: places}} for each row {id, text} of FILE, in order. A rule changes only the
    scripts that it is about, so that by default those of all languages apply, one after the other.

    Args:
        file: JSON lines, compressed when the name ends in .zst.
        lang: the rules of these languages only, as in "th,lo".
        names: these normalizers only, in this order, as in "nfc,zwsp"; `lontar list normalizers` names them.
    """
    codes = [code.strip() for code in lang.split(",") if code.strip()] or [each.code for each in all_languages()]
    steps = [name.strip() for name in names.split(",") if name.strip()] or pipeline(codes)
    for id_, text in read_texts(file):
        found = normalize_counted(text, steps)
        yield {"id": id_, "text": found.text, "edits": dict(found.edits)}
