"""Progress: silent, JSON lines, a terminal."""

import io
import json
import sys

from rich.console import Console

from lontar.core.progress import JsonLines, Reporter, Silent, Terminal


def rows(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def use(shown, prefix=""):
    reporter = Reporter(shown, prefix)
    with reporter.task("pack", total=4, unit="docs") as outer, reporter.task("read") as inner:
        outer.advance(3)
        outer.note(loss=2.345678, step="a [b]")
        inner.advance()
    reporter.say("done [x]")


def test_silence(capsys):
    use(Silent())
    assert capsys.readouterr() == ("", "")


def test_json_lines_tell_the_end_of_every_task():
    stream = io.StringIO()
    use(JsonLines(stream), prefix="base: ")
    inner, outer, said = rows(stream)
    assert outer == {**outer, "task": "base: pack", "docs": 3, "total": 4, "done": True, "loss": 2.345678}
    assert inner == {**inner, "task": "base: read", "items": 1, "total": None, "done": True}
    assert outer["seconds"] >= 0
    assert said == {"message": "base: done [x]"}


def test_json_lines_come_at_intervals():
    stream = io.StringIO()
    with Reporter(JsonLines(stream, interval_s=0)).task("pack") as task:
        for _ in range(3):
            task.advance()
    assert [row["items"] for row in rows(stream)] == [1, 2, 3, 3]
    assert [row["done"] for row in rows(stream)] == [False, False, False, True]
    stream = io.StringIO()
    with Reporter(JsonLines(stream, interval_s=60)).task("pack") as task:
        for _ in range(100):
            task.advance()
    assert len(rows(stream)) == 1


def test_what_json_does_not_know_is_shown_as_text():
    stream = io.StringIO()
    with Reporter(JsonLines(stream)).task("pack") as task:
        task.note(path=sys)
    assert "module 'sys'" in rows(stream)[0]["path"]


def test_json_lines_go_to_standard_error(capsys):
    JsonLines().say("สวัสดี")
    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err) == {"message": "สวัสดี"}


def test_a_terminal_shows_bars_and_takes_them_away():
    stream = io.StringIO()
    shown = Terminal(Console(file=stream, force_terminal=True, width=120))
    use(shown)
    text = stream.getvalue()
    assert "pack" in text
    assert "done [x]" in text
    with Reporter(shown).task("again", total=2, unit="docs") as task:
        task.advance()
        task.note(loss=2.345678, step="a")
        shown._bar.refresh()
    assert "again" in stream.getvalue()
    assert "loss 2.346  step a" in stream.getvalue()
    assert "1/2 docs" in stream.getvalue()
    shown.stop(Silent())


def test_a_task_ends_when_its_block_fails():
    stream = io.StringIO()
    try:
        with Reporter(JsonLines(stream)).task("pack") as task:
            task.advance()
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert rows(stream)[0]["done"]
