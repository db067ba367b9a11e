"""Stop texts in a stream: hold back what may be the beginning of one, never let one out."""

from __future__ import annotations

from collections.abc import Sequence


class StopFilter:
    """Passes text on until a stop text is complete; `stopped` is then true and everything after it is dropped."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""
        self.stopped = False
        self.matched = ""
        """the stop text that was found"""

    def push(self, text: str) -> str:
        """Take more text; return what can be shown."""
        if self.stopped:
            return ""
        self._held += text
        found = [(at, stop) for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if found:
            at, self.matched = min(found)
            self.stopped = True
            shown, self._held = self._held[:at], ""
            return shown
        keep = self._suspicious()
        shown, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return shown

    def flush(self) -> str:
        """The end of the text: what was held back turned out to be no stop text."""
        shown, self._held = self._held, ""
        return shown

    def _suspicious(self) -> int:
        """Length of the longest end of the held text that begins a stop text."""
        longest = max((len(stop) for stop in self._stops), default=1) - 1
        for n in range(min(longest, len(self._held)), 0, -1):
            if any(stop.startswith(self._held[-n:]) for stop in self._stops):
                return n
        return 0
