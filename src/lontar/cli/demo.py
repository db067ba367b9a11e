"""`lontar demo`: the recipe `tiny` told in three acts, with what there is to see after each of them.

Act 1 needs no torch. Everything shown is read from finished artifacts, so a second run tells the same in seconds.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from lontar.cli.render import console, table
from lontar.core.artifact import Artifact, Evaluation, Tokenizer
from lontar.errors import BackendError

BOXED = ("my", "km", "lo", "th", "ta")
ASKED = {"th": "digits", "id": "weekday", "my": "date", "km": "sentiment", "vi": "in_language", "ta": "copy"}
# Three tints in turn, dark text on them: the boxes can be told apart in color and in print.
TINTS = ("black on #d6e6f7", "black on #fbe3c0", "black on #d9efd9")
SERVER_START_S = 60


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/tiny"), show_default=True)
@click.option("--recipe", default="tiny", show_default=True, help="A copy of `tiny` of yours.")
@click.option("--act", "acts", type=click.IntRange(1, 3), multiple=True, help="Only this act; may be given again.")
def demo(out: Path, recipe: str, acts: tuple[int, ...]) -> None:
    """From text to a better model, seen, measured, exported and talked to: three acts on two cores."""
    begun = time.monotonic()
    told: dict[int, Callable[[Path, str], None]] = {1: act_1, 2: act_2, 3: act_3}
    for number in acts or sorted(told):
        started = time.monotonic()
        told[number](out, recipe)
        click.secho(f"\nact {number}: {time.monotonic() - started:.0f} s", dim=True)
    click.echo(
        f"\nAll of it: {time.monotonic() - begun:.0f} s, in {out}. Next:\n"
        f"  lontar chat {out}/export --against {out}/model   # the model beside the one before fine-tuning\n"
        f"  lontar show {out}/export                         # where it is from, to the last source and license\n"
        "  lontar copy tiny mine.yaml                       # change a line, run it: lontar run mine.yaml"
    )


def act_1(out: Path, recipe: str) -> None:
    """What cleaning finds, what a sentence costs in tokens, one flipped byte."""
    _headline("Act 1", "What is in the text, and what a sentence costs")
    cleaned = _run(recipe, out, "cleaned")["cleaned"]
    _show_decisions(cleaned)
    _run(recipe, out, "tokenizer")
    _show_tokens(Tokenizer.open(out / "english"), Tokenizer.open(out / "tokenizer"))
    _show_flipped_byte(out / "tokenizer")


def act_2(out: Path, recipe: str) -> None:
    """What training changes, in figures, and the page that tells it."""
    from lontar.cli.summary import language_table

    _headline("Act 2", "What training changes")
    made = list(_run(recipe, out, None).values())
    console().print()
    console().print(language_table(made)[0])
    for evaluation in (artifact for artifact in made if isinstance(artifact, Evaluation)):
        _show_scores(evaluation)
    report = out / "report" / "report.html"
    click.echo(f"\nThe whole story on one page: {report.resolve().as_uri()}")


def _show_scores(evaluation: Evaluation) -> None:
    """A line per task; the evaluation itself has every language with its interval."""
    from lontar.cli.summary import in_short

    name = evaluation.path.name
    rows = [(short.task, short.said, short.span, ", ".join(short.others)) for short in in_short(evaluation)]
    console().print()
    console().print(table(f"{name} (each with its interval: lontar show {evaluation.path})", ("", "", "", "not"), rows))


def act_3(out: Path, recipe: str) -> None:
    """The served model answers questions it has not seen, right or wrong."""
    _headline("Act 3", "Talk to it")
    click.echo("Questions with values that stand in no training question, over HTTP:\n")
    rows = []
    with _server(out / "export") as url:
        for lang, question, expected in _questions():
            answer = _ask(url, question)
            rows.append((lang, question, answer, "✓" if answer.strip() == expected else f"✗ {expected}"))
    console().print(table("", ("", "question", "answer", "right?"), rows))


def _headline(act: str, title: str) -> None:
    console().print(f"\n[bold]{act}[/]  {title}\n")


def _run(recipe: str, out: Path, until: str | None) -> dict[str, Artifact]:
    """Run the recipe, or as far as a step; artifacts by step."""
    from lontar.core.progress import Silent, Terminal
    from lontar.core.recipe import load_recipe
    from lontar.core.run import RunOptions
    from lontar.core.run import run as run_recipe

    shown = Terminal() if sys.stderr.isatty() else Silent()
    begun = time.monotonic()

    def say(step: str, what: str) -> None:
        click.secho(f"{time.monotonic() - begun:5.0f} s  {step}: {what}", dim=True, err=True)

    done = run_recipe(load_recipe(recipe), out, RunOptions(until=until, progress=shown, on_step=say))
    return {item.step: item.artifact for item in done}


# --- act 1


def _show_decisions(cleaned: Artifact) -> None:
    from lontar.cli.decisions import decisions_table

    console().print()
    console().print(decisions_table(cleaned, of_a_kind=1))
    click.echo(f"\nEach document and its reason: lontar show {cleaned.path} --decisions\n")


def _show_tokens(before: Tokenizer, after: Tokenizer) -> None:
    """One sentence per language as colored boxes, before and after."""
    from lontar import languages, samples
    from lontar.core.shards import read_jsonl
    from lontar.report.tokens import Encoder

    out, encoders = console(), [Encoder(tokenizer.path) for tokenizer in (before, after)]
    out.print("\n[bold]one sentence in tokens[/], with the English tokenizer and with the extended one\n")
    for code in BOXED:
        path = samples.path("parity") / f"{code}.jsonl"
        sentence = next(str(row["text"]) for _, row in read_jsonl(path) if row["split"] == "test")
        out.print(f"[bold]{code}[/] {languages.get(code).endonym}")
        for encoder in encoders:
            boxes = encoder.boxes(sentence)
            tinted = ((box.text, TINTS[i % len(TINTS)]) for i, box in enumerate(boxes))
            out.print(Text.assemble(f"{sum(len(box.pieces) for box in boxes):5d}  ", *tinted), soft_wrap=True)


def _show_flipped_byte(folder: Path) -> None:
    """Flip one byte in a copy; the original stays as it is."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / folder.name
        shutil.copytree(folder, copy)
        path = copy / "tokenizer.json"
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        problems = Artifact.open(copy).verify()
    click.echo("\nOne byte flipped in a copy of the tokenizer; `lontar verify` says:")
    for problem in problems:
        click.secho(f"  {problem}", fg="red")
    intact = Artifact.open(folder).verify()
    click.echo(f"and of the original: {'; '.join(intact) or 'intact'}")


# --- act 3


def _questions() -> Iterator[tuple[str, str, str]]:
    from lontar.samples import skills

    for lang, skill in ASKED.items():
        row: Any = next(skills.generate(lang, skill, 1, "heldout", seed=7))
        yield lang, row["messages"][0]["content"], row["answer"]


@contextmanager
def _server(model: Path) -> Iterator[str]:
    """`lontar serve` on a free port as a process of its own, for as long as the block lasts."""
    command = [sys.executable, "-m", "lontar", "serve", str(model), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        url = line.split()[0] if line.strip() else ""
        if not url.startswith("http"):
            raise BackendError(f"{model}: the server did not start", hint=f"lontar serve {model} tells why")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=SERVER_START_S)


def _ask(url: str, question: str) -> str:
    import json
    from urllib.request import Request, urlopen

    body = {
        "model": "export",
        "messages": [{"role": "user", "content": question}],
        "temperature": 0,
        "max_tokens": 48,
    }
    request = Request(
        f"{url.rstrip('/').removesuffix('/v1')}/v1/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=SERVER_START_S) as answer:
        found: Any = json.load(answer)
    return str(found["choices"][0]["message"]["content"])
