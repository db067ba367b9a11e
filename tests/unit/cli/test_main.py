"""The door: help, exit codes, streams, hints."""

import json
import subprocess
import sys

import click
import pytest

from lontar.cli import main as entry
from lontar.errors import ConfigError, LicenseError, LontarError, MissingExtraError


def test_help_lists_every_command(cli):
    for option in ("--help", "-h"):
        result = cli(option)
        assert result.code == 0
        for name in [*entry.VERBS, *entry.FAMILIES]:
            assert f"\n  {name} " in result.out
        assert result.err == ""


def test_version(cli):
    result = cli("--version")
    assert result.code == 0
    assert result.out.startswith("lontar, version ")


@pytest.mark.parametrize("name", sorted([*entry.VERBS, *entry.FAMILIES]))
def test_every_command_has_help(cli, name):
    result = cli(name, "--help")
    assert result.code == 0
    assert result.out.startswith(f"Usage: lontar {name} ")
    assert result.err == ""


def test_the_tables_of_commands_are_right():
    from lontar.core.command import commands_of
    from lontar.core.stage import families, stages_of

    assert all(family in families() or commands_of(family) for family in entry.FAMILIES)
    hidden = [f for f in families() if f not in entry.FAMILIES and set(stages_of(f)) != {"adopt"}]
    assert not hidden, "families that --help does not show"
    for name in entry.VERBS:
        command = entry.cli.get_command(click.Context(entry.cli), name)
        assert isinstance(command, click.Command)
        assert command.name == name


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lits"], "did you mean list?"),
        (["daat", "build"], "did you mean data?"),
        (["data", "biuld"], "did you mean build?"),
        (["toy", "part"], "did you mean parts?"),
        (["zzzzzz"], "known: "),
        (["list", "langauges"], "languages"),
        (["--nothing"], "No such option"),
        (["show"], "Missing argument"),
        (["data", "build"], "Missing option"),
        (["toy", "parts", "--out"], "requires an argument"),
        ([], "Usage: lontar"),
    ],
)
def test_a_wrong_command_line_exits_2_and_helps(cli, arguments, words):
    result = cli(*arguments)
    assert result.code == 2
    assert words in result.err
    assert result.out == ""


def raising(error):
    @click.command()
    def command():
        raise error

    return command


@pytest.fixture
def failing(monkeypatch, cli):
    def call(error, *options):
        monkeypatch.setattr(entry.LazyGroup, "get_command", lambda self, ctx, name: raising(error))
        return cli(*options, "anything")

    return call


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("bad", hint="fix it"), 2),
        (MissingExtraError("bad", hint="fix it"), 3),
        (LicenseError("bad", hint="fix it"), 6),
        (LontarError("bad", hint="fix it"), 1),
    ],
)
def test_an_error_is_shown_with_its_hint_and_code(failing, error, code):
    result = failing(error)
    assert result.code == code
    assert result.out == ""
    assert result.err == "error: bad\nhint: fix it\n"
    assert "Traceback" in failing(error, "--debug").err


def test_an_error_without_a_hint(failing):
    assert failing(ConfigError("bad")).err == "error: bad\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_interruption_exits_130(failing, error):
    result = failing(error)
    assert result.code == 130
    assert "the same command goes on where it stopped" in result.err
    assert "Traceback" not in result.err


def test_what_nobody_expected_is_not_hidden(failing):
    with pytest.raises(ZeroDivisionError):
        failing(ZeroDivisionError())


def test_the_code_of_a_command_is_kept(monkeypatch, cli):
    @click.command()
    @click.pass_context
    def command(ctx):
        ctx.exit(5)

    monkeypatch.setattr(entry.LazyGroup, "get_command", lambda self, ctx, name: command)
    assert cli("anything").code == 5


def test_main_exits(monkeypatch):
    with pytest.raises(SystemExit) as caught:
        entry.main(["--version"])
    assert caught.value.code == 0
    monkeypatch.setattr(sys, "argv", ["lontar", "--nothing"])
    with pytest.raises(SystemExit) as caught:
        entry.main()
    assert caught.value.code == 2


def test_a_reader_that_goes_away_is_no_error():
    command = f"{sys.executable} -m lontar list stages --json | head -c 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert "Error" not in done.stderr
    assert done.stdout == "["


def test_as_a_module_with_a_wrong_recipe():
    done = subprocess.run(
        [sys.executable, "-m", "lontar", "run", "nanno", "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "did you mean nano?" in done.stderr


def test_doctor(cli):
    plain = cli("doctor")
    assert plain.code == 0
    assert "pydantic" not in plain.err
    assert "machine" in plain.out
    found = cli("doctor", "--json").json
    assert "torch" in found["extras"]["train"]
    assert found["machine"]["python"]


def test_doctor_says_what_to_install(cli, monkeypatch):
    from lontar.cli import doctor

    monkeypatch.setattr(doctor, "library_version", lambda name: "missing")
    assert "pip install 'lontar[train]'" in cli("doctor").out
    assert "accelerator" not in json.loads(cli("doctor", "--json").out)["machine"]


def test_doctor_knows_the_extras_that_there_are():
    from importlib.metadata import metadata

    from lontar.cli.doctor import EXTRAS

    assert set(EXTRAS) <= set(metadata("lontar").get_all("Provides-Extra"))
