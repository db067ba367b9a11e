"""`eval.import`: take in tasks of the official benchmark with their rows, as a task pack.

Paths say only where the files are found; their hashes are what the fingerprint sees. Data sets of the hub enter by the
revision that was asked for, and the commits are recorded in `pack.json`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from lontar.core.artifact import TaskPack
from lontar.core.build import LOCATION
from lontar.core.config import Config, JsonObject
from lontar.core.job import Job
from lontar.core.license import from_sources
from lontar.core.manifest import sha256_file
from lontar.core.shards import write_bytes, write_json
from lontar.core.stage import stage


class ImportConfig(Config):
    """Settings of `eval.import`."""

    path: str = Field(json_schema_extra=LOCATION)
    """a checkout of the official repository, or a folder with tasks.yaml, templates/ and so on"""
    data: str | None = Field(default=None, json_schema_extra=LOCATION)
    """a folder with `<task>/<language>.jsonl` and `examples/<task>/<language>.jsonl`"""
    noncommercial: bool = False
    """take the data folder's `noncommercial/` too; the pack is then under its terms"""
    hub: bool = False
    """fetch the data sets that are not here from the Hugging Face hub"""
    revision: str = ""
    """commit of the official files, where the folder does not tell"""


def _uses(config: ImportConfig, inputs: dict[str, Any]) -> dict[str, str]:
    from lontar.eval.sea_helm.importing import source_files

    data = None if config.data is None else Path(config.data)
    files = source_files(Path(config.path), data, noncommercial=config.noncommercial)
    return {f"file:{name}": sha256_file(path) for name, path in files.items()} | ({"hub": "main"} if config.hub else {})


@stage("eval.import", out=TaskPack, version=1, uses=_uses)
def import_(job: Job, *, config: ImportConfig) -> None:
    """Take in the tasks of an official SEA-HELM copy with their rows, checked, and with their terms."""
    from lontar.eval.sea_helm import importing
    from lontar.eval.sea_helm.pack import COPY, OFFICIAL, PACK
    from lontar.scoring.official.copy import OfficialCopy

    folder = Path(config.path)
    converted = importing.write_official(folder, job.dir / OFFICIAL)
    copy = OfficialCopy.read(job.dir / OFFICIAL)
    write_json(job.dir / COPY, copy.json())
    revision = importing.revision_of(folder, config.revision)
    data = None if config.data is None else Path(config.data)
    places, notes = importing.places(folder, copy, data, noncommercial=config.noncommercial, hub=config.hub)
    with job.progress.task("import", total=len(copy.tasks), unit="tasks") as task:
        taken = importing.take(copy, places, task.advance)
    for name, rows in taken.files.items():
        write_bytes(job.dir / name, importing.lines(rows))
    job.add_license(importing.official_license(folder), importing.OFFICIAL_NAME, len(copy.tasks))
    for (spdx, source), n in taken.terms.items():
        job.add_license(spdx, source, n)
    facts: JsonObject = {
        "name": "sea-helm",
        "source": importing.kind_of(folder),
        "revision": revision,
        "license": from_sources(job.terms).model_dump(mode="json"),
        "tasks": {name: dict(entries) for name, entries in taken.tasks.items()},
        "problems": [*taken.problems],
        "notes": [*converted.notes, *notes],
    }
    write_json(job.dir / PACK, facts)
    entries = [entry for each in taken.tasks.values() for entry in each.values()]
    own = [len(rows) for name, rows in taken.files.items() if name.startswith("rows/")]
    job.metric(
        tasks=len(copy.tasks),
        task_languages=len(entries),
        with_rows=sum(bool(entry["rows"]) for entry in entries),
        rows=sum(own),
        problems=len(taken.problems),
    )
