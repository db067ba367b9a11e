"""The decisions that need all documents, taken in the order of the input: limits, duplicates, near duplicates.

One process does this over the outcomes of all shards, so the result never depends on how many workers there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from lontar.core.artifact import Split
from lontar.core.config import JsonObject
from lontar.data.config import BuildConfig
from lontar.data.counts import Counts
from lontar.data.decisions import decision, excerpt
from lontar.data.shard import Limit
from lontar.data.writer import CorpusWriter
from lontar.errors import DataError

if TYPE_CHECKING:
    from lontar.data.near import NearDuplicates


@dataclass
class Merger:
    """Takes outcomes one by one; stores, counts and records them."""

    config: BuildConfig
    limits: Sequence[Limit]
    writer: CorpusWriter
    counts: Counts = field(default_factory=Counts)
    _seen: dict[bytes, str] = field(default_factory=dict)
    """documents that stay, by the hash of what they are compared by; ids only where decisions name them"""

    def __post_init__(self) -> None:
        if self.config.decisions != "none":
            self.writer.open_decisions()
        self._near: NearDuplicates | None = None
        if (threshold := self.config.near_duplicates) is not None:
            from lontar.data.near import NearDuplicates

            self._near = NearDuplicates(threshold)

    def take(self, outcome: JsonObject, source: int) -> None:
        """Decide on one document of a source.

        Raises:
            DataError: more lines cannot be read than the config allows.
        """
        lang, size, reason = str(outcome["lang"]), int(str(outcome["in"])), outcome.get("reason")
        if (error := outcome.get("error")) is not None:
            self._drop(outcome, str(reason), error=str(error))
            if self.counts.n_errors > self.config.max_errors:
                raise _too_many(self.counts, self.config)
            return
        if reason != "not_selected" and not self.limits[source].admits(lang, size):
            return
        if reason is not None:
            self._drop(outcome, str(reason))
        elif found := self._duplicate(outcome):
            self._drop(outcome, *found)
        else:
            self._keep(outcome)

    def _duplicate(self, outcome: JsonObject) -> tuple[str, str] | None:
        """Why a document is left out for another one, and the id of that one; else it is remembered."""
        id_ = str(cast(JsonObject, outcome["row"])["id"])
        if self.config.duplicates == "drop":
            key = bytes.fromhex(str(outcome["key"]))
            if key in self._seen:
                return "duplicate", self._seen[key]
            self._seen[key] = "" if self.config.decisions == "none" else id_
        if self._near is not None:
            if (other := self._near.admit(id_, str(outcome["minhash"]))) is not None:
                # The exact copies of a near duplicate are near duplicates as well: let them be named so.
                self._seen.pop(bytes.fromhex(str(outcome["key"])), None)
                return "near_duplicate", other
        return None

    def _drop(self, outcome: JsonObject, reason: str, of: str | None = None, error: str | None = None) -> None:
        lang = str(outcome["lang"])
        self.counts.drop(lang, int(str(outcome["in"])), reason, error)
        if self.config.decisions != "none":
            row = cast(JsonObject, outcome.get("row", {}))
            id_, shown = outcome.get("id", row.get("id")), outcome.get("excerpt")
            told = excerpt(str(row["text"])) if shown is None else str(shown)
            self.writer.decide(decision(str(id_), lang, told, reason, of=of))

    def _keep(self, outcome: JsonObject) -> None:
        row, split = cast(JsonObject, outcome["row"]), cast(Split, outcome["split"])
        lang, edits = str(outcome["lang"]), cast(dict[str, int], outcome.get("edits", {}))
        stored = self.counts.keep(lang, int(str(outcome["in"])), row, split)
        self.counts.languages[lang].edited.update(edits.keys())
        self.writer.write(split, lang, row, stored)
        if self.config.decisions == "all":
            self.writer.decide(decision(str(row["id"]), lang, excerpt(str(row["text"])), edits=edits))


def _too_many(counts: Counts, config: BuildConfig) -> DataError:
    first = "\n".join(f"  {line}" for line in counts.errors[:5])
    return DataError(
        f"{counts.n_errors} lines cannot be read, max_errors is {config.max_errors}; the first:\n{first}",
        hint="repair the files, or raise max_errors",
    )
