"""Rows of new tokens as sparse combinations of old rows, by orthogonal matching pursuit.

Goddard and Fernandes Neto 2025 (arXiv 2506.06607) express a new token by k tokens that two models share, in the space
of the model that has it, and carry the coefficients over. An extended tokenizer has no such second model. Its place is
taken by the model itself, a few layers up: there a word of several old pieces has one vector, at its last piece, and so
has every old token alone. The coefficients that rebuild the former from the latter are applied to the matrix. So a row
stands for what the lower layers make of the pieces in their order, which no weighted sum of the pieces' rows can.

On tiny models that is worth less than it sounds: right after resizing 2.14 bits per byte where the mean of pieces has
1.72 and learned rows 1.43, and 1.39 / 1.37 / 1.29 after 60 steps (`benchmarks/bench_resize.py`). It is there for
`tokenizer.transplant` with a donor, which is the case of the paper.

Both sides are centered: what every token has in common (in hidden states a few large columns) would take the first
atom of each. Shapes: N new tokens, A atoms, K chosen ones, D width.
"""
# ruff: noqa: N803, N806 - tensors carry shape suffixes

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lontar.core.extras import need
from lontar.tokenizer.base import Bpe, text_of

# Old tokens that combinations are made of: the pieces themselves, and the most frequent ones (lowest ids) besides.
MOST_ATOMS = 8192
# New tokens at a time: 512 x 8,192 correlations are 16 MiB.
CHUNK = 512
# Sequences of a few tokens that run together.
BATCH = 256
# Ridge in units of the mean squared length of the chosen atoms: two that are alike must not cancel each other out.
RIDGE = 1e-2


@dataclass(frozen=True)
class Combination:
    """What each new token is made of."""

    chosen: Any
    """positions among the atoms"""
    coefficients: Any


def pursue(targets_ND: Any, atoms_AD: Any, k: int) -> Combination:
    """Approximate each target by k atoms: take the one nearest to what is left, solve for all taken, repeat.

    Args:
        targets_ND: what to rebuild, float32.
        atoms_AD: what to rebuild it from; atoms of length zero are never taken.
        k: atoms per target, at most A.
    """
    torch = need("torch", extra="train")
    lengths_A = atoms_AD.norm(dim=1)
    units_AD = atoms_AD / lengths_A.clamp(min=1e-12)[:, None]
    k = min(k, int((lengths_A > 0).sum()))
    parts = [_pursue(part, atoms_AD, units_AD, k) for part in targets_ND.split(CHUNK)]
    return Combination(torch.cat([p.chosen for p in parts]), torch.cat([p.coefficients for p in parts]))


def _pursue(targets_ND: Any, atoms_AD: Any, units_AD: Any, k: int) -> Combination:
    torch = need("torch", extra="train")
    rest_ND = targets_ND
    chosen_NK = torch.zeros(len(targets_ND), 0, dtype=torch.long, device=atoms_AD.device)
    coefficients_NK = targets_ND.new_zeros(len(targets_ND), 0)
    for _ in range(k):
        match_NA = (rest_ND @ units_AD.T).abs().scatter(1, chosen_NK, -1.0)
        chosen_NK = torch.cat([chosen_NK, match_NA.argmax(dim=1, keepdim=True)], dim=1)
        taken_NKD = atoms_AD[chosen_NK]
        gram_NKK = taken_NKD @ taken_NKD.mT
        size_N = gram_NKK.diagonal(dim1=1, dim2=2).mean(dim=1)
        ridge_NKK = RIDGE * size_N[:, None, None] * torch.eye(chosen_NK.shape[1], device=gram_NKK.device)
        right_NK1 = taken_NKD @ targets_ND[:, :, None]
        coefficients_NK = torch.linalg.solve(gram_NKK + ridge_NKK, right_NK1)[..., 0]
        rest_ND = targets_ND - (coefficients_NK[:, None] @ taken_NKD)[:, 0]
    return Combination(chosen_NK, coefficients_NK)


def combined(matrix_AD: Any, how: Combination) -> Any:
    """The combinations [N, D] of another matrix's rows, around their mean."""
    mean_D = matrix_AD.mean(dim=0)
    centered_AD = matrix_AD - mean_D
    return mean_D + (how.coefficients[:, None] @ centered_AD[how.chosen])[:, 0]


def contextual(model: Any, start: int | None, pieces: Mapping[int, Sequence[int]], old: Bpe, k: int) -> Any:
    """Input rows [N, D] in float32 of the ids in `pieces`, in their order, from the model's own lower layers.

    Args:
        model: the base, as transformers loads it.
        start: token that texts begin with.
        pieces: new id -> old ids.
        old: the base's tokenizer.
        k: atoms per row.
    """
    atoms = atom_ids(old, pieces)
    layer = max(1, model.config.num_hidden_layers // 4)
    head = [] if start is None else [start]
    atoms_AD = _hidden(model, [[*head, i] for i in atoms], layer)
    targets_ND = _hidden(model, [[*head, *ids] for _, ids in sorted(pieces.items())], layer)
    center_D = atoms_AD.mean(dim=0)
    found = pursue(targets_ND - center_D, atoms_AD - center_D, k)
    return combined(model.get_input_embeddings().weight[atoms].float(), found)


def donated(base_AD: Any, donor_AD: Any, donor_ND: Any, k: int) -> Any:
    """Rows [N, D] of tokens that a donor model has: the donor's rows of shared tokens tell what they are made of.

    Args:
        base_AD: rows of the shared tokens in the model that gets the new ones.
        donor_AD: their rows in the donor, of any width.
        donor_ND: the donor's rows of the new tokens.
        k: atoms per row.
    """
    center_D = donor_AD.float().mean(dim=0)
    return combined(base_AD.float(), pursue(donor_ND.float() - center_D, donor_AD.float() - center_D, k))


def atom_ids(old: Bpe, pieces: Mapping[int, Sequence[int]]) -> list[int]:
    """Old ids that may stand in a combination: all pieces, then whole texts in order of id; no special tokens."""
    used = {i for ids in pieces.values() for i in ids}
    specials = set(old.specials.values())
    rest = (i for token, i in sorted(old.vocab.items(), key=lambda item: item[1]) if _whole(token, old))
    more = [i for i in rest if i not in used and i not in specials]
    return sorted([*used, *more[: max(0, MOST_ATOMS - len(used))]])


def _whole(token: str, old: Bpe) -> bool:
    return token not in old.specials and "\ufffd" not in text_of(token)


def _hidden(model: Any, sequences: Sequence[Sequence[int]], layer: int) -> Any:
    """Hidden state [N, D] after `layer` layers at the last token of each sequence."""
    torch = need("torch", extra="train")
    found = torch.empty(len(sequences), model.config.get_text_config().hidden_size)
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
    with torch.inference_mode():
        for rows in _chunks(order, BATCH):
            ids, ends = padded_ids([sequences[i] for i in rows], model.device)
            states = model.base_model(input_ids=ids, use_cache=False, output_hidden_states=True).hidden_states[layer]
            found[rows] = states[torch.arange(len(rows)), ends].float().cpu()
    return found.to(model.device)


def padded_ids(sequences: Sequence[Sequence[int]], device: Any) -> tuple[Any, Any]:
    """Ids [B, T], filled up on the right where causal attention cannot see it, and the place of each last token."""
    torch = need("torch", extra="train")
    width = max(map(len, sequences))
    ids = torch.tensor([[*ids, *[0] * (width - len(ids))] for ids in sequences], device=device)
    return ids, torch.tensor([len(ids) - 1 for ids in sequences], device=device)


def _chunks(items: Sequence[int], size: int) -> Iterator[list[int]]:
    for begin in range(0, len(items), size):
        yield list(items[begin : begin + size])
