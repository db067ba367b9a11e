"""`train.pretrain`, `train.cpt` and `train.sft`: what goes in is checked here.

The work is in `driver.py`, `finetune.py` and `loop.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lontar import languages
from lontar.core.artifact import Corpus, Model, Records, Split, Tokenizer
from lontar.core.job import Job
from lontar.core.stage import stage
from lontar.errors import ConfigError, DataError
from lontar.models.files import united
from lontar.train.batches import mixture
from lontar.train.config import DEFAULT_REPLAY, CptConfig, LoopConfig, PretrainConfig, SftConfig
from lontar.train.tokens import TokenStore

LIBRARIES = ("numpy", "safetensors", "tokenizers", "torch", "transformers")


def _pretrain_uses(config: PretrainConfig, inputs: dict[str, Any]) -> dict[str, str]:
    return languages.digests(config.languages)


def _cpt_uses(config: CptConfig, inputs: dict[str, Any]) -> dict[str, str]:
    chosen = {*config.languages, *config.replay_languages} if config.languages else set(inputs["corpus"].langs())
    return languages.digests(chosen & set(inputs["corpus"].langs()))


def _sft_uses(config: SftConfig, inputs: dict[str, Any]) -> dict[str, str]:
    corpus = inputs["corpus"]
    text = {*corpus.langs("train"), *corpus.langs("heldout")} if corpus else set()
    return languages.digests({*_learned(inputs["chats"], config), *text})


@stage("train.pretrain", out=Model, version=2, libraries=LIBRARIES, uses=_pretrain_uses)
def pretrain(job: Job, corpus: Corpus, tokenizer: Tokenizer | None = None, *, config: PretrainConfig) -> None:
    """Train a small Qwen3 model from nothing, as a base to adapt; its tokenizer too, unless one is given."""
    from lontar.models.load import open_model
    from lontar.train import driver, loop

    if tokenizer is not None and config.vocab_size is not None:
        raise ConfigError(
            "vocab_size does not go with a given tokenizer", hint="its size is the tokenizer's: leave it out"
        )
    codes = _codes(config.languages)
    _require(corpus, codes, measured=config.eval_bytes > 0)
    weights = _weights(config, codes)
    text = driver.Text(corpus, languages.pipeline(codes), codes, measured=codes)
    with loop.exact(job.resources.threads, job.seed):
        source = job.unit(
            "base", lambda folder: driver.make_base(folder, text, config, job.seed, tokenizer), keep=False
        )
        base = open_model(source, device=job.resources.device, dtype="float32")
        stores = driver.token_stores(job, text, codes, "train", base)
        shares = mixture(_sizes(stores, codes), weights, {}, 0.0, config.temper)
        driver.run(
            job, source, text, config,
            steps=config.steps, shares=shares, stores=stores, base=base, name="pre-train", before=False,
        )  # fmt: skip


@stage("train.cpt", out=Model, version=2, libraries=LIBRARIES, uses=_cpt_uses)
def cpt(job: Job, model: Model, corpus: Corpus, *, config: CptConfig) -> None:
    """Continue the pre-training of a model on new languages, with replay of those it should keep."""
    from lontar.models.load import open_model
    from lontar.train import driver, loop

    learned, kept = chosen_languages(corpus, config)
    weights = _weights(config, learned)
    present = set(corpus.langs("heldout"))
    measured = tuple(sorted({*learned, *(code for code in _codes(config.replay_languages) if code in present)}))
    _require(corpus, (*learned, *kept), measured=config.eval_bytes > 0)
    with loop.exact(job.resources.threads, job.seed):
        base = open_model(model.path, device=job.resources.device, dtype="float32")
        loop.freeze(base.model, config.freeze)
        names = united(base.normalization, languages.pipeline((*learned, *kept)))
        text = driver.Text(corpus, names, learned, kept, measured)
        stores = driver.token_stores(job, text, (*learned, *kept), "train", base)
        shares = mixture(_sizes(stores, learned), weights, _sizes(stores, kept), config.replay, config.temper)
        driver.run(
            job, model.path, text, config,
            steps=config.n_steps, shares=shares, stores=stores, base=base, name="continue pre-training", before=True,
        )  # fmt: skip


@stage("train.sft", out=Model, version=1, libraries=("jinja2", *LIBRARIES), uses=_sft_uses)
def sft(job: Job, model: Model, chats: Records, corpus: Corpus | None = None, *, config: SftConfig) -> None:
    """Teach a model to answer: train on chats with loss on the assistant's tokens alone, and replay of plain text."""
    from lontar.models.load import open_model
    from lontar.train import finetune, loop
    from lontar.train.sft_report import Lessons

    learned = _learned(chats, config)
    kept, share = _replayed(corpus, config)
    measured = tuple(corpus.langs("heldout")) if corpus and config.eval_bytes else ()
    with loop.exact(job.resources.threads, job.seed):
        base = open_model(model.path, device=job.resources.device, dtype="float32")
        finetune.check_context(base, config)
        loop.freeze(base.model, config.freeze)
        lessons = Lessons(
            chats=chats,
            learned=learned,
            normalization=united(base.normalization, languages.pipeline((*learned, *kept))),
            weights=_weights(config, learned),
            corpus=corpus,
            kept=kept,
            replay=share,
            measured=measured,
        )
        finetune.run(job, base, lessons, config)


def _learned(chats: Records, config: SftConfig) -> tuple[str, ...]:
    """Languages of the chats to learn from, sorted.

    Raises:
        UnknownNameError: a language is unknown.
        DataError: there are no chats in it, or none at all.
    """
    found = chats.langs()
    learned = _codes(config.languages) or tuple(found)
    absent = [code for code in learned if code not in found]
    if absent or not learned:
        what = f" in {', '.join(absent)}" if absent else ""
        raise DataError(
            f"{chats.path}: no chats to train on{what}",
            hint=f"this split has: {', '.join(found) or 'nothing'}; `lontar data chats` makes such records",
        )
    return learned


def _replayed(corpus: Corpus | None, config: SftConfig) -> tuple[tuple[str, ...], float]:
    """Languages of the plain text among the chats, and its share of the rows.

    Raises:
        ConfigError: a replay is asked for without a corpus; DataError: the corpus lacks a language.
    """
    if corpus is None:
        if config.replay or config.replay_languages:
            raise ConfigError("replay needs a corpus", hint="give one as the input `corpus`, or set replay: 0")
        return (), 0.0
    share = DEFAULT_REPLAY if config.replay is None else config.replay
    kept = (_codes(config.replay_languages) or tuple(corpus.langs())) if share else ()
    if kept:
        _require(corpus, kept, measured=False)
    return kept, share if kept else 0.0


def chosen_languages(corpus: Corpus, config: CptConfig) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Languages to learn and languages to replay, sorted.

    Raises:
        UnknownNameError: a language is unknown.
        DataError: nothing is left to learn, or the corpus has no text to replay.
    """
    kept = _codes(config.replay_languages) if config.replay else ()
    learned = _codes(config.languages) or tuple(code for code in corpus.langs() if code not in kept)
    if not learned:
        raise DataError(
            f"{corpus.path}: nothing to learn: its languages are {', '.join(corpus.langs()) or 'none'}, all replayed",
            hint="add documents in another language, or name it under languages with replay: 0",
        )
    if absent := sorted(set(kept) - set(corpus.langs())):
        raise DataError(
            f"{corpus.path}: replay needs documents in {', '.join(absent)}, and the corpus has none",
            hint="add some (replay keeps what the model knows), name others under replay_languages, or set replay: 0",
        )
    return learned, kept


def _codes(names: Iterable[str]) -> tuple[str, ...]:
    """Our codes for language names, sorted, each once."""
    return tuple(sorted({languages.get(name).code for name in names}))


def _weights(config: LoopConfig, codes: Sequence[str]) -> dict[str, float]:
    """The given weights by our codes.

    Raises:
        ConfigError: they are not of exactly the languages that are learned.
    """
    weights = {languages.get(name).code: weight for name, weight in config.weights.items()}
    if weights and (wrong := sorted(set(codes) ^ weights.keys())):
        raise ConfigError(
            f"weights: {', '.join(wrong)} {'has a weight but is not learned' if wrong[0] in weights else 'has none'}",
            hint=f"languages to learn: {', '.join(codes)}; give each a weight, or none",
        )
    return weights


def _require(corpus: Corpus, codes: Sequence[str], *, measured: bool) -> None:
    splits: tuple[Split, ...] = ("train", "heldout") if measured else ("train",)
    for split in splits:
        found = corpus.langs(split)
        if absent := [code for code in codes if code not in found]:
            hint = f"this split has: {', '.join(found) or 'nothing'}"
            raise DataError(
                f"{corpus.path}: no {split} documents in {', '.join(absent)}",
                hint=hint if split == "train" else f"{hint}. eval_bytes: 0 trains without measuring",
            )


def _sizes(stores: dict[str, TokenStore], codes: Sequence[str]) -> dict[str, int]:
    return {code: stores[code].n_tokens for code in codes}
