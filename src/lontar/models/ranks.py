"""A byte-level BPE in tiktoken's form, `ranks.tiktoken`: only where it provably gives the same ids.

tiktoken merges any two neighbors whose bytes are in its ranks, lowest id first, and looks a whole word up before it
merges. Byte-level BPE merges listed pairs only, in the order of the list. Both end alike if (1) merging the bytes of a
ranked token alone, by the list, gives that token; (2) the parts of a merge have lower ids than its result and are made
earlier in the list; (3) two merges that stand in one order in the list and in the other by their ids do not overlap:
neither ends with the part that the other begins with. An extension that gives an old id a new merge needs (3).

Proof, by induction over tiktoken's steps: each is one that the list's run over the same text makes too. Let tiktoken
merge neighbors x, y to T. Within the bytes of T only steps of T's own derivation have been made, all but the last; by
(1) that is unique, so (x, y) is listed. The list's run has x and y side by side at some time, since the steps that made
them are its own. Suppose that it then merges y with its right neighbor z instead (or x with its left one), to U. So U
is before T in the list, and by (3) also by ids; had z been there, tiktoken would have made U first. A step that makes z
or a part of it is then still open to tiktoken, and by (2) it has a lower id than U, hence than T: it would have come
first. A whole word that is found in the ranks is by (1) what merging gives.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lontar.core.extras import need
from lontar.core.shards import write_bytes
from lontar.errors import DataError
from lontar.models.files import read_json
from lontar.models.vocab import split_pattern, token_bytes

__all__ = ["RANKS", "encoding", "load_ranks", "mergeable_ranks", "write_ranks"]

RANKS = "ranks.tiktoken"
_UNSET = ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback")


def write_ranks(folder: Path) -> str | None:
    """Write `ranks.tiktoken` beside a tokenizer.json: a token in base64 and its rank, which is its id, on each line.

    The pattern and the special tokens are those of tokenizer.json. A file that is there already is replaced.

    Returns why nothing was written (and what was there is gone), None when it was.

    Raises:
        NotAnArtifactError: there is no tokenizer.json.
        DataError: it is damaged.
    """
    try:
        ranks = mergeable_ranks(read_json(folder / "tokenizer.json"))
    except NoRanksError as err:
        (folder / RANKS).unlink(missing_ok=True)
        return str(err)
    lines = (b"%s %d\n" % (base64.b64encode(token), rank) for token, rank in sorted(ranks.items(), key=lambda r: r[1]))
    write_bytes(folder / RANKS, b"".join(lines))
    return None


def load_ranks(folder: Path) -> Any:
    """The `tiktoken.Encoding` of a folder that has ranks and the tokenizer.json that they were made from.

    Raises:
        NotAnArtifactError: there is no tokenizer.json.
        DataError: there are no ranks, they are damaged, or not those of the tokenizer.json beside them.
        MissingExtraError: tiktoken is not installed.
    """
    tree, path = read_json(folder / "tokenizer.json"), folder / RANKS
    try:
        pairs = [line.split() for line in path.read_bytes().splitlines()]
        found = {base64.b64decode(token, validate=True): int(rank) for token, rank in pairs}
    except (OSError, ValueError) as err:
        raise DataError(f"{path}: no ranks can be read from it: {err}", hint="write them again") from err
    if found != mergeable_ranks(tree):
        raise DataError(f"{path}: not the ranks of the tokenizer.json beside it", hint="write them again")
    return encoding(tree, found)


def encoding(tree: Any, ranks: Mapping[bytes, int] | None = None) -> Any:
    """A tokenizer.json as `tiktoken.Encoding`; for text that the tokenizer's normalizer has seen.

    Args:
        tree: of the tokenizer.json.
        ranks: what `mergeable_ranks` says, where that is known.

    Raises:
        NoRanksError: the ids would not be the same.
        MissingExtraError: tiktoken is not installed.
    """
    library = need("tiktoken", extra="train")
    ranks = mergeable_ranks(tree) if ranks is None else ranks
    specials = {token["content"]: token["id"] for token in tree.get("added_tokens") or []}
    return library.Encoding("lontar", pat_str=split_pattern(tree), mergeable_ranks=dict(ranks), special_tokens=specials)


class NoRanksError(DataError):
    """The tokenizer has no form in tiktoken that gives the same ids."""


def mergeable_ranks(tree: Any) -> dict[bytes, int]:
    """Id by bytes of all tokens that tiktoken may make.

    Two seconds for 150,000 tokens. Left out are tokens that merges never lead to, unless the tokenizer looks whole
    words up as tiktoken does (`ignore_merges`).

    Raises:
        NoRanksError: tiktoken would give other ids; says why.
    """
    _check_form(tree)
    model = tree["model"]
    vocab: Mapping[str, int] = model["vocab"]
    added = {entry["content"] for entry in tree.get("added_tokens") or []}
    merges = [_pair(merge) for merge in model["merges"]]
    _check_order(merges, vocab)
    own = need("tokenizers", extra="train").models.BPE(vocab=dict(vocab), merges=merges)
    ranks: dict[bytes, int] = {}
    for token, parts in _parts(own, (token for token in vocab if token not in added)):
        if parts == 1 or (model.get("ignore_merges") and (data := _text(token))):
            if parts == 2:
                raise NoRanksError(f"tiktoken would merge {data!r}, which is found as a whole word only")
            ranks[token_bytes(token)] = vocab[token]
    if missing := [byte for byte in range(256) if bytes([byte]) not in ranks]:
        raise NoRanksError(f"byte 0x{missing[0]:02X} has no token")
    return ranks


def _pair(merge: str | Sequence[str]) -> tuple[str, str]:
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return left, right


def _check_order(merges: Sequence[tuple[str, str]], vocab: Mapping[str, int]) -> None:
    """Conditions (2) and (3)."""
    ids = [vocab[left + right] for left, right in merges]
    made: dict[str, int] = {}
    for i, (left, right) in enumerate(merges):
        made.setdefault(left + right, i)
    highest, late = -1, list[int]()
    for i, pair in enumerate(merges):
        if all(len(part) == 1 or part in made for part in pair):  # others are never applied
            if odd := [part for part in pair if vocab[part] > ids[i] or made.get(part, -1) > i]:
                raise NoRanksError(f"id {ids[i]} is made of id {vocab[odd[0]]}, which comes later")
        if ids[i] < highest:
            late.append(i)
        highest = max(highest, ids[i])
    begins, ends = _places(merges, late)
    for i in late:
        left, right = merges[i]
        for j in (*begins.get(right, ()), *ends.get(left, ())):
            if j < i and ids[j] > ids[i]:
                raise NoRanksError(f"id {ids[i]} is merged after id {ids[j]} and overlaps with it")


def _places(
    merges: Sequence[tuple[str, str]], late: Sequence[int]
) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Where merges begin with a part that a late one ends with, and the other way round."""
    begins: dict[str, list[int]] = {merges[i][1]: [] for i in late}
    ends: dict[str, list[int]] = {merges[i][0]: [] for i in late}
    for i, (left, right) in enumerate(merges if late else ()):
        if left in begins:
            begins[left].append(i)
        if right in ends:
            ends[right].append(i)
    return begins, ends


def _parts(own: Any, tokens: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Each token with the number of parts that the merges leave of it."""
    for token in tokens:
        yield token, len(own.tokenize(token))


def _text(token: str) -> str:
    """The text of a token, nothing if it is a part of a character: such a one is no word that could be looked up."""
    try:
        return token_bytes(token).decode("utf-8")
    except UnicodeDecodeError:
        return ""


def _check_form(tree: Any) -> None:
    """Refuse what tiktoken has no form for: it cuts by one pattern, then merges bytes."""
    model, node = tree["model"], tree.get("pre_tokenizer") or {}
    if model.get("type") != "BPE":
        raise NoRanksError(f"a {model.get('type')} vocabulary, not byte-level BPE")
    if found := next((name for name in _UNSET if model.get(name)), None):
        raise NoRanksError(f"its {found} is set")
    parts = node.get("pretokenizers", [node])
    plain = len(parts) == 2 and parts[0].get("behavior") == "Isolated" and not parts[0].get("invert")
    last = parts[-1]
    bytes_only = last.get("type") == "ByteLevel" and not (last.get("use_regex", True) or last.get("add_prefix_space"))
    if not (plain and bytes_only and split_pattern(tree)):
        raise NoRanksError("its pre-tokenizer is not one pattern and then bytes")
