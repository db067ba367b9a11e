"""`lontar eval export`, `lontar eval import-results`."""

from __future__ import annotations

from pathlib import Path

from lontar.core.command import Report, Table, command
from lontar.errors import ConfigError

FORMATS = ("official", "csv", "parquet", "lm-eval")


@command("eval.export")
def export(
    evaluation: Path,
    /,
    *,
    out: Path,
    format: str = "csv",
    side: str = "",
    contamination: Path | None = None,
    force: bool = False,
) -> Report:
    """Write the scores and samples of an evaluation in another form.

    Args:
        evaluation: folder of an evaluation.
        out: folder to write into; other files in it stay.
        format: official (the layout of SEA-HELM), csv, parquet (two tables, scores and samples), or lm-eval.
        side: model or baseline; tables hold both unless told otherwise, the other forms the model.
        contamination: result of `lontar eval contamination`, for the flags in the tables.
        force: replace files that are there already.
    """
    from lontar.core.artifact import Evaluation
    from lontar.eval.layouts.source import Source
    from lontar.eval.layouts.writing import export_into
    from lontar.eval.rows import MODEL

    if format not in FORMATS:
        raise ConfigError(f"--format {format!r} is unknown", hint=f"there are {', '.join(FORMATS)}")
    if out.suffix in (".csv", ".parquet", ".json", ".jsonl"):
        raise ConfigError(f"--out {out}: name a folder", hint="an export is several files with names of their own")
    source = Source.open(Evaluation.open(evaluation), contamination)
    sides = source.sides(side)

    def write(folder: Path) -> list[str]:
        if format == "official":
            from lontar.eval.layouts.official import write_official

            return write_official(source, folder, side or MODEL)
        if format == "lm-eval":
            from lontar.eval.layouts.harness import write_harness

            return write_harness(source, folder, side or MODEL)
        from lontar.eval.layouts.tables import write_tables

        return write_tables(source, folder, "csv" if format == "csv" else "parquet", sides)

    written = [str(path) for path in export_into(out, write, force=force)]
    return Report({"format": format, "written": [*written]}, [Table(format, ("written",), [(p,) for p in written])])


@command("eval.import-results")
def import_results(folder: Path, /, *, out: Path, pack: Path | None = None, license: str = "") -> Report:
    """Take in published results in the official layout as an evaluation, to rescore them or compare them with ours.

    Args:
        folder: folder of a model, with run_0 and so on in it.
        out: folder of the evaluation to make.
        pack: task pack, for answer tags, labels and what scoring again needs.
        license: SPDX identifier of the published answers.
    """
    from lontar.core.artifact import TaskPack
    from lontar.core.license import UNKNOWN
    from lontar.eval.layouts.source import read_object
    from lontar.eval.result_stages import AdoptResultsConfig, adopt_results

    config = AdoptResultsConfig(path=str(folder), license=license or UNKNOWN)
    opened = None if pack is None else TaskPack.open(pack)
    made = adopt_results(out, opened, config=config)
    rows = read_object(made.path / "scores.json")["rows"]
    cells = [(row["task"], row["lang"], row["n"], row["failed"], row["value"]) for row in rows]
    table = Table(str(made.path), ("task", "language", "rows", "failed", "value"), cells)
    notes = [] if pack else ["without --pack the rows lack labels and answer tags: they can be compared, not rescored"]
    return Report({"evaluation": str(made.path), "digest": made.digest, "rows": rows}, [table], notes)
