"""Language tags as people write them (`th`, `tha_Thai`, `zh-Hant`, `fil`) and the languages they name."""

from __future__ import annotations

import re
from functools import lru_cache

from lontar import languages
from lontar.errors import UnknownNameError
from lontar.languages import Language

UNDETERMINED = "und"
_TAG = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*\Z")


@lru_cache(maxsize=4096)
def language_of(tag: str) -> Language | None:
    """The language that a tag names, whatever script or region it adds; None when there is no language file."""
    for candidate in (tag, re.split("[-_]", tag)[0]):
        try:
            return languages.get(candidate)
        except UnknownNameError:
            continue
    return None


def tag_for_counts(tag: str) -> str:
    """A declared tag as it stands in the counts; what does not look like one is `und`."""
    return tag if len(tag) <= 35 and _TAG.match(tag) else UNDETERMINED
