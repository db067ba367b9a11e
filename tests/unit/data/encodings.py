"""Text as it stands in files of the wrong encoding: made from right text, for tests of what finds it."""

from __future__ import annotations

from lontar.text.zawgyi import to_zawgyi

__all__ = ["misread", "to_zawgyi"]


def misread(text: str, codec: str) -> str:
    """UTF-8 decoded as `codec`; bytes that it does not define become control characters, as browsers show them."""
    if codec == "gbk":
        return text.encode("utf-8").decode("gbk", "replace")
    return "".join(bytes([b]).decode(codec, "ignore") or chr(b) for b in text.encode("utf-8"))
