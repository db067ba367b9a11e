"""Is the exported folder the same model? Asked through transformers, as a stranger would load it.

Both sides run in float32, so that the difference is that of the weights and not of the arithmetic. Ids come from three
readers: transformers on each side, and the bare `tokenizer.json`, because some tokenizer classes rebuild themselves on
loading and quietly undo an extension.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lontar.core.extras import need
from lontar.errors import DataError, GateError
from lontar.models.load import quiet

# Enough to see a wrong tensor, little enough to hold: 39 sentences x 8 positions x 150,000 tokens are 190 MB.
MAX_TOKENS = 64
POSITIONS = 8
TOLERANCE = {"keep": 1e-5, "float32": 1e-5, "float16": 5e-3, "bfloat16": 4e-2}


@dataclass(frozen=True, slots=True)
class Probe:
    """One sentence to compare on."""

    lang: str
    text: str


@dataclass(frozen=True, slots=True)
class Answers:
    """What one folder answers to the probes: ids, and float32 logits of the last positions (`[POSITIONS, V]`)."""

    ids: tuple[tuple[int, ...], ...]
    logits: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Parity:
    """How far two folders are apart."""

    max_abs: float
    """largest difference of a logit"""
    scale: float
    """largest logit of the source, at least 1"""
    top1: float
    """share of positions with the same best token"""


def answers(folder: Path, probes: Sequence[Probe], device: str = "cpu") -> Answers:
    """Load a folder with transformers and answer all probes.

    Raises:
        DataError: transformers cannot load it.
    """
    model, tokenizer = _load(folder, device)
    ids = tuple(tuple(tokenizer(probe.text, add_special_tokens=False)["input_ids"]) for probe in probes)
    return Answers(ids, tuple(_logits(model, row[:MAX_TOKENS]) for row in ids))


def _load(folder: Path, device: str) -> tuple[Any, Any]:
    transformers = need("transformers", extra="train")
    import torch

    try:
        with quiet():
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model = transformers.AutoModelForCausalLM.from_pretrained(
                folder, dtype=torch.float32, local_files_only=True, trust_remote_code=False
            )
    except (OSError, ValueError, KeyError, RuntimeError) as err:
        first = str(err).strip().splitlines()[0] if str(err).strip() else type(err).__name__
        raise DataError(
            f"{folder}: transformers cannot load it: {first}", hint="see the error above with --debug"
        ) from err
    return model.eval().to(device), tokenizer


def _logits(model: Any, ids: Sequence[int]) -> Any:
    import torch

    if not ids:
        return torch.zeros(0, 1)
    with torch.inference_mode():
        return model(torch.tensor([ids], device=model.device)).logits[0, -POSITIONS:].float().cpu()


def bare_ids(folder: Path, probes: Sequence[Probe]) -> tuple[tuple[int, ...], ...]:
    """Ids by `tokenizer.json` alone."""
    tokenizer = need("tokenizers", extra="train").Tokenizer.from_file(str(folder / "tokenizer.json"))
    return tuple(tuple(tokenizer.encode(probe.text, add_special_tokens=False).ids) for probe in probes)


def compare(source: Answers, made: Answers) -> Parity:
    """The distance of two folders' logits.

    Raises:
        GateError: they have another number of tokens in the vocabulary.
    """
    worst, scale, same, n = 0.0, 1.0, 0, 0
    for a, b in zip(source.logits, made.logits, strict=True):
        if a.shape != b.shape:
            raise GateError(f"the export gives logits of shape {tuple(b.shape)}, the source {tuple(a.shape)}")
        if a.numel():
            worst, scale = max(worst, float((a - b).abs().max())), max(scale, float(a.abs().max()))
            same, n = same + int((a.argmax(-1) == b.argmax(-1)).sum()), n + len(a)
    return Parity(worst, scale, same / n if n else 1.0)


def check_ids(
    probes: Sequence[Probe], expected: Sequence[Sequence[int]], found: Sequence[Sequence[int]], who: str
) -> None:
    """Compare token ids.

    Raises:
        GateError: naming the first sentence that differs, and its language.
    """
    for probe, a, b in zip(probes, expected, found, strict=True):
        if tuple(a) != tuple(b):
            at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
            raise GateError(
                f"{who}: other token ids for {probe.text!r} ({probe.lang}): at position {at} "
                f"{list(b[at : at + 4])}, expected {list(a[at : at + 4])}",
                hint="the tokenizer class in tokenizer_config.json rebuilds the tokenizer; "
                "PreTrainedTokenizerFast reads tokenizer.json as it is",
            )


def check_logits(parity: Parity, tolerance: float) -> None:
    """Hold the distance of logits against the tolerance.

    Raises:
        GateError: it is larger, or not a number.
    """
    if not parity.max_abs <= tolerance * parity.scale:
        raise GateError(
            f"logits differ by {parity.max_abs:.3g} from the source model; "
            f"at most {tolerance * parity.scale:.3g} was expected ({tolerance:g} of its largest logit)",
            hint="float16 loses large activations: try bfloat16 or float32, or set tolerance",
        )
