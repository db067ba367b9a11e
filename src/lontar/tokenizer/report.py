"""What an extension changes, in numbers: per language, per new token, and in all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lontar.core.config import JsonObject
from lontar.models.vocab import token_bytes
from lontar.tokenizer.base import Bpe
from lontar.tokenizer.extend import Extension
from lontar.tokenizer.parity import broken_tokens, gini

Numbers = dict[str, dict[str, dict[str, float]]]


def measure(tokenizer: Bpe, sentences: Sequence[str]) -> dict[str, float]:
    """Lengths of sentences in tokens.

    Returns tokens per sentence, tokens per character (code point), UTF-8 bytes per token, and the share of tokens that
    begin or end within a character as readers see it.
    """
    encoded = tokenizer.tokenizer.encode_batch(list(sentences), add_special_tokens=False)
    tokens = sum(len(one.ids) for one in encoded)
    broken = sum(broken_tokens([token_bytes(token) for token in one.tokens])[0] for one in encoded)
    chars, size = sum(map(len, sentences)), sum(len(text.encode("utf-8")) for text in sentences)
    return {
        "tokens_per_sentence": tokens / max(1, len(sentences)),
        "tokens_per_character": tokens / max(1, chars),
        "bytes_per_token": size / max(1, tokens),
        "breaking": broken / max(1, tokens),
    }


def compare(old: Bpe, new: Bpe, sentences: Mapping[str, Sequence[str]]) -> Numbers:
    """`measure` per language before and after; `after` also has the ratio of tokens, after to before."""
    table: Numbers = {}
    for lang, texts in sorted(sentences.items()):
        before, after = measure(old, texts), measure(new, texts)
        ratio = after["tokens_per_sentence"] / max(1e-9, before["tokens_per_sentence"])
        table[lang] = {"before": before, "after": {**after, "ratio": ratio}}
    return table


def equality(table: Numbers) -> JsonObject:
    """Parity to English and the Gini coefficient of tokens per sentence, before and after; of parallel sentences."""
    found: JsonObject = {}
    for when in ("before", "after"):
        tokens = {lang: both[when]["tokens_per_sentence"] for lang, both in table.items()}
        english = tokens.get("en")
        parity: JsonObject = {lang: n / english for lang, n in tokens.items()} if english else {}
        found[when] = {"parity": parity, "gini": gini([*tokens.values()])}
    return found


def as_json(table: Numbers) -> JsonObject:
    """The table as plain JSON."""
    return {lang: {when: {**numbers} for when, numbers in both.items()} for lang, both in table.items()}


def token_rows(made: Extension) -> JsonObject:
    """Per new token: id, the base's pieces, rank among the new merges, script group, uses on the training text."""
    rows: JsonObject = {}
    rank = 0
    for script, merges in sorted(made.merges.items()):
        for left, right in merges:
            token = left + right
            rows[token] = {
                "id": made.new.vocab[token],
                "pieces": [*made.original.old_pieces(token)],
                "rank": rank,
                "group": script,
                "count": made.counts.get(token, 0),
            }
            rank += 1
    return rows


def summary(made: Extension, asked: int) -> JsonObject:
    """The extension in a few numbers."""
    return {
        "pattern": made.new.pattern,
        "pattern_before": made.original.pattern,
        "asked": asked,
        "added": len(made.new_ids),
        "used": sum(made.counts.get(token, 0) > 0 for token in made.new_ids),
        "groups": {script: len(merges) for script, merges in sorted(made.merges.items())},
        "dropped_for_guard": made.dropped,
        "freed": [made.original.vocab[token] for token in made.freed],
        "guard_lines": len(made.guard.lines),
        "guard_lines_left_out": made.guard.left_out,
    }


def notes(made: Extension, asked: int) -> list[str]:
    """What a reader should know before using the result."""
    found = [made.note] if made.note else []
    added = len(made.new_ids)
    if added < asked:
        found.append(f"the corpus supports {added} new tokens, {asked} were asked for")
    return found


def metrics(made: Extension, asked: int, table: Numbers) -> dict[str, float]:
    """Headline numbers for the manifest."""
    used = sum(made.counts.get(token, 0) > 0 for token in made.new_ids)
    found = {"tokens.asked": asked, "tokens.added": len(made.new_ids), "tokens.used": used}
    numbers = {name: float(value) for name, value in found.items()}
    for lang, both in table.items():
        for when in ("before", "after"):
            numbers[f"tokens_per_sentence.{when}.{lang}"] = round(both[when]["tokens_per_sentence"], 4)
        numbers[f"ratio.{lang}"] = round(both["after"]["ratio"], 4)
    return numbers
