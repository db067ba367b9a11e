"""MetricX-24: an mT5 encoder-decoder that rates a translation from 0 (best) to 25 (worst).

It reads source, candidate and reference as one text and says its rating as the logit of one token at the first step of
the decoder. The text goes in without its end token. The official code cuts the last column of a padded batch instead,
so there only the longest text of 32 loses its end token: `official` does the same, `exact` cuts every text's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lontar.core.extras import need
from lontar.errors import ArtifactError, DataError, NotAnArtifactError
from lontar.models.files import open_tokenizer_file, read_json, stored_dtype
from lontar.models.load import quiet, resolve_device, resolve_dtype
from lontar.models.weights import read_index, read_tensors, weight_files

WORST = 25.0
LIMIT = 1536
"""tokens of a text, its end token included"""
OFFICIAL_BATCH = 32
HEAD = "lm_head.weight"
SPIECE = "spiece.model"
_PAD, _END, _RATING = 0, 1, 250089
# Characters that are tokenized: far more than the tokens of LIMIT cover.
_LONGEST = 200_000

Encode = Callable[[str], list[int]]
Tick = Callable[[int], object]


def text_of(source: str, candidate: str, reference: str) -> str:
    """What the metric reads."""
    return f"source: {source} candidate: {candidate} reference: {reference}"


@dataclass(frozen=True)
class Metric:
    """A metric that is loaded."""

    model: Any
    """mT5 without its head"""
    head: Any
    """the one row of it that matters, as a matrix"""
    encode: Encode
    """tokens of a text, without its end token"""
    device: str

    def exact(self, texts: Sequence[str], tick: Tick, batch: int = 1) -> list[float]:
        """Ratings, each of a text by itself.

        Args:
            texts: what is rated.
            tick: told how many were rated since.
            batch: texts at a time; more than one changes roundings alone.
        """
        tokens = [self._tokens(text) for text in texts]
        order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
        found = [0.0] * len(tokens)
        for begin in range(0, len(order), batch):
            chosen = order[begin : begin + batch]
            for i, rating in zip(chosen, self._rate([tokens[i] for i in chosen]), strict=True):
                found[i] = rating
            tick(len(chosen))
        return found

    def official(self, texts: Sequence[str], tick: Tick) -> list[float]:
        """Ratings as the official code makes them, which depend on the other texts of a batch."""
        found: list[float] = []
        for begin in range(0, len(texts), OFFICIAL_BATCH):
            rows = [[*self._tokens(text), _END] for text in texts[begin : begin + OFFICIAL_BATCH]]
            width = max(map(len, rows)) - 1
            found += self._rate([row[:width] for row in rows])
            tick(len(rows))
        return found

    def _tokens(self, text: str) -> list[int]:
        whole = text[:_LONGEST].encode("utf-8", "replace").decode("utf-8")
        return self.encode(whole)[: LIMIT - 1]

    def _rate(self, rows: Sequence[list[int]]) -> list[float]:
        torch = need("torch", extra="train")
        width = max(map(len, rows))
        ids = torch.tensor([row + [_PAD] * (width - len(row)) for row in rows], device=self.device)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=self.device)
        first = torch.zeros((len(rows), 1), dtype=torch.long, device=self.device)
        with torch.inference_mode():
            made = self.model(input_ids=ids, attention_mask=mask, decoder_input_ids=first, use_cache=False)
            logits = torch.nn.functional.linear(made.last_hidden_state[:, 0], self.head)[:, 0]
        found = [float(rating) for rating in logits.clamp(0.0, WORST).float().cpu()]
        if not all(map(math.isfinite, found)):
            raise ArtifactError("the metric gave a rating that is no number", hint="its weights do not fit their type")
        return found


def open_metric(folder: Path, tokenizer: Path, *, device: str = "auto") -> Metric:
    """Load a metric.

    Args:
        folder: config.json and safetensors weights.
        tokenizer: folder with tokenizer.json or spiece.model of mT5.
        device: as of a job.

    Raises:
        ArtifactError, DataError: it is not an mT5 that can rate, or it is not whole.
        NotAnArtifactError: there is no tokenizer.
    """
    check(folder)
    torch = need("torch", extra="train")
    place = resolve_device(device)
    kind = getattr(torch, resolve_dtype("auto", stored_dtype(folder), place))
    model = _body(folder, kind).to(place).eval()
    return Metric(model, _head(folder).to(place, kind), open_encoder(tokenizer), place)


def check(folder: Path) -> None:
    """Judge a folder by its small files, before anything is loaded.

    Raises:
        ArtifactError, DataError: it is not an mT5 that can rate, or its weights are missing or pickled.
    """
    kind = read_json(folder / "config.json").get("model_type")
    if kind != "mt5":
        raise DataError(f"{folder / 'config.json'}: model_type {kind!r}", hint="a MetricX-24 checkpoint is an mt5")
    try:
        weight_files(folder)
    except ArtifactError as err:
        hint = "write its weights as model.safetensors: docs/how-to/evaluate.md, MetricX"
        raise ArtifactError(err.message, hint=hint) from err
    head = read_index(folder).get(HEAD)
    if head is None or head.shape[0] <= _RATING:
        hint = "is it MetricX? transformers 5 leaves the head of an mT5 out where it saves one"
        raise DataError(f"{folder}: {HEAD} has no logit of token {_RATING}", hint=hint)


def _body(folder: Path, dtype: Any) -> Any:
    transformers = need("transformers", extra="train")
    options = {"local_files_only": True, "trust_remote_code": False, "use_safetensors": True}
    with quiet():
        try:
            model, report = transformers.MT5Model.from_pretrained(
                folder, dtype=dtype, output_loading_info=True, **options
            )
        except (OSError, ValueError, KeyError, RuntimeError) as err:
            first = (str(err).strip() or type(err).__name__).splitlines()[0]
            raise ArtifactError(f"{folder}: cannot be loaded: {first}") from err
    if missing := sorted(report["missing_keys"]):
        raise ArtifactError(f"{folder}: {len(missing)} weights are missing, first {missing[0]!r}")
    return model


def _head(folder: Path) -> Any:
    """The row of the rating. transformers ties the head of any mT5 to its embedding; that of MetricX is its own."""
    ((_, tensor),) = read_tensors(folder, [HEAD])
    return tensor[_RATING : _RATING + 1].clone()


def open_encoder(folder: Path) -> Encode:
    """A function from text to tokens without an end token.

    Raises:
        NotAnArtifactError: the folder has neither tokenizer.json nor spiece.model.
    """
    if (folder / "tokenizer.json").is_file():
        tokenizer = open_tokenizer_file(folder)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return lambda text: list(tokenizer.encode(text, add_special_tokens=False).ids)
    if (folder / SPIECE).is_file():
        library = need("sentencepiece", extra="vocabularies")
        processor = library.SentencePieceProcessor(model_file=str(folder / SPIECE))
        return lambda text: list(processor.EncodeAsIds(text))
    raise NotAnArtifactError(
        f"{folder}: no tokenizer.json and no {SPIECE}", hint="give the folder of mT5's tokenizer: tokenizer=DIR"
    )
