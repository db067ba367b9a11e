"""A command from each stage: one option per input artifact, `--out`, `--config FILE` and `key=value` overrides.

Settings are not flags: the help prints them as a table. Flags per field grow without end and freeze the code.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import click

from lontar.cli.commands import click_command
from lontar.cli.render import console, json_option, open_progress, print_json, progress_option, table
from lontar.core import plugins
from lontar.core.artifact import Artifact, Endpoint, Evaluation
from lontar.core.command import commands_of
from lontar.core.config import Config, Parsed, load_yaml, nearest, parse_assignment, validate
from lontar.core.executor import Resources
from lontar.core.stage import InputSpec, Stage, families, find_stage, stages_of
from lontar.errors import BackendError, ConfigError, UnknownNameError


def family_group(name: str, help_text: str | None) -> click.Group | None:
    """The group of all stages of a family, or None when there are none."""
    known = help_text or name in families() or stages_of(name) or commands_of(name)
    return StageGroup(name=name, help=help_text or f"Stages of {name}.") if known else None


class StageGroup(click.Group):
    """The stages of one family, and its commands that make no artifact."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the stages, without the family."""
        return sorted([*stages_of(self.name or ""), *commands_of(self.name or "")])

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of one stage; plug-ins are loaded when it is not one of ours."""
        if found := commands_of(self.name or "").get(name):
            return click_command(found)
        try:
            return stage_command(find_stage(f"{self.name}.{name}"))
        except UnknownNameError:
            return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Look a stage up; an unknown one gets a near name as a hint."""
        if args and self.get_command(ctx, args[0]) is None:
            hint = nearest(args[0], self.list_commands(ctx)) or f"lontar {self.name} --help lists them"
            raise click.UsageError(f"no stage called {args[0]!r}: {hint}", ctx)
        return super().resolve_command(ctx, args)


class StageCommand(click.Command):
    """A command whose help ends with the table of settings."""

    config_type: type[Config]

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the settings: name, type, default, meaning."""
        rows = [
            (f"{name} = {default}", f"{kind}. {meaning}".strip())
            for name, kind, default, meaning in fields_of(self.config_type)
        ]
        if rows:
            with formatter.section("Settings (key=value)"):
                formatter.write_dl(rows)


def fields_of(model: type[Config], prefix: str = "") -> list[tuple[str, str, str, str]]:
    """Name, type, default and meaning of every field; a config inside gives a row for each of its own, as `a.b`."""
    rows = []
    for name, info in ((prefix + name, info) for name, info in model.model_fields.items()):
        if isinstance(info.annotation, type) and issubclass(info.annotation, Config):
            rows += fields_of(info.annotation, f"{name}.")
            continue
        default = "(required)" if info.is_required() else repr(info.get_default(call_default_factory=True))
        rows.append((name, type_name(info.annotation), default, (info.description or "").replace("\n", " ")))
    return rows


def type_name(kind: Any) -> str:
    """A type as people read it: without modules and validators."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return type_name(inner[0])
    if origin is Literal:
        return " | ".join(map(str, inner))
    if origin in (Union, UnionType):
        return " | ".join(map(type_name, inner))
    if inner:
        return f"{type_name(origin)}[{', '.join(map(type_name, inner))}]"
    if kind is Ellipsis or kind is type(None):
        return "..." if kind is Ellipsis else "none"
    return str(getattr(kind, "__name__", kind))


def stage_command(stage: Stage[Any, Any]) -> click.Command:
    """The command of a stage."""
    options: list[click.Parameter] = [
        click.Option(
            [f"--{spec.name.replace('_', '-')}", spec.name],
            required=spec.required,
            multiple=spec.many,
            type=str,
            metavar="PATH|URL#MODEL" if Endpoint in spec.kinds else "PATH",
            help=f"A finished {spec.described}.",
        )
        for spec in stage.inputs.values()
    ]
    made = StageCommand(
        stage.name.partition(".")[2],
        params=[*options, *_common_parameters()],
        help=stage.summary,
        callback=json_option(progress_option(lambda **given: run_stage(stage, **given))),
    )
    made.params += getattr(made.callback, "__click_params__", [])
    made.config_type = stage.config_type
    return made


def _common_parameters() -> list[click.Parameter]:
    return [
        click.Option(["--out"], required=True, type=click.Path(path_type=Path), help="Folder to make."),
        click.Option(["--config", "config_file"], type=click.Path(path_type=Path), help="YAML file with settings."),
        click.Option(["--seed"], type=int, default=0, show_default=True, help="Seed of all randomness."),
        click.Option(["--resources"], default="", help="device=cuda,workers=8: recorded, changes no result."),
        click.Option(["--rebuild"], is_flag=True, help="Move a finished artifact aside and make it again."),
        click.Option(["--allow-incomplete"], is_flag=True, help="Accept inputs some of whose items failed."),
        click.Argument(["settings"], nargs=-1, metavar="[KEY=VALUE]..."),
    ]


def run_stage(stage: Stage[Any, Any], **given: Any) -> None:
    """Make the artifact and print where it is and what was measured."""
    config = read_config(stage.config_type, given["config_file"], given["settings"])
    inputs = {spec.name: _open_input(given[spec.name], spec) for spec in stage.inputs.values()}
    ready = stage.using(
        seed=given["seed"],
        resources=read_resources(given["resources"]),
        rebuild=given["rebuild"],
        allow_incomplete=given["allow_incomplete"],
        progress=open_progress(given["shown"]),
    )
    artifact = ready.run(given["out"], inputs, config)
    if given["as_json"]:
        print_json({"path": str(artifact.path), "manifest": artifact.manifest.model_dump(mode="json")})
    else:
        _print_made(artifact)
    if isinstance(artifact, Evaluation) and (failures := artifact.manifest.failures):
        item, reason = next(iter(failures.items()))
        click.echo(
            f"incomplete: {len(failures)} items failed, the first {item}: {reason}\n"
            "what was done is kept; the same command tries them again",
            err=True,
        )
        raise SystemExit(BackendError.exit_code)


def _print_made(artifact: Artifact) -> None:
    out = console()
    out.print(f"{artifact.manifest.kind} in {artifact.path}  [dim]{artifact.digest[:12]}[/]")
    if isinstance(artifact, Evaluation):
        from lontar.cli.summary import cost_table, score_table

        out.print(score_table(artifact))
        out.print(cost_table(artifact))
    elif artifact.manifest.metrics:
        out.print(table("measured", ("name", "value"), sorted(artifact.manifest.metrics.items()), right=(1,)))


def _open_input(value: Any, spec: InputSpec) -> Any:
    if spec.many:
        return tuple(_open_one(path, spec) for path in value)
    return None if value is None else _open_one(value, spec)


def _open_one(value: str, spec: InputSpec) -> Artifact:
    """A finished artifact; the URL of a server, where a remote model may stand, is adopted on the way."""
    if value.startswith(("http://", "https://")) and Endpoint in spec.kinds:
        from lontar.backends.http import base_url
        from lontar.backends.stages import EndpointConfig, adopt, only_model

        if "#" not in value:
            value = f"{value}#{asyncio.run(only_model(base_url(value)))}"
        name = hashlib.sha256(value.encode()).hexdigest()[:16]
        return adopt(plugins.home() / "endpoints" / name, config=EndpointConfig(path=value))
    return Artifact.open(Path(value))


def read_config(model: type[Config], file: Path | None, settings: tuple[str, ...]) -> Config:
    """Defaults, then the file, then the overrides.

    Raises:
        ConfigError: listing every mistake.
    """
    parsed = load_yaml(file) if file else Parsed({}, "settings")
    if parsed.value is not None and not isinstance(parsed.value, dict):
        raise ConfigError(f"{parsed.source}: expected a mapping of settings")
    for text in settings:
        path, value = parse_assignment(text)
        parsed = parsed.assigned(path, value, text)
    return validate(model, parsed.value, parsed)


def read_resources(text: str) -> Resources:
    """`device=cuda,workers=8` as Resources."""
    parsed = Parsed({}, "--resources")
    for item in filter(None, text.split(",")):
        path, value = parse_assignment(item)
        parsed = parsed.assigned(path, value, f"--resources {item}")
    return validate(Resources, parsed.value, parsed)
