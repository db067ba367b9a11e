"""`lontar eval parity`."""

from __future__ import annotations

from pathlib import Path

from lontar.core.command import Report, Table, command
from lontar.core.config import JsonObject
from lontar.errors import DataError, GateError, MissingExtraError
from lontar.eval import compare_commands, result_commands  # noqa: F401 - commands of this family

# Where a copy of the official files is looked for, from the folder of the vectors upwards.
MARK = "tasks.yaml"


@command("eval.parity")
def parity(folder: Path, /, *, official: str = "", data: str = "") -> Report:
    """Replay recorded cases of the official SEA-HELM code and say where our scores differ.

    Every JSON file of the folder is replayed through the scorers of compat mode. Exits with 8 when a case differs by
    more than 1e-6, and with 3 when a reference library is missing or not of the version that the cases were recorded
    with (`pip install 'lontar[seahelm]'`).

    Args:
        folder: vector files.
        official: your copy of the official files (tasks.yaml, templates, ifeval.yaml); without it the nearest one from
            the folder of the vectors upwards, or else ../shared/specs/sea-helm.
        data: folder with the data sets that examples come from; without it the nearest `data/seahelm` from the official
            files upwards.
    """
    from lontar.eval.parity import Setting, libraries, replay
    from lontar.scoring.official.copy import OfficialCopy

    files = sorted(folder.glob("*.json"))
    if not files:
        raise DataError(f"{folder}: no vector files", hint="give the folder that holds label_choice.json and so on")
    copy = OfficialCopy.read(Path(official) if official else _copy_near(folder))
    setting = Setting(copy, Path(data) if data else _data_near(copy.folder))
    done = {file.stem: replay(file, setting) for file in files}
    needed = libraries()
    wrong = [library for library in needed if library.installed != library.wanted]
    passed, total = sum(one.passed for one in done.values()), sum(one.total for one in done.values())
    value: JsonObject = {
        "files": {name: {"passed": one.passed, "total": one.total} for name, one in done.items()},
        "passed": passed,
        "total": total,
        "differences": {name: [*one.differences] for name, one in done.items() if one.differences},
        "libraries": {one.name: one.installed for one in needed},
    }
    tables = [
        Table(
            f"{passed} of {total} cases", ("file", "passed", "of"), [(n, o.passed, o.total) for n, o in done.items()]
        ),
        Table(
            "reference libraries", ("library", "installed", "wanted"), [(o.name, o.installed, o.wanted) for o in needed]
        ),
    ]
    notes = [f"{name}, {text}" for name, one in done.items() for text in one.differences]
    notes += [f"{one.name} {one.wanted} is wanted, found: {one.installed or 'nothing'}" for one in wrong]
    code = MissingExtraError.exit_code if wrong else GateError.exit_code if passed < total else 0
    return Report(value, tables, notes, code)


@command("eval.import-sea-helm")
def import_sea_helm(
    folder: Path, /, *, out: Path, data: str = "", noncommercial: bool = False, hub: bool = False, revision: str = ""
) -> Report:
    """Take in the official SEA-HELM tasks, with the rows that are at hand, as a task pack.

    FOLDER is a checkout of the official repository, or a folder with tasks.yaml, labels.yaml, suites.yaml, judges.yaml,
    ifeval.yaml and templates/. Nothing of a checkout is run. Rows are looked for in the checkout, then in the data
    folder, then, with --hub, among the data sets that the tasks name.

    Args:
        folder: the official files.
        out: folder of the pack to make.
        data: folder with `<task>/<language>.jsonl` and `examples/<task>/<language>.jsonl`; without it the nearest
            `data/seahelm` from FOLDER upwards.
        noncommercial: take `noncommercial/` of the data folder too; the pack is then under its terms.
        hub: fetch data sets from the Hugging Face hub; some ask for consent, and for a token.
        revision: commit of the official files, where FOLDER does not tell.
    """
    from lontar.eval.import_stages import ImportConfig, import_
    from lontar.eval.sea_helm.overview import overview
    from lontar.eval.sea_helm.pack import Pack

    near = Path(data) if data else _data_near(folder)
    config = ImportConfig(
        path=str(folder),
        data=None if near is None else str(near),
        noncommercial=noncommercial,
        hub=hub,
        revision=revision,
    )
    pack = Pack.open(import_(out, config=config))
    return overview(pack, pack.problems, pack.notes)


def _copy_near(folder: Path) -> Path:
    """The folder with the official files that is nearest to the vectors.

    Raises:
        DataError: there is none.
    """
    here = folder.resolve()
    for place in (here, *here.parents, Path.cwd().parent / "shared" / "specs" / "sea-helm"):
        if (place / MARK).is_file():
            return place
    raise DataError(f"{folder}: no {MARK} here or above", hint="name your copy of the official files with --official")


def _data_near(folder: Path) -> Path | None:
    places = (place / "data" / "seahelm" for place in folder.resolve().parents)
    return next((place for place in places if place.is_dir()), None)
