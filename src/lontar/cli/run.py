"""`lontar run` and `lontar copy`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lontar.cli.render import console, json_option, open_progress, print_json, progress_option, size, table
from lontar.core.recipe import find_recipe, load_recipe
from lontar.core.run import Done, RunOptions, plan
from lontar.core.run import run as run_recipe
from lontar.core.shards import write_text
from lontar.errors import ConfigError


@click.command()
@click.argument("recipe")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run.  [default: runs/RECIPE]")
@click.option("--plan", "only_plan", is_flag=True, help="Print what each step would do, and stop.")
@click.option("--set", "sets", multiple=True, metavar="STEP.config.KEY=VALUE", help="Change the recipe. Repeatable.")
@click.option("--input", "inputs", multiple=True, metavar="NAME=PATH", help="PATH or hf:ORG/NAME@REVISION. Repeatable.")
@click.option("--license", "licenses", multiple=True, metavar="NAME=SPDX", help="Terms of such an input. Repeatable.")
@click.option("--resources", default="", metavar="KEY=VALUE,...", help="device=cuda,workers=8; changes no result.")
@click.option("--rebuild", multiple=True, metavar="STEP", help="Move a finished step aside and make it again.")
@click.option("--reuse", multiple=True, type=click.Path(path_type=Path), help="Take equal steps from an earlier run.")
@click.option("--until", metavar="STEP", help="Stop after this step; only it and what it needs is made.")
@click.option("--allow-incomplete", is_flag=True, help="Accept steps some of whose items failed.")
@progress_option
@json_option
def run(recipe: str, out: Path | None, only_plan: bool, as_json: bool, shown: str, **given: Any) -> None:
    """Run a recipe: a file, or the name of one that comes along (`lontar list recipes`)."""
    loaded = load_recipe(
        recipe,
        sets=given["sets"],
        inputs=given["inputs"],
        licenses=given["licenses"],
        resources=[item for item in given["resources"].split(",") if item],
    )
    folder = out or Path("runs") / loaded.recipe.name
    options = RunOptions(
        rebuild=given["rebuild"],
        reuse=given["reuse"],
        until=given["until"],
        allow_incomplete=given["allow_incomplete"],
        progress=open_progress(shown),
        on_step=lambda step, what: click.echo(f"{step}: {what}", err=True),
    )
    if only_plan:
        _print_plan(loaded.recipe.name, folder, plan(loaded, folder, options), as_json)
        return
    done = run_recipe(loaded, folder, options)
    if as_json:
        print_json({"out": str(folder), "steps": [_step_json(item) for item in done]})
    else:
        print_run(loaded.recipe.name, done)


def _print_plan(name: str, folder: Path, planned: list[Any], as_json: bool) -> None:
    if as_json:
        print_json([{"step": p.step, "stage": p.stage, "status": p.status, "details": p.details} for p in planned])
        return
    rows = [(p.step, p.stage, p.status, "\n".join(p.details)) for p in planned]
    console().print(table(f"{name} in {folder}", ("step", "stage", "would", ""), rows))


def _step_json(item: Done) -> dict[str, Any]:
    manifest = item.artifact.manifest
    return {
        "step": item.step,
        "action": item.action,
        "path": str(item.artifact.path),
        "kind": manifest.kind,
        "digest": manifest.digest,
        "metrics": manifest.metrics,
        "cost": manifest.cost.model_dump(mode="json"),
        "complete": manifest.complete,
    }


def print_run(name: str, done: list[Done]) -> None:
    """The steps, then what the run measured, language by language."""
    from lontar.cli.summary import language_table

    out = console()
    rows = []
    for item in done:
        m = item.artifact.manifest
        made = item.action + ("" if m.complete else f", {len(m.failures)} items failed")
        rows.append((item.step, m.stage, made, f"{m.cost.seconds:.1f}", size(m.cost.peak_bytes), m.digest[:12]))
    out.print(table(name, ("step", "stage", "", "s", "peak", "content"), rows, right=(3, 4)))
    for part in language_table([item.artifact for item in done]):
        out.print()
        out.print(part)


@click.command()
@click.argument("recipe")
@click.argument("target", type=click.Path(path_type=Path))
@json_option
def copy(recipe: str, target: Path, as_json: bool) -> None:
    """Copy a recipe to a file of yours, to change it."""
    source = find_recipe(recipe)
    if target.exists():
        raise ConfigError(f"{target}: exists already", hint="choose another name")
    write_text(target, source.read_text(encoding="utf-8"))
    if as_json:
        print_json({"recipe": str(source), "copy": str(target)})
    else:
        click.echo(f"{target}  (run it: lontar run {target})")
