"""What an extension promises, checked on the finished files; the stage fails when one promise does not hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from lontar.errors import ArtifactError
from lontar.models.files import read_chat_template
from lontar.tokenizer.base import Bpe, open_base, text_of
from lontar.tokenizer.check import BATCH, LOADERS, differences, loaded_ids, texts_of_all_languages
from lontar.tokenizer.extend import Extension

# Loading and comparing in transformers is slow; so many guard lines are a fair sample of one loader's behavior.
LOADER_LINES = 2000
_HINTS = {"AutoTokenizer": "the base's class changes its tokenizer when it is loaded; try pattern=keep"}


def audit(extension: Extension, texts: Iterable[str]) -> None:
    """Check the tokenizer itself: old ids, special tokens, reachable tokens, guarded text, round trip.

    Raises:
        ArtifactError: naming the first text or token that breaks a promise.
    """
    _old_ids(extension.original, extension.new)
    _reachable(extension)
    _guard(extension)
    _round_trip(extension.new, [*texts])


def _old_ids(base: Bpe, new: Bpe) -> None:
    for text, id_ in base.ids.items():
        if new.tokenizer.token_to_id(text) != id_:
            kind = "special token" if text in base.specials else "token"
            raise ArtifactError(f"{kind} {text!r} moved from id {id_} to {new.tokenizer.token_to_id(text)}")


def _reachable(extension: Extension) -> None:
    new = extension.new
    for token in extension.tokens:
        if not extension.counts.get(token) and new.split(token) != [token]:
            raise ArtifactError(f"new token {text_of(token)!r} cannot be reached: it comes out as {new.split(token)}")


def _guard(extension: Extension) -> None:
    lines = extension.guard.lines
    for start in range(0, len(lines), BATCH):
        batch = list(lines[start : start + BATCH])
        before, after = (
            bpe.tokenizer.encode_batch_fast(batch, add_special_tokens=False)
            for bpe in (extension.original, extension.new)
        )
        for line, old, new in zip(batch, before, after, strict=True):
            if old.ids != new.ids:
                raise ArtifactError(f"the ids of guarded text changed: {line[:80]!r}")


def _round_trip(new: Bpe, texts: Sequence[str]) -> None:
    for start in range(0, len(texts), BATCH):
        batch = list(texts[start : start + BATCH])
        ids = [found.ids for found in new.tokenizer.encode_batch_fast(batch, add_special_tokens=False)]
        for text, back in zip(batch, new.tokenizer.decode_batch(ids, skip_special_tokens=False), strict=True):
            if back != new.normalized(text):
                raise ArtifactError(f"text does not survive: {text[:80]!r} comes back as {back[:80]!r}")


def audit_files(folder: Path, base: Path, guard: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Check the folder as it will be loaded: chat template, the same ids in every loader, guarded text there too.

    Args:
        folder: the new tokenizer's files.
        base: the base's folder; its config.json decides which class a loader takes.
        guard: text whose ids must be the base's.
        texts: further text that all loaders must encode alike.

    Returns notes for the report.

    Raises:
        ArtifactError: naming loader and text.
    """
    if read_chat_template(folder) != read_chat_template(base):
        raise ArtifactError(f"{folder}: the chat template is not the base's")
    config = base / "config.json" if (base / "config.json").is_file() else None
    samples = [*texts_of_all_languages(), *texts, *guard[:LOADER_LINES]]
    if found := differences(folder, samples, config=config, loaders=LOADERS):
        raise ArtifactError(
            f"{len(found)} texts have other ids in another loader; first {found[0]}",
            hint=_HINTS.get(found[0].loader),
        )
    known = config is not None or (base / "tokenizer_config.json").is_file()
    return _same_as_loaded(folder, base, config, guard[:LOADER_LINES]) if known else []


def _same_as_loaded(folder: Path, base: Path, config: Path | None, guard: Sequence[str]) -> list[str]:
    """The base as its own class loads it, begin-of-text tokens included, against the new files."""
    old, new = loaded_ids(base, guard), loaded_ids(folder, guard, config=config)
    if old is None or new is None:
        return []
    bare = open_base(base)
    for line, before, after in zip(guard, old, new, strict=True):
        if before != after:
            if not _contains(before, bare.encode(line)):
                return ["the base's own class gives other ids than its tokenizer.json; the new files follow the latter"]
            raise ArtifactError(
                f"AutoTokenizer gives {line[:60]!r} other ids than the base's: {before[:6]} became {after[:6]}",
                hint="the base's class adds what its tokenizer.json does not say; write that into the file first",
            )
    return []


def _contains(ids: Sequence[int], part: Sequence[int]) -> bool:
    """Whether `part` stands in `ids` as it is, with or without tokens before and after."""
    return any(list(ids[i : i + len(part)]) == list(part) for i in range(len(ids) - len(part) + 1))
