"""`lontar show | verify | list | adopt`: the verbs that look at artifacts and registries."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from lontar.cli.render import console, json_option, lineage_json, lineage_tree, print_json, size, table
from lontar.core.artifact import Artifact, Evaluation
from lontar.core.config import Parsed, nearest, validate
from lontar.core.license import conflicts
from lontar.core.run import artifacts_in
from lontar.errors import IntegrityError, NotAnArtifactError, UnknownNameError

# --- show ------------------------------------------------------------------------------------------------------------


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--decisions", is_flag=True, help="Show what was decided on each document of a corpus, and why.")
@json_option
def show(path: Path, decisions: bool, as_json: bool) -> None:
    """Show an artifact, or every artifact of a run: manifest, metrics, license, cost, lineage."""
    found = [Artifact.open(folder) for folder in _folders(path)]
    if decisions:
        _show_decisions(found, as_json)
        return
    if as_json:
        rows = [{"manifest": a.manifest.model_dump(mode="json"), "lineage": lineage_json(a.lineage())} for a in found]
        print_json(rows if len(rows) != 1 else rows[0])
        return
    if len(found) > 1:
        rows_ = [(a.path.name, a.manifest.kind, a.manifest.stage, _bytes(a), a.digest[:12]) for a in found]
        console().print(table(str(path), ("step", "kind", "stage", "size", "content"), rows_, right=(3,)))
        return
    _show_one(found[0])
    _show_scores(found[0])


def _show_decisions(found: list[Artifact], as_json: bool) -> None:
    from lontar.cli.decisions import decisions_of, table_of

    rows = decisions_of(found)
    if as_json:
        print_json(rows if len(rows) > 1 else next(iter(rows.values())))
        return
    for name, decided in rows.items():
        console().print(table_of(name, decided))


def _show_scores(artifact: Artifact) -> None:
    """The scores of an evaluation, with their intervals."""
    from lontar.cli.summary import score_table

    if isinstance(artifact, Evaluation):
        console().print()
        console().print(score_table(artifact))


def _show_one(artifact: Artifact) -> None:
    m, out = artifact.manifest, console()
    made = f"{m.created:%Y-%m-%d %H:%M} UTC in {m.cost.seconds:.1f} s, {size(m.cost.peak_bytes)} peak"
    facts = [
        ("kind", m.kind),
        ("made by", f"{m.stage} v{m.stage_version}, seed {m.seed}, {made}"),
        ("content", m.digest),
        ("derivation", m.fingerprint),
        ("license", m.license.spdx),
        ("obligations", ", ".join(m.license.obligations) or "none"),
        ("payload", f"{len(m.files)} files, {_bytes(artifact)}"),
        ("complete", "yes" if m.complete else f"no: {len(m.failures)} items failed"),
        *(("conflict", text) for text in conflicts(m.license)),
        *(("failed", f"{item}: {reason}") for item, reason in list(m.failures.items())[:10]),
    ]
    out.print(table(str(artifact.path), ("", ""), facts))
    if m.config:
        out.print(table("\nconfig", ("", ""), [(k, _short(v)) for k, v in m.config.items()]))
    if m.metrics:
        out.print(table("\nmeasured", ("", ""), sorted(m.metrics.items()), right=(1,)))
    out.print("\n[bold]lineage[/]")
    out.print(lineage_tree(artifact.lineage()))


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 100 else text[:97] + "…"


def _bytes(artifact: Artifact) -> str:
    return size(sum(entry.bytes for entry in artifact.manifest.files.values()))


def _folders(path: Path) -> list[Path]:
    found = artifacts_in(path)
    if not found:
        what = "holds no finished artifact" if path.is_dir() else "no such folder"
        raise NotAnArtifactError(f"{path}: {what}", hint="give an artifact's folder or a run's")
    return found


# --- verify ----------------------------------------------------------------------------------------------------------


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@json_option
def verify(path: Path, as_json: bool) -> None:
    """Re-hash an artifact, or all of a run, and compare with what was recorded; exit code 4 on a difference."""
    results = {str(folder): _verified(folder) for folder in _folders(path)}
    problems = [f"  {Path(folder) / text}" for folder, texts in results.items() for text in texts]
    if as_json:
        print_json({"verified": results, "problems": len(problems)})
    elif not problems:
        files = sum(len(Artifact.open(folder).manifest.files) for folder in results)
        click.echo(f"{len(results)} artifacts, {files} files: all as recorded")
    if problems:
        count = f"{len(problems)} difference{'s' if len(problems) > 1 else ''} from what was recorded"
        raise IntegrityError(
            count + "\n" + "\n".join(problems), hint="rebuild the step, or restore the file from a copy"
        )


def _verified(folder: Path) -> list[str]:
    try:
        return Artifact.open(folder).verify()
    except IntegrityError as err:
        # A missing or resized file: open() names the first, hashing names all.
        from lontar.core.artifact import verify_payload
        from lontar.core.manifest import FILENAME, read_manifest

        try:
            manifest = read_manifest(folder / FILENAME)
        except IntegrityError:
            return [f"{FILENAME}: {err.message}"]
        return verify_payload(folder, manifest)


# --- list ------------------------------------------------------------------------------------------------------------

_REGISTRIES = {
    "aggregates": "lontar.scoring:aggregates",
    "extractors": "lontar.scoring:extractors",
    "filters": "lontar.data.filters:corpus_filter",
    "gates": "lontar.core.recipe:gates",
    "maskers": "lontar.data.maskers:maskers",
    "normalizers": "lontar.text:normalizers",
    "scorers": "lontar.scoring:scorers",
    "sentence-segmenters": "lontar.text:sentence_segmenters",
    "syllable-segmenters": "lontar.text:syllable_segmenters",
    "word-segmenters": "lontar.text:word_segmenters",
}


@click.command("list")
@click.argument("what", required=False)
@json_option
def list_(what: str | None, as_json: bool) -> None:
    """List what there is of one sort; without a name, list the sorts."""
    sorts = listings()
    if what is None:
        if as_json:
            print_json(sorted(sorts))
        else:
            click.echo("\n".join(sorted(sorts)))
        return
    if what not in sorts:
        raise UnknownNameError(f"nothing to list called {what!r}", hint=nearest(what, sorts))
    columns, rows = sorts[what]()
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        console().print(table(what, columns, rows))


Listing = tuple[tuple[str, ...], list[tuple[Any, ...]]]


def listings() -> dict[str, Callable[[], Listing]]:
    """Everything that can be listed, by name."""
    fixed: dict[str, Callable[[], Listing]] = {
        "backends": _backends,
        "languages": _languages,
        "recipes": _recipes,
        "stages": _stages,
        "suites": _suites,
        "tasks": _tasks,
    }
    return {**fixed, **{name: _registry_listing(target) for name, target in _REGISTRIES.items()}}


def _registry_listing(target: str) -> Callable[[], Listing]:
    def rows() -> Listing:
        module, _, attribute = target.partition(":")
        registry: Iterable[Any] = getattr(importlib.import_module(module), attribute)
        found = [(e.name, ", ".join(e.knobs.model_fields), "" if e.builtin else e.origin, e.summary) for e in registry]
        return ("name", "settings", "from", "what it does"), found

    return rows


def _languages() -> Listing:
    from lontar.languages import all_languages

    columns = ("code", "iso639_3", "name", "endonym", "script", "spaced", "digits")
    return columns, [
        (x.code, x.iso639_3, x.name, x.endonym, x.script, "yes" if x.spaced else "no", x.digits)
        for x in all_languages()
    ]


def _recipes() -> Listing:
    from lontar.core.config import load_yaml
    from lontar.core.recipe import builtin_recipes

    found = []
    for name, path in builtin_recipes().items():
        value = load_yaml(path).value
        found.append((name, str(value.get("description", "")) if isinstance(value, dict) else "", str(path)))
    return ("name", "what it does", "file"), found


def _stages() -> Listing:
    from lontar.core.stage import all_stages

    rows = []
    for stage in all_stages():
        inputs = ", ".join(f"{s.name}: {s.described}" for s in stage.inputs.values())
        rows.append((stage.name, inputs, stage.out.kind, stage.version, stage.summary))
    return ("name", "inputs", "makes", "version", "what it does"), rows


def _suites() -> Listing:
    from lontar.eval.task import find_suite, suite_files

    rows = [(name, len(find_suite(name).tasks), find_suite(name).description) for name in sorted(suite_files())]
    return ("name", "tasks", "what it is for"), rows


def _tasks() -> Listing:
    from lontar.eval.task import all_tasks

    rows = [(t.name, t.version, t.competency, t.scorer_name, len(t.languages) or "all", t.chance) for t in all_tasks()]
    return ("name", "version", "competency", "scorer", "languages", "chance"), rows


def _backends() -> Listing:
    from lontar.backends import all_backends

    return ("name", "what it runs"), [(name, text) for name, text in all_backends()]


# --- adopt -----------------------------------------------------------------------------------------------------------


@click.command()
@click.argument("kind")
@click.argument("source")
@click.option(
    "--license", "license_", metavar="SPDX", help="Terms of the material; needed when it does not state them."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to make.")
@json_option
def adopt(kind: str, source: str, license_: str | None, out: Path, as_json: bool) -> None:
    """Take in material of KIND from SOURCE, a path or hf:ORG/NAME@REVISION: hash it, check it, record its terms."""
    from lontar.core.recipe import adopt_config, adopters

    known = adopters()
    if kind not in known:
        raise UnknownNameError(f"nothing adopts a {kind!r}", hint=nearest(kind, known))
    stage = known[kind]
    config = validate(stage.config_type, adopt_config(source, license_), Parsed({}, f"adopt {kind}"))
    artifact = stage.run(out, {}, config)
    if as_json:
        print_json({"path": str(out), "manifest": artifact.manifest.model_dump(mode="json")})
    else:
        click.echo(
            f"{kind} in {out}: {artifact.manifest.license.spdx}, {_bytes(artifact)}, content {artifact.digest[:12]}"
        )
