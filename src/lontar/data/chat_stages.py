"""`data.chats`: conversations to learn from, out of files of others or made here, each with its language and license.

Rows are read in order by one process: chats are few beside documents, and the first of two equal ones has to stay.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lontar import languages, samples
from lontar.core.artifact import Records, Split
from lontar.core.job import Job
from lontar.core.manifest import sha256_file
from lontar.core.shards import write_json
from lontar.core.stage import stage
from lontar.data.chat_config import ChatsConfig, ChatSource
from lontar.data.chat_taker import Opened, Taker
from lontar.data.config import Source
from lontar.data.counts import Counts
from lontar.data.readers import Entry, entries
from lontar.data.shard import Limit
from lontar.data.sources import Piece, find_files
from lontar.data.writer import CorpusWriter
from lontar.errors import DataError
from lontar.samples import skills

# A look at the clock and a line of progress cost more than reading a chat does.
_REPORT_EVERY = 256


def _uses(config: ChatsConfig, inputs: dict[str, Any]) -> dict[str, str]:
    """What the chats depend on: their files, the skills, the language files, Unicode's tables."""
    uses = {"unicode": unicodedata.unidata_version}
    codes: set[str] = set()
    for source in config.sources:
        if source.synthetic:
            made = synthetic_languages(source)
            uses |= {f"skills:{code}": skills.digest(code) for code in made}
            codes |= set(made)
            continue
        uses |= {f"file:{file.path}": _digest(file.path) for file in find_files(_files_of(source))}
        declared = [source.lang] if source.lang else source.langs
        codes |= set(declared or (language.code for language in languages.all_languages()))
    return uses | languages.digests(sorted(codes))


def _digest(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as err:
        raise DataError(f"{path}: cannot read: {err.strerror or err}") from err


def synthetic_languages(source: ChatSource) -> list[str]:
    """Languages that chats are made in, sorted.

    Raises:
        DataError: one is asked for that has no skills.
    """
    known = samples.languages("skills")
    chosen = known if source.langs is None else sorted(source.langs)
    if missing := sorted(set(chosen) - set(known)):
        raise DataError(f"no skills are written in {', '.join(missing)}", hint=f"there are some in {', '.join(known)}")
    return chosen


def _files_of(source: ChatSource) -> Source:
    """The source as the readers of documents know it."""
    return Source(
        jsonl=source.jsonl or "synthetic", lang=source.lang, langs=source.langs,
        license=source.license, source=source.source, limit_docs=source.limit,
    )  # fmt: skip


@stage("data.chats", out=Records, version=1, libraries=("icu4py", "regex", "zstandard"), uses=_uses)
def chats(job: Job, *, config: ChatsConfig) -> None:
    """Gather chats to train on: check every turn, normalize, drop duplicates, hold out a part."""
    taker = Taker(config)
    with job.progress.task("chats", unit="chats") as task, CorpusWriter(job.dir) as writer:
        for n, entry in enumerate(_entries(job, config), 1):
            taker.take(*entry, writer)
            if n % _REPORT_EVERY == 0:
                task.advance(_REPORT_EVERY)
                task.note(kept=taker.counts.kept, dropped=taker.counts.reasons.total())
    counts = taker.counts
    if not counts.kept:
        raise _empty(counts)
    write_json(job.dir / "counts.json", counts.json())
    job.metric(**{name.replace("docs.", "chats.", 1): value for name, value in counts.metrics().items()})
    for (spdx, source), n in sorted(counts.terms.items()):
        job.add_license(spdx, source, n)


def _entries(job: Job, config: ChatsConfig) -> Iterator[tuple[Entry, Opened]]:
    """Every row of every source, in order."""
    for source in config.sources:
        as_source = _files_of(source)
        limit = Limit(as_source)
        if source.synthetic:
            opened = Opened(source, as_source, limit, "openai")
            yield from ((entry, opened) for entry in _made(source, job.seed))
            continue
        for file in find_files(as_source):
            opened = Opened(source, as_source, limit, None if source.format == "auto" else source.format)
            yield from ((entry, opened) for entry in entries(as_source, Piece(file)))


def _made(source: ChatSource, seed: int) -> Iterator[Entry]:
    sides: tuple[tuple[Split, int], ...] = (("train", source.count), ("heldout", source.heldout))
    for lang in synthetic_languages(source):
        for skill in source.skills or skills.SKILLS:
            for split, count in sides:
                for row in skills.generate(lang, skill, count, split, seed):
                    name = str(row["id"])
                    yield Entry(f"skills/{name}", f"skills:{name}", 0, lambda row=row: row)  # type: ignore[misc]


def _empty(counts: Counts) -> DataError:
    reasons = ", ".join(f"{reason} {n}" for reason, n in counts.reasons.most_common()) or "no row was found"
    first = f"; the first: {counts.errors[0]}" if counts.errors else ""
    return DataError(f"no chat is left: {reasons}{first}", hint="check the sources and their languages")
