"""The work of `train.sft`: prove the template, tokenize, measure, train, measure, write the folder.

The same parts as pre-training, with chats in place of documents and, where a corpus is given, rows of its plain text
among them.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from lontar.core.artifact import Split
from lontar.core.job import Job
from lontar.core.manifest import sha256_bytes
from lontar.core.records import Chat
from lontar.core.shards import write_json, write_text
from lontar.errors import CapabilityError, ConfigError, DataError
from lontar.models.chat import ChatTemplate, open_chat, read_special_tokens
from lontar.models.files import read_json
from lontar.models.load import LoadedModel
from lontar.models.tiny import CHAT_TEMPLATE
from lontar.models.vocab import TURN, TURN_END
from lontar.train import driver, loop
from lontar.train.batches import Rows, Stream, mixture
from lontar.train.chat_tokens import Facts, round_trip, tokenize_chats, turn_end
from lontar.train.config import DEFAULT_EPOCHS, SftConfig
from lontar.train.evaluate import HeldOut, evaluate
from lontar.train.sft_report import TEXT, Lessons, Measured, Stores, report
from lontar.train.tokens import TokenStore

# Chats of each language on which training and serving are compared before anything is trained.
PROVEN = 3


def run(job: Job, base: LoadedModel, lessons: Lessons, config: SftConfig) -> None:
    """Train and write the finished folder."""
    chat, installed = template_of(base)
    prove(chat, lessons)
    stores = _stores(job, base, lessons, chat, config)
    shares = _shares(stores.train, lessons, config.temper)
    steps = config.steps or _steps(stores.train, lessons, config)
    stream = Stream(stores.train, shares, steps=steps, rows=config.batch, length=config.seq_len, seed=job.seed)
    before = _measured(job, "before", base, stores, config)
    watch = loop.Watch(lambda: _measure(base, stores, config).figures(), before.figures())
    state = loop.train(job, base.model, stream, config, steps, "fine-tune", watch)
    after = _measured(job, "after", base, stores, config)
    driver.write_model(job.dir, base.folder, base.model, lessons.normalization)
    write_chat_files(job.dir, base, chat, installed=installed)
    made = report(state, stream, stores, lessons, before, after)
    made["template"] = {"installed": installed, "sha256": sha256_bytes(chat.source.encode("utf-8"))}
    write_json(job.dir / driver.REPORT, made)
    names = ("label_tokens", "label_share", "replay_tokens")
    job.metric(**{f"train.{name}": float(str(made[name])) for name in names})


# --- the template ----------------------------------------------------------------------------------------------------


def template_of(base: LoadedModel) -> tuple[ChatTemplate, bool]:
    """The model's chat template; a plain one of turns, newly installed, where it has none.

    Raises:
        CapabilityError: it has none, and its tokenizer has no tokens that begin and end a turn.
    """
    if base.chat_template is not None:
        return open_chat(base.folder, base.tokenizer), False
    chat = ChatTemplate(CHAT_TEMPLATE, base.tokenizer, read_special_tokens(base.folder))
    if missing := [token for token in (TURN, TURN_END) if token not in chat.strictly_special]:
        raise CapabilityError(
            f"{base.folder}: the model has no chat template, and its tokenizer has no special token "
            f"{' and no '.join(missing)} to install one with",
            hint="add a chat_template.jinja that speaks with the tokens it has and adopt the folder again, or take a "
            "base whose tokenizer has them",
        )
    return chat, True


def write_chat_files(folder: Path, base: LoadedModel, chat: ChatTemplate, *, installed: bool) -> None:
    """The template where it is new, and the end of a turn among the tokens that end an answer."""
    end = turn_end(chat)
    if installed:
        write_text(folder / "chat_template.jinja", chat.source)
        path = folder / "tokenizer_config.json"
        known = read_json(path) if path.is_file() else {}
        write_json(path, {**known, "eos_token": base.tokenizer.id_to_token(end)})
    if end not in base.eos_ids:
        path = folder / "generation_config.json"
        known = read_json(path) if path.is_file() else {}
        write_json(path, {**known, "eos_token_id": [end, *base.eos_ids]})


def prove(chat: ChatTemplate, lessons: Lessons) -> None:
    """Compare training with serving on the first chats of every language.

    Raises:
        CapabilityError: they differ; names the chat.
    """
    for lang in lessons.learned:
        for record in islice(lessons.chats.chats("train", [lang]), PROVEN):
            try:
                round_trip(chat, record.messages, lessons.normalization)
            except (CapabilityError, DataError) as err:
                raise type(err)(f"{lessons.chats.path}: chat {record.id!r}: {err.message}", hint=err.hint) from err


# --- tokens ----------------------------------------------------------------------------------------------------------


def _stores(job: Job, base: LoadedModel, lessons: Lessons, chat: ChatTemplate, config: SftConfig) -> Stores:
    train, facts = chat_stores(job, lessons, chat, "train", lessons.learned, config.seq_len)
    _check_lengths(job, lessons, train, facts, config)
    present = set(lessons.chats.langs("heldout")) if config.eval_chats else set()
    codes = sorted(present & set(lessons.learned))
    answers, held = chat_stores(job, lessons, chat, "heldout", codes, config.seq_len, config.eval_chats)
    text: dict[str, TokenStore] = {}
    if lessons.corpus is not None:
        source = driver.Text(lessons.corpus, lessons.normalization, lessons.learned)
        kept = driver.token_stores(job, source, lessons.kept, "train", base) if lessons.kept else {}
        train |= {f"{TEXT}{lang}": store for lang, store in kept.items()}
        if lessons.measured:
            text = driver.token_stores(job, source, lessons.measured, "heldout", base, config.eval_bytes)
    return Stores(train, {lang: store for lang, store in answers.items() if len(store)}, text, facts, held)


def chat_stores(
    job: Job,
    lessons: Lessons,
    chat: ChatTemplate,
    split: Split,
    langs: Sequence[str],
    capacity: int,
    most: int | None = None,
) -> tuple[dict[str, TokenStore], dict[str, Facts]]:
    """Tokenized chats of each language and what became of them, made once per run; at most `most` of each."""

    def build(lang: str, folder: Path) -> None:
        records: Iterable[Chat] = islice(lessons.chats.chats(split, [lang]), most)
        store, facts = tokenize_chats(records, chat, lessons.normalization, capacity)
        store.save(folder)
        write_json(folder / "facts.json", dataclasses.asdict(facts))

    stores, facts = {}, {}
    with job.progress.task(f"tokenize {split} chats", total=len(langs), unit="languages") as task:
        for lang in langs:
            key = f"chats/{split}/{lang}"
            folder = job.unit(key, lambda folder, lang=lang: build(lang, folder), keep=False)  # type: ignore[misc]
            stores[lang] = TokenStore.load(folder)
            facts[lang] = Facts(**json.loads((folder / "facts.json").read_text(encoding="utf-8")))
            task.advance()
    return stores, facts


def _check_lengths(
    job: Job, lessons: Lessons, stores: Mapping[str, TokenStore], facts: Mapping[str, Facts], config: SftConfig
) -> None:
    """Say which chats are left out.

    Raises:
        DataError: nothing is left in a language, or the config asks to stop.
    """
    long = {lang: found for lang, found in facts.items() if found.too_long}
    if not long:
        return
    longest = max(found.longest for found in long.values())
    words = ", ".join(f"{lang} {found.too_long} of {found.too_long + found.examples}" for lang, found in long.items())
    what = f"chats of more than seq_len {config.seq_len} tokens (the longest has {longest}): {words}"
    empty = [lang for lang in long if not len(stores[lang])]
    if config.too_long == "stop" or empty:
        left = f"; nothing is left in {', '.join(empty)}" if empty else ""
        raise DataError(
            f"{lessons.chats.path}: {what}{left}", hint=f"raise seq_len to {longest}, or leave them out of the records"
        )
    job.progress.say(f"left out: {what}")


# --- rows and steps --------------------------------------------------------------------------------------------------


def _shares(stores: Mapping[str, TokenStore], lessons: Lessons, temper: float) -> dict[str, float]:
    sizes = {lang: stores[lang].n_read for lang in lessons.learned}
    replay = {f"{TEXT}{lang}": 1 for lang in lessons.kept}
    return mixture(sizes, lessons.weights, replay, lessons.replay, temper)


def _steps(stores: Mapping[str, TokenStore], lessons: Lessons, config: SftConfig) -> int:
    """Steps in which the chats are read `config.epochs` times, the replay not counted."""
    rows = sum(Rows(stores[lang], config.seq_len, (0,)).n_rows for lang in lessons.learned)
    wanted = (config.epochs or DEFAULT_EPOCHS) * rows / (1 - (lessons.replay if lessons.kept else 0.0))
    return max(1, math.ceil(wanted / config.batch))


# --- measuring -------------------------------------------------------------------------------------------------------


def _measure(base: LoadedModel, stores: Stores, config: SftConfig) -> Measured:
    return Measured(_answers(base, stores, config), _text(base, stores))


def _answers(base: LoadedModel, stores: Stores, config: SftConfig) -> dict[str, HeldOut]:
    # A chat is never cut into windows: all of it fits into a row.
    return evaluate(base.model, stores.answers, ends=False, context=config.seq_len, longest=config.seq_len)


def _text(base: LoadedModel, stores: Stores) -> dict[str, HeldOut]:
    return evaluate(base.model, stores.text, ends=base.end_id is not None, context=base.context_length)


def _measured(job: Job, when: str, base: LoadedModel, stores: Stores, config: SftConfig) -> Measured:
    """What the model does now, measured once per run."""
    found = driver.kept(job, f"answers-{when}.json", lambda: _answers(base, stores, config))
    job.metric(**{f"assistant_loss.{when}.{lang}": held.loss for lang, held in found.items()})
    return Measured(found, driver.measure(job, when, base.model, base, stores.text))


def check_context(base: LoadedModel, config: SftConfig) -> None:
    """A row has to fit into what the model can look back on.

    Raises:
        ConfigError: it does not.
    """
    if config.seq_len > base.context_length:
        raise ConfigError(
            f"seq_len {config.seq_len} is more than the {base.context_length} tokens of the model's context",
            hint=f"set seq_len to {base.context_length} or less",
        )
