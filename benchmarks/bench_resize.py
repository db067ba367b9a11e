"""Rows of new tokens by every method: bits per byte right after `tokenizer.resize`, and after some training.

A seeded tiny model learns four languages and English in the tokens of an English tokenizer; the tokenizer is extended,
the model resized by each method, and trained on. What it is held against is the base itself, trained on in its old
tokens: on the same text in as many steps, so its rows are longer by as much as its tokens are more. Measured on FLORES
rows that nothing has seen; U+200B is removed.

    python benchmarks/bench_resize.py --data ../shared/data
    python benchmarks/bench_resize.py --methods mean distill --pretrain 100    # a look in two minutes
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

from lontar.core.artifact import Corpus, Model, Tokenizer
from lontar.core.config import Config
from lontar.core.executor import Resources
from lontar.core.job import Job
from lontar.core.records import Document
from lontar.core.shards import read_jsonl, write_json, write_jsonl
from lontar.core.stage import stage
from lontar.models.tiny import make_model
from lontar.tokenizer.base import open_base
from lontar.tokenizer.config import ExtendConfig, TrainConfig
from lontar.tokenizer.resize_config import ResizeConfig
from lontar.tokenizer.stages import extend, resize
from lontar.tokenizer.stages import train as train_tokenizer
from lontar.train.config import CptConfig
from lontar.train.stages import cpt

METHODS = ("mean", "last_weighted", "distill", "omp", "hewitt", "random")
# Characters of a training document: of longer ones only the beginning would be read.
DOCUMENT = 400


class TextConfig(Config):
    """Which text: a folder, languages, documents and held-out rows per language."""

    data: str
    languages: tuple[str, ...]
    documents: int
    heldout: int


@stage("bench.text", out=Corpus, version=1)
def make_text(job: Job, *, config: TextConfig) -> None:
    """Training text of the mono files, held-out rows of FLORES."""
    rows = [row for _, row in read_jsonl(Path(config.data) / "parallel" / "flores_sib200.jsonl.zst")][::5]
    for lang in config.languages:
        found = (plain(row["text"]) for _, row in read_jsonl(Path(config.data) / "mono" / f"{lang}.jsonl.zst"))
        cut = (text[i : i + DOCUMENT] for text in found for i in range(0, len(text), DOCUMENT))
        write(job.dir, "train", lang, list(islice((text for text in cut if text.strip()), config.documents)))
        held = [plain(row["text"] if lang == "en" else row["parallel"][lang]) for row in rows[: config.heldout]]
        write(job.dir, "heldout", lang, held)
    write_json(job.dir / "counts.json", {})
    job.add_license("CC-BY-SA-4.0", "mono and FLORES", 1)


class FreshConfig(Config):
    """Whether one matrix serves as input and output."""

    tied: bool


@stage("bench.fresh", out=Model, version=1)
def make_fresh(job: Job, tokenizer: Tokenizer, *, config: FreshConfig) -> None:
    """An untrained model."""
    made = open_base(tokenizer.path).tokenizer
    make_model(job.dir, "nano", tokenizer=made, seed=job.seed, tied=config.tied, normalization=("nfc",))


def plain(text: object) -> str:
    return str(text).replace("\u200b", "")


def write(folder: Path, split: str, lang: str, texts: Sequence[str]) -> None:
    documents = [Document(f"{split}-{lang}-{i}", t, lang, "bench", "CC-BY-SA-4.0").row() for i, t in enumerate(texts)]
    write_jsonl(folder / split / f"{lang}-00000.jsonl.zst", documents)


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory() as temporary:
        experiment = Experiment(options, Path(temporary))
        experiment.run(tied=not options.untied)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--languages", nargs="+", default=["my", "th", "km", "ta"])
    parser.add_argument("--documents", type=int, default=3000, help="training documents per language")
    parser.add_argument("--heldout", type=int, default=40, help="FLORES rows per language")
    parser.add_argument("--vocab", type=int, default=2048)
    parser.add_argument("--new-tokens", type=int, default=2048)
    parser.add_argument("--pretrain", type=int, default=300, help="steps of the base")
    parser.add_argument("--steps", type=int, default=60, help="steps of continued training")
    parser.add_argument("--seq-len", type=int, default=128, help="tokens of a row in the new tokenizer")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--untied", action="store_true", help="a model with a head of its own")
    parser.add_argument("--distill", nargs="*", default=["steps=150"], help="settings of distillation")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if not (options.data / "mono").is_dir():
        parser.exit(0, f"{options.data}: no such data; nothing to measure\n")
    return options


class Experiment:
    """The base, its tokenizers, and what becomes of it."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options, self.folder = options, folder
        self.given = {"seed": options.seed, "resources": Resources(device="cpu", threads=1)}
        self.langs = tuple(options.languages)
        config = TextConfig(
            data=str(options.data),
            languages=(*self.langs, "en"),
            documents=options.documents,
            heldout=options.heldout,
        )
        self.corpus = make_text(folder / "corpus", config=config)
        english = TrainConfig(vocab_size=options.vocab, languages=("en",))
        self.old = train_tokenizer(folder / "old", self.corpus, config=english)
        wanted = ExtendConfig(new_tokens=options.new_tokens, languages=self.langs, guard=("en",))
        self.new = extend(folder / "new", self.old, self.corpus, config=wanted)

    def run(self, tied: bool) -> None:
        """Print the table of one kind of model."""
        options, folder = self.options, self.folder / ("tied" if tied else "untied")
        folder.mkdir()
        base = self.base(folder, tied)
        ratio = self.ratio()
        print(f"{'tied' if tied else 'untied'}: the base has {ratio:.2f} times the tokens; bits per byte", flush=True)
        print(f"{'':24}" + "".join(f"{lang:>8}" for lang in self.langs) + "    mean       s")
        continued = self.continued(folder / "continued", base, round(options.seq_len * ratio))
        self.show("base", continued, "before", 0.0)
        self.show(f"base, step {options.steps}", continued, "after", 0.0)
        for method in options.methods:
            begin = time.perf_counter()
            made = resize.using(**self.given)(
                folder / method, base, self.new, self.corpus, config=self.settings(method)
            )
            seconds = time.perf_counter() - begin
            trained = self.continued(folder / f"{method}-trained", made, options.seq_len)
            self.show(method, trained, "before", seconds)
            self.show(f"{method}, step {options.steps}", trained, "after", 0.0)

    def base(self, folder: Path, tied: bool) -> Model:
        """A model that has learned all languages in the tokens of English."""
        fresh = make_fresh.using(**self.given)(folder / "fresh", self.old, config=FreshConfig(tied=tied))
        config = CptConfig(
            languages=(*self.langs, "en"), steps=self.options.pretrain, seq_len=512, batch=4, replay=0.0,
            eval_bytes=0, dtype="float32", lr=3e-3, matrix_lr=0.02,
        )  # fmt: skip
        return cpt.using(**self.given)(folder / "base", fresh, self.corpus, config=config)

    def settings(self, method: str) -> ResizeConfig:
        """Settings of one row of the table."""
        if method in ("mean", "last_weighted"):
            return ResizeConfig(method="mean", input=method, measure=0)
        learned = dict(one.split("=", 1) for one in self.options.distill) if method == "distill" else {}
        return ResizeConfig.model_validate(
            {"method": method, "measure": 0, **{k: json.loads(v) for k, v in learned.items()}}
        )

    def continued(self, place: Path, model: Model, seq_len: int) -> Mapping[str, float]:
        """Trained on: bits per byte before and after."""
        config = CptConfig(
            languages=self.langs,
            steps=self.options.steps,
            seq_len=seq_len,
            batch=8,
            replay=0.0,
            dtype="float32",
            eval_bytes=8000,
        )
        return cpt.using(**self.given)(place, model, self.corpus, config=config).manifest.metrics

    def ratio(self) -> float:
        """Tokens of the training text under the old tokenizer, per token of the new one."""
        old, new = (open_base(tokenizer.path) for tokenizer in (self.old, self.new))
        texts = [doc.text for lang in self.langs for doc in islice(self.corpus.documents("train", [lang]), 200)]
        return sum(len(old.encode(text)) for text in texts) / sum(len(new.encode(text)) for text in texts)

    def show(self, name: str, metrics: Mapping[str, float], when: str, seconds: float) -> None:
        """Print one row."""
        found = [metrics[f"bits_per_byte.{when}.{lang}"] for lang in self.langs]
        row = "".join(f"{value:8.3f}" for value in found)
        print(f"{name:24}{row}{sum(found) / len(found):8.3f}{seconds:8.1f}", flush=True)


if __name__ == "__main__":
    main()
