"""E-mail addresses."""

from __future__ import annotations

import re

from lontar.data.maskers import maskers, replaced

# Lengths by RFC 5321; bounded, so that a long line without an @ costs linear time.
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+@-])[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9@])"
)


@maskers("email")
def email(text: str, /) -> tuple[str, int]:
    """Replace e-mail addresses by <email>."""
    return replaced(text, _EMAIL, "<email>") if "@" in text else (text, 0)
