"""Optimizers: Muon on the matrices inside the layers, AdamW on embeddings, head and norms; and the learning rate.

Muon (Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks") replaces the momentum of a matrix
by the nearest matrix with orthonormal rows or columns, found by a few Newton-Schulz steps. On small models and budgets
it needs about a third of AdamW's tokens. Matrices of one shape go through the steps together: with many small layers
the calls cost more than the products.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

# Coefficients of the quintic step (Jordan et al. 2024): steepest at zero, so five steps suffice; the singular values
# end between 0.7 and 1.2, which serves as well as exactly 1.
_A, _B, _C = 3.4445, -4.7750, 2.0315
STEPS = 5


def orthogonalize(matrices_GMN: Tensor, steps: int = STEPS, *, dtype: torch.dtype = torch.float32) -> Tensor:
    """The nearest semi-orthogonal matrices, approximately; G matrices of one shape at a time. bfloat16 is enough."""
    x = matrices_GMN.to(dtype)
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    found: Tensor = (x.mT if tall else x).to(matrices_GMN.dtype)
    return found


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalized.

    An update is scaled by sqrt(max(1, rows / columns)): its effect on the output is then the same for wide and for tall
    matrices. Weight decay is decoupled. `dtype` is that of the Newton-Schulz steps.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float = 0.02,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(list(params), {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self._dtype = dtype
        for param in (p for group in self.param_groups for p in group["params"]):
            if param.ndim != 2:
                raise ValueError(f"Muon takes matrices, got a parameter of shape {tuple(param.shape)}")

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update of every matrix that has a gradient."""
        loss = None if closure is None else closure()
        for group in self.param_groups:
            for params in _by_shape(p for p in group["params"] if p.grad is not None):
                self._update(params, group)
        return loss

    def _update(self, params: list[Tensor], group: dict[str, Any]) -> None:
        grads = [_gradient(p) for p in params]
        for param in params:
            self.state[param].setdefault("momentum", torch.zeros_like(param))
        momenta = [self.state[p]["momentum"] for p in params]
        torch._foreach_lerp_(momenta, grads, 1 - group["momentum"])
        ahead = torch._foreach_lerp(grads, momenta, group["momentum"])  # Nesterov
        updates = orthogonalize(torch.stack([_wide(x) for x in ahead]), dtype=self._dtype)
        if group["weight_decay"]:
            torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])
        for param, update in zip(params, updates, strict=True):
            rows, columns = param.shape
            scale = max(1.0, rows / columns) ** 0.5
            param.add_(update.mT if rows > columns else update, alpha=-group["lr"] * scale)


def _wide(matrix: Tensor) -> Tensor:
    return matrix.mT if matrix.shape[0] > matrix.shape[1] else matrix


def _gradient(param: Tensor) -> Tensor:
    if param.grad is None:
        raise ValueError("a parameter without a gradient")
    return param.grad


def _by_shape(params: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Matrices that fit on each other, turned where need be."""
    groups: dict[tuple[int, ...], list[Tensor]] = {}
    for param in params:
        groups.setdefault(tuple(sorted(param.shape)), []).append(param)
    yield from groups.values()


def split_parameters(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Trainable parameters: matrices inside the layers, and the rest (embeddings, head, norms, biases)."""
    outside = {id(p) for module in _tables(model) for p in module.parameters()}
    trained = [p for p in model.parameters() if p.requires_grad]
    inside = [p for p in trained if p.ndim == 2 and id(p) not in outside]
    chosen = {id(p) for p in inside}
    return inside, [p for p in trained if id(p) not in chosen]


def _tables(model: nn.Module) -> Iterator[nn.Module]:
    for get in ("get_input_embeddings", "get_output_embeddings"):
        found = getattr(model, get)() if hasattr(model, get) else None
        if isinstance(found, nn.Module):
            yield found


class Optimizers:
    """The optimizers of a run as one: step, learning rate, state."""

    def __init__(
        self,
        model: nn.Module,
        *,
        kind: str = "muon",
        lr: float,
        matrix_lr: float,
        weight_decay: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        matrices, rest = split_parameters(model)
        if kind == "adamw":
            matrices, rest = [], [*matrices, *rest]
        self.parts: dict[str, torch.optim.Optimizer] = {}
        if matrices:
            self.parts["muon"] = Muon(matrices, lr=matrix_lr, weight_decay=weight_decay, dtype=dtype)
        if rest:  # fused, always: it differs from the other implementations in the last bit
            betas = (0.9, 0.95)
            self.parts["adamw"] = torch.optim.AdamW(rest, lr=lr, betas=betas, weight_decay=weight_decay, fused=True)
        self._lr = {name: part.param_groups[0]["lr"] for name, part in self.parts.items()}

    def step(self, scale: float) -> None:
        """Update with the learning rates multiplied by `scale`, and drop the gradients."""
        for name, part in self.parts.items():
            for group in part.param_groups:
                group["lr"] = self._lr[name] * scale
            part.step()
            part.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Any]:
        """State of all parts."""
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state; the learning rates stay those of this run."""
        for name, part in self.parts.items():
            part.load_state_dict(state[name])


def schedule(step: int, steps: int, *, warmup: float, decay: float) -> float:
    """Factor of the learning rate at `step` (from 0): linear warm-up, level, linear decay towards 0.

    `warmup` and `decay` are shares of `steps`. The first and the last step are above 0.
    """
    up, down = warmup * steps, decay * steps
    rising = (step + 1) / up if up else 1.0
    falling = (steps - step) / down if down else 1.0
    return max(0.0, min(1.0, rising, falling))
