"""Token distillation: rows of new tokens that leave the model in the state in which their old pieces left it.

Dobler, Elliott and de Melo 2025 (arXiv 2505.20133): the model reads a text in its old tokens, and the same text in the
new ones; the rows are moved until the hidden states agree. What a word of several pieces means is made in the layers
and stands in no row, so no sum of rows has it. Here the states of the last layer are compared wherever both readings
have just ended a token at the same byte, all new tokens of a text at once: they will be used together.

Hidden states teach input rows only. The next-token loss of the new reading, which the paper takes for output rows, is
added to the distance; it reaches the input rows too. Everything but the new rows is frozen, and rows of tokens that no
passage shows stay as they were. One model serves both readings: the student's embeddings are handed in from outside.

The loss does the work: on a tiny model 100 steps end at 1.36 bits per byte with it and at 2.78 without (mean of pieces
2.02, base 1.36), since a tied row that only matches states is no row of a head. Rates of 0.03, 0.1, 0.2 and 0.4 of the
old rows' root mean square gave 1.54, 1.41, 1.36 and 1.33 there.

Shapes: B passages, T tokens, D width, V rows, N new rows, P places.
"""
# ruff: noqa: N803, N806 - tensors carry shape suffixes

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lontar.core.extras import need
from lontar.tokenizer.passages import Passage
from lontar.tokenizer.sparse import padded_ids

# Quick to forget: most rows are met in few of the steps.
BETAS = (0.9, 0.95)
# Weight of the next-token loss (nats) beside the distance of states (share of the teacher's squared length).
NEXT_TOKEN = 1.0
# Logits of the student at once; beyond it, places are drawn. 2**26 float32 are 256 MiB.
MOST_LOGITS = 2**26


@dataclass(frozen=True)
class Rows:
    """Rows [N, D] of the new ids in ascending order, in float32; `output` is None where one matrix serves both."""

    input: Any
    output: Any | None


@dataclass(frozen=True)
class Learned:
    """What the distillation gave."""

    rows: Rows
    shown: int
    """new tokens that some passage shows"""
    first: float
    """loss of the first tenth of the steps"""
    last: float
    """loss of the last tenth"""


@dataclass(frozen=True)
class Settings:
    """How to learn: `rate` in units of the root mean square of the old rows."""

    steps: int
    batch: int
    rate: float
    seed: int
    threads: int | None = None


class Student:
    """The model under the new tokenizer: frozen matrices [V, D], and the rows in them that learn."""

    def __init__(
        self, model: Any, input_VD: Any, output_VD: Any | None, ids: Sequence[int], shown: Sequence[bool]
    ) -> None:
        torch = need("torch", extra="train")
        self.model = model
        self.input_VD, self.output_VD = input_VD, input_VD if output_VD is None else output_VD
        self.ids_N = torch.tensor([i for i, seen in zip(ids, shown, strict=True) if seen], device=model.device)
        self.place_V = torch.full((len(input_VD),), -1, device=model.device)
        self.place_V[self.ids_N] = torch.arange(len(self.ids_N), device=model.device)
        self.learned = [input_VD[self.ids_N].float().requires_grad_()]
        if output_VD is not None:
            self.learned.append(output_VD[self.ids_N].float().requires_grad_())
        self.scale = _scale(model)

    def states(self, ids_BT: Any) -> Any:
        """Last hidden states [B, T, D]."""
        torch = need("torch", extra="train")
        place_BT = self.place_V[ids_BT]
        frozen_BTD = self.input_VD[ids_BT]
        new_BTD = self.learned[0][place_BT.clamp(min=0)].to(frozen_BTD.dtype)
        embedded_BTD = torch.where((place_BT >= 0)[..., None], new_BTD, frozen_BTD) * self.scale
        return self.model.base_model(inputs_embeds=embedded_BTD, use_cache=False).last_hidden_state

    def loss(self, states_PD: Any, labels_P: Any) -> Any:
        """Mean next-token loss in nats."""
        torch = need("torch", extra="train")
        logits_PV = states_PD @ self.output_VD.T
        new_logits = states_PD @ self.learned[-1].to(states_PD.dtype).T
        logits_PV = logits_PV.index_copy(1, self.ids_N, new_logits).float()
        return torch.nn.functional.cross_entropy(logits_PV, labels_P)


def _scale(model: Any) -> float:
    """What the embedding multiplies its rows by: 1, in Gemma the root of the width."""
    torch = need("torch", extra="train")
    table = model.get_input_embeddings()
    row = int(table.weight.float().norm(dim=1).argmax())
    with torch.inference_mode():
        given = table(torch.tensor([[row]], device=table.weight.device))[0, 0]
        return float(given.float().norm() / table.weight[row].float().norm())


def distill(
    model: Any,
    passages: Sequence[Passage],
    ids: Sequence[int],
    matrices: tuple[Any, Any | None],
    settings: Settings,
    advance: Callable[[], None] = lambda: None,
) -> Learned:
    """Learn rows for `ids`.

    Args:
        model: the base, as transformers loads it; it is frozen here, and not changed.
        passages: text that shows the ids.
        ids: new ids, ascending.
        matrices: input and output [V, D] of the new vocabulary to start from; no output where it is the input.
        settings: how to learn.
        advance: called after every step.
    """
    met = {i for passage in passages for i in passage.new}
    shown = [i in met for i in ids]
    if not any(shown):
        return Learned(_whole(matrices, ids, shown, []), 0, 0.0, 0.0)
    with _exact(settings.threads):
        model.requires_grad_(False)
        student = Student(model, matrices[0].to(model.device), _moved(matrices[1], model.device), ids, shown)
        losses = _train(student, passages, settings, advance)
    tenth = max(1, len(losses) // 10)
    rows = _whole(matrices, ids, shown, student.learned)
    return Learned(rows, sum(shown), sum(losses[:tenth]) / tenth, sum(losses[-tenth:]) / tenth)


def _moved(matrix: Any | None, device: Any) -> Any | None:
    return None if matrix is None else matrix.to(device)


def _train(
    student: Student, passages: Sequence[Passage], settings: Settings, advance: Callable[[], None]
) -> list[float]:
    """Loss of every step."""
    torch = need("torch", extra="train")
    sizes = [float(m.float().pow(2).mean().sqrt()) for m in (student.input_VD, student.output_VD)]
    groups = [{"params": [p], "lr": settings.rate * size} for p, size in zip(student.learned, sizes, strict=False)]
    optimizer = torch.optim.AdamW(groups, betas=BETAS, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / settings.steps)
    generator, losses = torch.Generator().manual_seed(settings.seed), []
    for group in _batches(passages, settings, generator):
        loss = _loss(student, group, generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
        advance()
    return losses


def _batches(passages: Sequence[Passage], settings: Settings, generator: Any) -> Iterator[list[Passage]]:
    """As many batches as there are steps; every passage once before any comes again."""
    torch = need("torch", extra="train")
    waiting: list[int] = []
    for _ in range(settings.steps):
        while len(waiting) < min(settings.batch, len(passages)):
            waiting += torch.randperm(len(passages), generator=generator).tolist()
        group, waiting = waiting[: settings.batch], waiting[settings.batch :]
        yield [passages[i] for i in group]


def _loss(student: Student, passages: Sequence[Passage], generator: Any) -> Any:
    """Distance of the states in units of the teacher's squared length, and the next-token loss."""
    torch = need("torch", extra="train")
    old_BT, _ = padded_ids([p.old for p in passages], student.model.device)
    new_BT, ends_B = padded_ids([p.new for p in passages], student.model.device)
    with torch.no_grad():
        goal_BTD = student.model.base_model(input_ids=old_BT, use_cache=False).last_hidden_state
    states_BTD = student.states(new_BT)
    rows = torch.tensor([row for row, p in enumerate(passages) for _ in p.new_ends])
    old_P, new_P = (
        torch.tensor([at for p in passages for at in getattr(p, name)]) for name in ("old_ends", "new_ends")
    )
    goal_PD, states_PD = goal_BTD[rows, old_P].float(), states_BTD[rows, new_P].float()
    distance = (states_PD - goal_PD).pow(2).sum() / goal_PD.pow(2).sum()
    real = torch.arange(new_BT.shape[1] - 1, device=new_BT.device) < ends_B[:, None]
    drawn_P = _drawn(real.reshape(-1).nonzero()[:, 0], MOST_LOGITS // len(student.output_VD), generator)
    next_token = student.loss(states_BTD[:, :-1].flatten(0, 1)[drawn_P], new_BT[:, 1:].flatten()[drawn_P])
    return distance + NEXT_TOKEN * next_token


def _drawn(places_P: Any, most: int, generator: Any) -> Any:
    torch = need("torch", extra="train")
    if len(places_P) <= most:
        return places_P
    return places_P[torch.randperm(len(places_P), generator=generator)[: max(1, most)].to(places_P.device)]


def _whole(matrices: tuple[Any, Any | None], ids: Sequence[int], shown: Sequence[bool], learned: Sequence[Any]) -> Rows:
    """Rows of all new ids: those that were not shown as they were."""
    torch = need("torch", extra="train")
    rows = [None if m is None else m[torch.tensor(list(ids))].float() for m in matrices]
    for whole, part in zip(rows, learned, strict=False):
        if whole is not None:
            whole[torch.tensor(shown)] = part.detach().to(whole.device)
    return Rows(*rows)


@contextmanager
def _exact(threads: int | None) -> Iterator[None]:
    """Repeatable arithmetic; the process gets its own settings back."""
    torch = need("torch", extra="train")
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    try:
        torch.set_num_threads(threads or before[0])
        torch.use_deterministic_algorithms(True, warn_only=True)
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
