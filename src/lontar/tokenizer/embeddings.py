"""Rows of new tokens from the rows of their old pieces: tensors in, tensors out.

Measured on tiny models (bits per byte after 150 steps, Burmese / Thai / Khmer): random 1.192 / 1.179 / 1.606, mean of
pieces 1.009 / 1.123 / 1.538, last-weighted input with mean output 1.000 / 1.123 / 1.527. V rows, D width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from lontar.core.extras import need

Weighting = Literal["mean", "last_weighted"]
Method = Literal["mean", "last_weighted", "random"]


def piece_weights(n: int, how: Weighting) -> list[float]:
    """Weights of n pieces, summing to one: equal, or doubling towards the last (which the next token follows)."""
    raw = [1.0] * n if how == "mean" else [2.0**j for j in range(n)]
    return [w / sum(raw) for w in raw]


def grow(old: Any, n_rows: int, pieces: Mapping[int, Sequence[int]], how: Method, seed: int) -> Any:
    """A matrix [n_rows, D]: the rows of `old` [V, D], and for each id in `pieces` a row from its pieces (old ids).

    Further rows, that belong to no token, get the mean of all rows: they must never be likely, and are never read.
    Type and device are kept; sums are made in float32.
    """
    torch = need("torch", extra="train")
    mean = old.mean(dim=0, dtype=torch.float32)
    grown = mean.to(old.dtype).expand(n_rows, -1).clone()
    kept = min(n_rows, old.shape[0])
    grown[:kept] = old[:kept]
    if not pieces:
        return grown
    rows = _random(old, mean, len(pieces), seed) if how == "random" else _combined(old, pieces, how)
    grown[torch.tensor(sorted(pieces))] = rows.to(old.dtype)
    return grown


def _random(old: Any, mean: Any, n: int, seed: int) -> Any:
    """[n, D]: normal, with the mean and the spread of the old rows."""
    torch = need("torch", extra="train")
    generator = torch.Generator().manual_seed(seed)
    return mean + old.float().std(dim=0) * torch.randn(n, old.shape[1], generator=generator).to(old.device)


def _combined(old: Any, pieces: Mapping[int, Sequence[int]], how: Weighting) -> Any:
    """[n, D]: weighted sums of old rows, in order of the new ids."""
    torch = need("torch", extra="train")
    rows = []
    for _, ids in sorted(pieces.items()):
        weights = torch.tensor(piece_weights(len(ids), how), device=old.device)
        rows.append((weights[:, None] * old[list(ids)].float()).sum(dim=0))
    return torch.stack(rows)
