"""One plain training loop: bf16 arithmetic over float32 weights, exact accumulation, exact resume.

The state after a step is a function of the state before it and of the step's number, and all of it is in a checkpoint:
weights, optimizer, torch's random state, tokens seen. A run that was killed ends with the same bits as one that was
not (same machine, same number of threads).
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from lontar.core.job import Job
from lontar.core.progress import Task
from lontar.errors import ConfigError, DataError
from lontar.models.load import bf16_arithmetic
from lontar.train import packing
from lontar.train.batches import Batch, Stream
from lontar.train.config import LoopConfig
from lontar.train.losses import bits_per_byte, linear_cross_entropy
from lontar.train.optim import Optimizers, schedule

log = logging.getLogger(__name__)
_CHECKPOINT = "checkpoint-"
KEPT = 2
# Steps at which the loss is recorded: as many points as a plot can show.
RECORDED = 50
Figures = Mapping[str, Mapping[str, float]]
"""what was measured, by its name and by language: {"bits_per_byte": {"th": 1.2}}"""


@dataclass
class State:
    """Everything that changes while training, apart from the weights and the optimizer."""

    step: int = 0
    seen: dict[str, int] = field(default_factory=dict)
    """predicted tokens by language"""
    loss: float = float("nan")
    """nats per token of the last step"""
    bits_per_byte: float = float("nan")
    """the same per byte of text, by the usual length of each language's tokens"""
    read: int = 0
    """tokens read, predicted or not"""
    loss_steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    """losses of the steps in `loss_steps`"""
    measured_steps: list[int] = field(default_factory=list)
    measured: list[dict[str, dict[str, float]]] = field(default_factory=list)
    """what `Watch` found after the steps in `measured_steps`"""


@dataclass(frozen=True)
class Watch:
    """What is measured while training goes on: nothing of it reaches the weights."""

    measure: Callable[[], Figures]
    before: Figures = field(default_factory=dict)
    """what was measured before the first step"""


@contextmanager
def exact(threads: int | None, seed: int) -> Iterator[None]:
    """Repeatable arithmetic and random numbers; the process gets its own settings back."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    settings: Any = torch.utils.deterministic
    fill = settings.fill_uninitialized_memory
    if torch.cuda.is_available():  # without this setting cuBLAS refuses to be deterministic
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    with torch.random.fork_rng():
        try:
            torch.set_num_threads(threads or before[0])
            torch.use_deterministic_algorithms(True)
            settings.fill_uninitialized_memory = False  # nothing here reads what it has not written
            torch.manual_seed(seed)
            yield
        finally:
            torch.set_num_threads(before[0])
            torch.use_deterministic_algorithms(before[1])
            settings.fill_uninitialized_memory = fill


def train(
    job: Job, model: Any, stream: Stream, config: LoopConfig, steps: int, name: str, watch: Watch | None = None
) -> State:
    """Train `model` in place for `steps` steps, from the last checkpoint where there is one.

    With `config.eval_every`, `watch` measures every so many steps; the end of the run is left to the caller.

    Raises:
        DataError: the loss is not a number.
        CapabilityError: the model's attention leaks between packed documents.
    """
    packing.prepare(model)
    job.metric(**{"train.leak": packing.leak_probe(model)})
    optimizers = Optimizers(
        model,
        kind=config.optimizer,
        lr=config.lr,
        matrix_lr=config.matrix_lr,
        weight_decay=config.weight_decay,
        dtype=arithmetic(next(model.parameters()).device, config.dtype),
    )
    state = _resume(job, model, optimizers)
    if state.step:  # a run that was killed after its last step has no other chance to say how it went
        _record(job, state)
    model.train()
    with job.progress.task(name, total=steps, unit="steps") as task:
        task.advance(state.step)
        _show(task, state.measured[-1] if state.measured else watch.before if watch else {})
        while state.step < steps:
            _step(model, optimizers, stream, config, steps, state)
            _report(job, task, state, steps)
            if watch and config.eval_every and state.step % config.eval_every == 0 and state.step < steps:
                _show(task, _measure(model, watch, state))
            if state.step % config.checkpoint_every == 0 or state.step == steps:
                _save(job, model, optimizers, state)
    model.eval()
    return state


def _step(model: Any, optimizers: Optimizers, stream: Stream, config: LoopConfig, steps: int, state: State) -> None:
    batches = stream.batches(state.step, config.accumulate)
    state.loss = accumulate(model, batches, dtype=config.dtype)
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    if not torch.isfinite(norm):
        raise DataError(
            f"step {state.step + 1}: the loss is not a number (loss {state.loss:g}, gradient {float(norm):g})",
            hint="lower lr and matrix_lr, or try dtype: float32; the last checkpoint is from before this step",
        )
    optimizers.step(schedule(state.step, steps, warmup=config.warmup, decay=config.decay))
    tokens = stream.tokens(state.step)
    state.bits_per_byte = bits_per_byte(state.loss * sum(tokens.values()), stream.text_bytes(tokens))
    for lang, n in tokens.items():
        state.seen[lang] = state.seen.get(lang, 0) + n
    state.read += stream.n_read(state.step)
    state.step += 1


def _measure(model: Any, watch: Watch, state: State) -> Figures:
    """Measure between two steps and leave everything as it was."""
    random = _random_state()
    found = watch.measure()
    model.train()
    _set_random_state(random)
    state.measured_steps.append(state.step)
    state.measured.append({name: dict(values) for name, values in found.items()})
    return found


def _show(task: Task, found: Figures) -> None:
    for name, values in found.items():
        task.note(**{f"held_out_{name}": " ".join(f"{lang} {value:.3f}" for lang, value in sorted(values.items()))})


def accumulate(model: Any, batches: list[Batch], *, dtype: str = "auto") -> float:
    """Add up the gradients of the mean loss over all labels of all batches; returns that loss in nats per token."""
    n_labels = sum(batch.n_labels for batch in batches)
    total = 0.0
    for batch in batches:
        loss = loss_sum(model, batch, dtype=dtype) / n_labels
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.item()
    return total


def loss_sum(model: Any, batch: Batch, *, dtype: str = "auto") -> torch.Tensor:
    """Sum of the loss over the labels of a batch, in nats."""
    device = next(model.parameters()).device
    ids, labels = (torch.from_numpy(x).to(device) for x in (batch.ids, batch.labels))
    with autocast(device, dtype):
        hidden = packing.hidden_states(model, ids, batch.lengths)
        return linear_cross_entropy(hidden, model.get_output_embeddings().weight, labels)


def autocast(device: torch.device, dtype: str) -> torch.autocast:
    """bf16 arithmetic where asked for, or for `auto` where the processor has it."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=arithmetic(device, dtype) == torch.bfloat16)


def arithmetic(device: torch.device, dtype: str) -> torch.dtype:
    """The type to compute in."""
    wanted = dtype == "bfloat16" or (dtype == "auto" and bf16_arithmetic(device.type))
    return torch.bfloat16 if wanted else torch.float32


def _report(job: Job, task: Task, state: State, steps: int) -> None:
    task.advance()
    task.note(loss=round(state.loss, 4), bits_per_byte=round(state.bits_per_byte, 4))
    if state.step == steps or state.step % max(1, steps // RECORDED) == 0:
        state.loss_steps.append(state.step)
        state.losses.append(round(state.loss, 6))
        _record(job, state)


def _record(job: Job, state: State) -> None:
    tokens = sum(state.seen.values())
    values = {"loss": state.loss, "bits_per_byte": state.bits_per_byte, "tokens": tokens, "steps": state.step}
    job.metric(**{f"train.{name}": value for name, value in values.items()})


# --- checkpoints -----------------------------------------------------------------------------------------------------


def checkpoints(job: Job) -> list[Path]:
    """Finished checkpoints, oldest first."""
    return [path for path in job.units(keep=False) if path.name.startswith(_CHECKPOINT)]


def _save(job: Job, model: Any, optimizers: Optimizers, state: State) -> None:
    content = {
        "model": {name: p for name, p in model.named_parameters() if p.requires_grad},
        "optimizers": optimizers.state_dict(),
        "random": _random_state(),
        "state": vars(state),
    }

    def write(path: Path) -> None:
        with path.open("wb") as stream:  # by name, torch refuses what begins with a dot
            torch.save(content, stream)

    job.unit(f"{_CHECKPOINT}{state.step:08d}", write, keep=False)
    for old in checkpoints(job)[:-KEPT]:
        _remove(old)


def _resume(job: Job, model: Any, optimizers: Optimizers) -> State:
    """Take over the last checkpoint that can be read."""
    for path in reversed(checkpoints(job)):
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, ValueError, EOFError) as err:
            log.warning("%s: cannot be read, an earlier one is used (%s)", path, err)
            _remove(path)
            continue
        with torch.no_grad():
            for name, param in model.named_parameters():
                if param.requires_grad:
                    param.copy_(content["model"][name])
        optimizers.load_state_dict(content["optimizers"])
        _set_random_state(content["random"])
        log.info("resumed at step %d", content["state"]["step"])
        return State(**content["state"])
    return State()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _random_state() -> dict[str, Any]:
    return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []}


def _set_random_state(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["cpu"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])


def freeze(model: Any, prefixes: tuple[str, ...]) -> None:
    """Keep parameters as they are, by the beginning of their name.

    Raises:
        ConfigError: a prefix fits no parameter, or nothing is left to train.
    """
    names = [name for name, _ in model.named_parameters()]
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in names):
            examples = sorted({".".join(name.split(".")[:2]) for name in names})
            raise ConfigError(f"freeze: no parameter begins with {prefix!r}", hint="for example " + ", ".join(examples))
    for name, param in model.named_parameters():
        param.requires_grad_(not name.startswith(prefixes) if prefixes else True)
    if not any(p.requires_grad for p in model.parameters()):
        raise ConfigError("freeze: nothing is left to train")
