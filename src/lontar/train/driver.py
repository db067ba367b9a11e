"""What pre-training and continued pre-training share: tokenize, measure, train, measure, write the folder.

Every part that takes time is a unit, so a run that is killed takes up where it was; the payload is written last and
holds no timings.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lontar.core.artifact import Corpus, Split, Tokenizer
from lontar.core.config import JsonObject
from lontar.core.job import Job
from lontar.core.shards import write_json
from lontar.models.fast import Encoder
from lontar.models.files import read_json
from lontar.models.load import LoadedModel
from lontar.models.tiny import config_json, make_model
from lontar.models.vocab import read_tokenizer, train_bpe
from lontar.models.weights import INDEX, TensorInfo, read_index, torch_dtype, write_weights
from lontar.text import limited, normalize
from lontar.train import loop
from lontar.train.batches import Stream
from lontar.train.config import LoopConfig, PretrainConfig
from lontar.train.evaluate import HeldOut, evaluate
from lontar.train.tokens import TokenStore, require_documents, tokenize

REPORT = "training.json"
# A vocabulary of thousands does not change any more after so much text of a language.
BPE_BYTES = 50_000_000
# Of the source folder, what is written anew or would be untrue: the rest (tokenizer, chat template, terms) is copied.
_NOT_COPIED = ("config.json", "lontar.json", "README.md", REPORT, INDEX, "manifest.json")
_VISION = ("preprocessor_config.json", "processor_config.json")


@dataclass(frozen=True)
class Text:
    """What a run reads: which corpus, how it becomes tokens, which languages it learns and keeps."""

    corpus: Corpus
    normalization: tuple[str, ...]
    learned: tuple[str, ...]
    kept: tuple[str, ...] = ()
    """languages of the replay"""
    measured: tuple[str, ...] = ()
    """languages to measure on held-out text"""


def make_base(folder: Path, text: Text, config: PretrainConfig, seed: int, given: Tokenizer | None = None) -> None:
    """An untrained model with a tokenizer: the given one, or one learned from the text."""
    if given is None:
        texts = (t for lang in text.learned for t in limited(_texts(text, "train", lang), BPE_BYTES))
        tokenizer = train_bpe(texts, config.vocabulary)
    else:
        tokenizer = read_tokenizer(given.path)
    make_model(folder, config.size, "qwen3", tokenizer=tokenizer, seed=seed, normalization=text.normalization)


def _texts(text: Text, split: Split, lang: str) -> Iterator[str]:
    return (normalize(doc.text, text.normalization) for doc in text.corpus.documents(split, [lang]))


def token_stores(
    job: Job, text: Text, langs: Sequence[str], split: Split, base: LoadedModel, max_bytes: int | None = None
) -> dict[str, TokenStore]:
    """Tokenized documents of each language, made once per run.

    Raises:
        DataError: a language has no documents in this split.
    """
    encoder = Encoder(base.tokenizer)

    def build(lang: str, folder: Path) -> None:
        texts = _texts(text, split, lang)
        chosen = texts if max_bytes is None else limited(texts, max_bytes)
        tokenize(chosen, encoder, start=base.start_id, end=base.end_id).save(folder)

    stores = {}
    with job.progress.task(f"tokenize {split}", total=len(langs), unit="languages") as task:
        for lang in sorted(langs):
            key = f"tokens/{split}/{lang}"
            stores[lang] = TokenStore.load(job.unit(key, lambda folder, lang=lang: build(lang, folder), keep=False))  # type: ignore[misc]
            task.advance()
    require_documents(stores, text.corpus.path, split)
    return stores


def measure(job: Job, when: str, model: Any, base: LoadedModel, stores: Mapping[str, TokenStore]) -> dict[str, HeldOut]:
    """Bits per byte of each language, measured once per run."""
    held_out = kept(job, f"held-out-{when}.json", lambda: _evaluate(model, base, stores)) if stores else {}
    job.metric(**{f"bits_per_byte.{when}.{lang}": held.bits_per_byte for lang, held in held_out.items()})
    return held_out


def kept(job: Job, name: str, measured: Callable[[], Mapping[str, HeldOut]]) -> dict[str, HeldOut]:
    """What `measured` finds, measured once per run."""

    def build(path: Path) -> None:
        write_json(path, {lang: dataclasses.asdict(held) for lang, held in measured().items()})

    rows = json.loads(job.unit(name, build, keep=False).read_text(encoding="utf-8"))
    return {lang: HeldOut(**row) for lang, row in rows.items()}


def _evaluate(model: Any, base: LoadedModel, stores: Mapping[str, TokenStore]) -> dict[str, HeldOut]:
    return evaluate(model, stores, ends=base.end_id is not None, context=base.context_length)


def run(
    job: Job,
    source: Path,
    text: Text,
    config: LoopConfig,
    *,
    steps: int,
    shares: Mapping[str, float],
    stores: Mapping[str, TokenStore],
    base: LoadedModel,
    name: str,
    before: bool,
) -> None:
    """Train and write the finished folder."""
    limit = config.eval_bytes
    held = token_stores(job, text, text.measured, "heldout", base, limit) if limit else {}
    stream = Stream(stores, shares, steps=steps, rows=config.batch, length=config.seq_len, seed=job.seed)
    first = measure(job, "before", base.model, base, held) if before else {}
    watch = loop.Watch(lambda: figures(_evaluate(base.model, base, held)), figures(first)) if held else None
    state = loop.train(job, base.model, stream, config, steps, name, watch)
    last = measure(job, "after", base.model, base, held)
    write_model(job.dir, source, base.model, text.normalization)
    curves = series(state, figures(first), figures(last))
    write_json(job.dir / REPORT, {**report(state, stream, shares, first, last), "series": curves})


def figures(held_out: Mapping[str, HeldOut]) -> loop.Figures:
    """Bits per byte by language, under their name; nothing when nothing was measured."""
    found = {lang: held.bits_per_byte for lang, held in held_out.items()}
    return {"bits_per_byte": found} if found else {}


def series(state: loop.State, first: loop.Figures, last: loop.Figures) -> JsonObject:
    """Curves of a run: the loss of recorded steps, and what was measured before, between and after the steps.

    Every list under a measurement is as long as `steps`; step 0 is there when the model was measured before training.
    """
    points = [(0, first)] if first else []
    points += list(zip(state.measured_steps, state.measured, strict=True))
    points += [(state.step, last)] if last else []
    made: JsonObject = {"loss_steps": list(state.loss_steps), "loss": list(state.losses)}
    if points:
        made["steps"] = [step for step, _ in points]
    for name, values in points[-1][1].items() if points else ():
        made[name] = {lang: [round(found[name][lang], 6) for _, found in points] for lang in sorted(values)}
    return made


def report(
    state: loop.State,
    stream: Stream,
    shares: Mapping[str, float],
    before: Mapping[str, HeldOut],
    after: Mapping[str, HeldOut],
) -> JsonObject:
    """The run in figures: what was read, and bits per byte per language."""
    epochs = stream.epochs()
    languages: JsonObject = {}
    for lang in sorted({*shares, *after}):
        row: JsonObject = {"tokens": state.seen.get(lang, 0), "epochs": round(epochs.get(lang, 0.0), 4)}
        for when, found in (("before", before), ("after", after)):
            if lang in found:
                row[f"bits_per_byte_{when}"] = round(found[lang].bits_per_byte, 6)
                row |= {"heldout_bytes": found[lang].n_bytes, "heldout_tokens": found[lang].n_tokens}
        languages[lang] = row
    return {"steps": state.step, "loss": round(state.loss, 6), "languages": languages}


def write_model(folder: Path, source: Path, model: Any, normalization: Sequence[str]) -> None:
    """A complete folder: new weights in the types of the old ones, everything else from `source`."""
    config = read_json(source / "config.json")
    text_part = "text_config" in config
    for path in sorted(source.iterdir()):
        skipped = path.name in _NOT_COPIED or path.name.startswith(".") or (text_part and path.name in _VISION)
        if path.is_file() and path.suffix != ".safetensors" and not skipped:
            shutil.copyfile(path, folder / path.name)
    write_json(folder / "config.json", _text_config(model, config) if text_part else config)
    write_json(folder / "lontar.json", {"format": "safetensors", "normalization": list(normalization)})
    infos = _infos(untied(model), source)
    kinds = {info.name: info.dtype for info in infos}
    write_weights(folder, infos, lambda name: model.state_dict()[name].to(torch_dtype(kinds[name])))


def _text_config(model: Any, source: JsonObject) -> JsonObject:
    """Config of a language model that was taken out of a larger one."""
    made = config_json(model.config, type(model).__name__, str(source.get("dtype") or source.get("torch_dtype")))
    made.pop("_name_or_path", None)
    return {**made, "use_cache": True}


def untied(model: Any) -> dict[str, Any]:
    """Parameters by name, the head left out where it is the embedding."""
    tensors = dict(model.state_dict())
    table, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    if table.data_ptr() == head.data_ptr():
        tensors.pop("lm_head.weight", None)
    return tensors


def _infos(tensors: Mapping[str, Any], source: Path) -> list[TensorInfo]:
    old = read_index(source)
    kinds = [info.dtype for info in old.values()]
    usual = max(sorted(set(kinds)), key=kinds.count)
    stored = {name: old[name].dtype if name in old else usual for name in tensors}
    return [TensorInfo(name, source, stored[name], tuple(tensor.shape)) for name, tensor in sorted(tensors.items())]
