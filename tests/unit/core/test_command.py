"""Commands: functions behind verbs, found by family, with arguments and options from the signature."""

import json
from pathlib import Path

import pytest

from lontar.cli.commands import click_command
from lontar.core import command as registry
from lontar.core.command import Command, command, commands_of
from lontar.errors import ConfigError


@pytest.fixture(autouse=True)
def _apart(monkeypatch):
    commands_of("text")  # a module that is imported while the table is replaced would be lost
    monkeypatch.setattr(registry, "_COMMANDS", dict(registry._COMMANDS))


def greet(file: Path, count: int, /, *, loud: bool = False, tone: str | None = None):
    """Greet.

    Args:
        file: whom.
        count: how often,
            in words.
        loud: whether to shout.
        tone: in which tone.
    """
    for i in range(count):
        yield {"to": str(file), "loud": loud, "tone": tone, "n": i, "odd": "\ud800ส"}


def test_a_signature_is_a_command_line():
    found = Command("text.greet", greet)
    assert found.summary == "Greet."
    assert [(p.name, p.is_option, p.help) for p in found.parameters] == [
        ("file", False, "whom."),
        ("count", False, "how often, in words."),
        ("loud", True, "whether to shout."),
        ("tone", True, "in which tone."),
    ]


def test_rows_come_as_lines(capfdbinary):
    made = click_command(Command("text.greet", greet))
    made.main(["you", "2", "--loud", "--tone", "low"], standalone_mode=False)
    lines = capfdbinary.readouterr().out.splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["n"] for row in rows] == [0, 1]
    assert rows[0] == {"to": "you", "loud": True, "tone": "low", "n": 0, "odd": "\ud800ส"}


def test_rows_before_an_error_are_printed(capfdbinary):
    def some(file: Path, /):
        """Some."""
        yield {"a": 1}
        raise ConfigError("no more")

    with pytest.raises(ConfigError):
        click_command(Command("text.some", some)).main(["x"], standalone_mode=False)
    assert capfdbinary.readouterr().out == b'{"a":1}\n'


def test_names():
    command("text.greet")(greet)
    assert commands_of("text")["greet"].function is greet
    assert {"langid", "normalize", "zawgyi"} <= commands_of("text").keys()
    assert not commands_of("nothing")
    with pytest.raises(ConfigError, match=r"write <family>\.<verb>"):
        command("greet")(greet)
    with pytest.raises(ConfigError, match="defined twice"):
        command("text.greet")(lambda: [])
