"""`data.build`: a corpus from files. Workers turn shards into outcomes; one process merges them in order.

Outcomes of a shard are a scratch piece: a killed run takes up at the first shard that is missing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lontar import languages
from lontar.core.artifact import Corpus
from lontar.core.executor import Serial
from lontar.core.job import Job
from lontar.core.manifest import sha256_file
from lontar.core.progress import Task as ProgressTask
from lontar.core.shards import TEMPORARY, read_jsonl, write_json
from lontar.core.stage import stage
from lontar.data.chat_stages import chats  # noqa: F401 - a stage of this family
from lontar.data.config import BuildConfig, Source
from lontar.data.counts import Counts
from lontar.data.filters import compiled
from lontar.data.maskers import used
from lontar.data.merge import Merger
from lontar.data.shard import Limit, Task, work
from lontar.data.sources import Shard, SourceFile, find_files, plan
from lontar.data.writer import CorpusWriter
from lontar.errors import DataError
from lontar.samples import stories


def build_uses(config: BuildConfig, inputs: dict[str, Any]) -> dict[str, str]:
    """What a corpus depends on: its files, the language files, Unicode's tables, plug-in filters.

    Raises:
        DataError: a file is missing or cannot be read.
    """
    uses = {"unicode": unicodedata.unidata_version}
    for source in config.sources:
        for file in find_files(source):
            if source.synthetic:
                uses[f"synthetic:{file.name}"] = stories.digest(file.path.stem)
                continue
            try:
                uses[f"file:{_known_as(source, file)}"] = sha256_file(file.path)
            except OSError as err:
                raise DataError(f"{file.path}: cannot read: {err.strerror or err}") from err
    uses |= languages.digests(sorted(_possible_languages(config)))
    plugins = [("filter", use) for use in compiled(config.filters)] + [("masker", use) for use in used(config.mask)]
    uses |= {f"plugin:{noun}:{use.name}": use.entry.source_digest for noun, use in plugins if not use.entry.builtin}
    return uses


def _known_as(source: Source, file: SourceFile) -> str:
    """A name for the fingerprint; where the file lies does not matter when its name says which one it is."""
    return f"{source.hub}/{file.name}" if source.hub else file.name if source.sample else str(file.path)


def _possible_languages(config: BuildConfig) -> set[str]:
    """Languages that documents may be in, as far as the config tells; all of them when a source does not say."""
    found: set[str] = set()
    for source in config.sources:
        declared = [source.lang] if source.lang else source.langs or _stems(source)
        if not declared:
            return {language.code for language in languages.all_languages()}
        found |= set(declared)
    return found


def _stems(source: Source) -> list[str]:
    """Languages that the files of a packaged source are called after; none when any is called otherwise."""
    stems = [file.path.stem for file in find_files(source)] if source.kind in ("sample", "synthetic") else []
    codes = {language.code for language in languages.all_languages()}
    return stems if codes.issuperset(stems) else []


@stage("data.build", out=Corpus, version=1, libraries=("icu4py", "regex", "zstandard"), uses=build_uses)
def build(job: Job, *, config: BuildConfig) -> None:
    """Build a corpus from text, JSON-lines and Parquet files: normalize, filter, drop copies, mask, hold out a part."""
    shards = plan(config.sources)
    with job.progress.task("build", total=len(shards), unit="shards") as task, CorpusWriter(job.dir) as writer:
        counts = _merge(job, config, shards, writer, task)
    if not counts.kept:
        raise _empty(counts)
    write_json(job.dir / "counts.json", counts.json())
    job.metric(**counts.metrics())
    for (spdx, source), n in sorted(counts.terms.items()):
        job.add_license(spdx, source, n)


def _merge(job: Job, config: BuildConfig, shards: Sequence[Shard], writer: CorpusWriter, task: ProgressTask) -> Counts:
    merger = Merger(config, [Limit(source) for source in config.sources], writer)
    counts = merger.counts
    for shard, path in _outcomes(job, config, shards, merger.limits):
        for _, outcome in read_jsonl(path):
            merger.take(outcome, shard.source)
        task.advance()
        task.note(kept=counts.kept, dropped=counts.reasons.total())
    return counts


def _outcomes(
    job: Job, config: BuildConfig, shards: Sequence[Shard], limits: Sequence[Limit]
) -> Iterator[tuple[Shard, Path]]:
    """Each shard and its outcomes, in order: those of an earlier attempt, or made now by the workers.

    A shard whose source can give nothing more is left out; when that is decided makes no difference to the result.
    """
    names = [f"outcomes/{i:06d}.jsonl.zst" for i in range(len(shards))]
    done = {i for i, name in enumerate(names) if (job.scratch / name).exists()}
    tasks = (
        Task(i, shards[i], config, job.scratch / f"{TEMPORARY}{i:06d}.jsonl.zst")
        for i in range(len(shards))
        if i not in done and not limits[shards[i].source].exhausted
    )
    executor = (
        job.executor if len(shards) - len(done) > 1 else Serial()
    )  # one shard is not worth starting processes for
    made = executor.map(work, tasks)
    ready = next(made, None)
    for i, shard in enumerate(shards):
        if ready is not None and ready.index == i:
            yield shard, job.unit(names[i], ready.target.rename, keep=False)
            ready = next(made, None)
        elif i in done:
            yield shard, job.scratch / names[i]


def _empty(counts: Counts) -> DataError:
    reasons = ", ".join(f"{reason} {n}" for reason, n in counts.reasons.most_common()) or "no document was found"
    taken = sum(lang.taken.docs for lang in counts.languages.values())
    return DataError(
        f"nothing is left of {taken} documents: {reasons}",
        hint="loosen the filters that dropped them, or check the sources",
    )
