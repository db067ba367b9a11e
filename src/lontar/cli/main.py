"""The `lontar` command: a lazy group, and the one place where errors are caught and shown.

Commands are imported when they are used, so `lontar --help` costs about five bare interpreter starts. Results go to
standard output, everything else to standard error.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import traceback

import click

from lontar.errors import INTERRUPTED, LontarError

VERBS: dict[str, tuple[str, str]] = {
    "adopt": ("lontar.cli.artifacts:adopt", "Take in a model, tokenizer or endpoint from outside, with its license."),
    "chat": ("lontar.cli.chat:chat", "Talk to a model on the terminal, or to two side by side."),
    "demo": ("lontar.cli.demo:demo", "From text to a better model, measured, exported, served: in three acts."),
    "copy": ("lontar.cli.run:copy", "Copy a recipe that comes along to a file of yours."),
    "doctor": ("lontar.cli.doctor:doctor", "Say what is installed, what is missing and what this machine can do."),
    "list": ("lontar.cli.artifacts:list_", "List languages, stages, recipes, filters, scorers, tasks, backends, ..."),
    "run": ("lontar.cli.run:run", "Run a recipe."),
    "serve": ("lontar.cli.serve:serve", "Serve a model over an OpenAI-compatible HTTP interface."),
    "show": ("lontar.cli.artifacts:show", "Show an artifact or a run: manifest, metrics, lineage."),
    "verify": ("lontar.cli.artifacts:verify", "Re-hash an artifact or a run and compare with what was recorded."),
}
FAMILIES: dict[str, str] = {
    "data": "Build corpora.",
    "eval": "Evaluate models.",
    "export": "Export models.",
    "text": "Tell languages and encodings of texts, and bring them to their normal form.",
    "report": "Tell a run, or compare evaluations, on one page.",
    "tokenizer": "Train and extend tokenizers, resize models to them.",
    "train": "Train models.",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, without importing anything."""
        return sorted([*VERBS, *FAMILIES])

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import one command; a family's commands are made from its stages."""
        if name in VERBS:
            module, _, attribute = VERBS[name][0].partition(":")
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command
        from lontar.cli.stages import family_group

        return family_group(name, FAMILIES.get(name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print names and summaries from the tables above."""
        rows = sorted([*((name, text) for name, (_, text) in VERBS.items()), *FAMILIES.items()])
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Look a command up; an unknown one gets a near name as a hint."""
        from lontar.core.config import nearest

        if args and self.get_command(ctx, args[0]) is None:
            hint = nearest(args[0], self.list_commands(ctx)) or "lontar --help lists them"
            raise click.UsageError(f"no command called {args[0]!r}: {hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="lontar")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Take any open-weights LLM, make it provably better for Southeast Asia, and run it.

    Start with `lontar demo`.
    """
    ctx.obj = {"debug": debug}
    logging.basicConfig(level=logging.INFO if debug else logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with the error's code; see `lontar/errors.py` for the codes."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = run(arguments)
    except KeyboardInterrupt:  # a second one, while the first was being shown
        code = INTERRUPTED
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run the command line; returns the exit code."""
    try:
        result = cli.main(arguments, prog_name="lontar", standalone_mode=False)
    except LontarError as err:
        _show(err, debug="--debug" in arguments)
        return err.exit_code
    except click.ClickException as err:
        err.show()
        return err.exit_code
    except (KeyboardInterrupt, click.exceptions.Abort):
        click.echo("interrupted; the same command goes on where it stopped", err=True)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe went away: `lontar show ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except click.exceptions.Exit as err:
        return err.exit_code
    return result if isinstance(result, int) else 0  # click returns the code of `ctx.exit(code)`


def _show(err: LontarError, debug: bool) -> None:
    if debug:
        traceback.print_exception(err)
    click.echo(click.style("error: ", fg="red", bold=True) + err.message, err=True)
    if err.hint:
        click.echo(click.style("hint: ", fg="cyan", bold=True) + err.hint, err=True)
