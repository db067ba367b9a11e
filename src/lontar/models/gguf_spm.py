"""SentencePiece-style vocabularies (Gemma) as GGUF has them: a score per token instead of merges.

llama.cpp joins the neighbors whose union has the best score, in any way that gives a token. The merges of a
tokenizer.json say the same only when every way to cut a token in two is among them and stands at the rank of that
token; Gemma's do, and that is checked, for a token with a way missing would be made in other places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lontar.errors import DataError

_UNREACHED = -1e9
"""below every merge: what is no result of one is never joined before all others are"""


def scores_of(tree: Any, tokens: Sequence[str], types: Sequence[int], where: str) -> tuple[float, ...]:
    """A score per token: minus the place of its first merge; 0 for single characters and bytes.

    Raises:
        DataError: scores cannot say what the merges say, or text is prepared otherwise than in Gemma.
    """
    _check_text(tree, where)
    vocab: Mapping[str, int] = tree["model"]["vocab"]
    ranks, ways = _ranks(tree["model"]["merges"])
    order = sorted(ranks, key=ranks.__getitem__)
    for token in order:
        if ways[token] != (n := sum(token[:i] in vocab and token[i:] in vocab for i in range(1, len(token)))):
            raise DataError(
                f"{where}: token {token!r} has {ways[token]} merges of {n} possible, so scores would make it elsewhere",
                hint="convert it with llama.cpp's own script, from the folder with tokenizer.model",
            )
    place = {token: -float(i + 1) for i, token in enumerate(order)}
    return tuple(
        place.get(t, 0.0 if len(t) == 1 or kind == 6 else _UNREACHED) for t, kind in zip(tokens, types, strict=True)
    )


def _ranks(merges: Sequence[Any]) -> tuple[dict[str, int], dict[str, int]]:
    """First rank of each merged token, and in how many ways it is merged."""
    ranks: dict[str, int] = {}
    ways: dict[str, int] = {}
    for rank, merge in enumerate(merges):
        left, right = merge.split(" ") if isinstance(merge, str) else merge
        ranks.setdefault(left + right, rank)
        ways[left + right] = ways.get(left + right, 0) + 1
    return ranks, ways


def _check_text(tree: Any, where: str) -> None:
    """Spaces become ▁ and nothing else happens before the merges."""
    normalizer = tree.get("normalizer") or {}
    space = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    node = tree.get("pre_tokenizer")
    # Gemma's splits at spaces, of which none are left by then
    if normalizer != space or (node is not None and node.get("pattern") != {"String": " "}):
        raise DataError(
            f"{where}: a SentencePiece-style vocabulary that prepares text otherwise than Gemma's",
            hint="convert it with llama.cpp's own script, from the folder with tokenizer.model",
        )
