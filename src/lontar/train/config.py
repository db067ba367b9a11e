"""Settings of the training stages. Defaults are the measured recipe for models of a few million parameters."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from lontar.core.config import Config, nearest

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]
Weights = dict[str, Annotated[float, Field(gt=0)]]
Size = Literal["nano", "tiny", "small"]

VOCABULARY: dict[Size, int] = {"nano": 1024, "tiny": 4096, "small": 8192}
DEFAULT_STEPS = 200
DEFAULT_EPOCHS = 3.0
DEFAULT_REPLAY = 0.1


class LoopConfig(Config):
    """What every training loop shares."""

    batch: Positive = 8
    """rows per step"""
    seq_len: Annotated[int, Field(ge=8)] = 128
    """tokens per row; longer documents are cut. 256 suits text of more than a sentence"""
    accumulate: Positive = 1
    """micro-batches per step: less memory, the same result"""
    optimizer: Literal["muon", "adamw"] = "muon"
    """muon on the matrices inside the layers and adamw on the rest, or adamw on everything"""
    matrix_lr: Rate = 0.02
    """learning rate of muon"""
    lr: Rate = 3e-3
    """learning rate of adamw"""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """decoupled weight decay"""
    warmup: Share = 0.05
    """share of the steps in which the learning rate rises"""
    decay: Share = 0.4
    """share of the steps, at the end, in which it falls"""
    clip: Rate = 1.0
    """largest norm of the gradient"""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """arithmetic; auto is bfloat16 where the processor has it. Trained weights and optimizer are always float32"""
    temper: Share = 0.5
    """languages without given weights get size ** temper: 0 is equal shares, 1 is as the corpus is"""
    weights: Weights = Field(default_factory=dict)
    """share of the rows per language, in any unit; by default their size, tempered"""
    checkpoint_every: Positive = 100
    """steps between checkpoints; the last two are kept until the end"""
    eval_bytes: Annotated[int, Field(ge=0)] = 40_000
    """held-out text per language to measure on, in bytes; 0 measures nothing"""
    eval_every: Annotated[int, Field(ge=0)] = 0
    """measure every so many steps too, which changes nothing in the result; 0 measures at the start and the end"""

    @model_validator(mode="after")
    def _rows(self) -> Self:
        if self.accumulate > self.batch:
            raise PydanticCustomError(
                "accumulate", "accumulate cannot be larger than batch: a micro-batch has whole rows"
            )
        return self


class PretrainConfig(LoopConfig):
    """Settings of `train.pretrain`."""

    size: Size = "nano"
    """about 0.5, 3 or 8 million parameters"""
    languages: Annotated[tuple[str, ...], Field(min_length=1)] = ("en",)
    """languages to learn"""
    vocab_size: Annotated[int, Field(ge=300)] | None = None
    """size of the vocabulary; by default 1,024, 4,096 or 8,192"""
    steps: Positive = DEFAULT_STEPS
    """optimizer steps"""

    @model_validator(mode="after")
    def _weighted(self) -> Self:
        _check_weights(self.weights, self.languages)
        return self

    @property
    def vocabulary(self) -> int:
        """Size of the vocabulary."""
        return self.vocab_size or VOCABULARY[self.size]


class CptConfig(LoopConfig):
    """Settings of `train.cpt`."""

    steps: Positive | None = None
    """optimizer steps; give this or tokens. By default 200"""
    tokens: Positive | None = None
    """tokens to train on, in place of steps"""
    matrix_lr: Rate = 0.014
    """learning rate of muon"""
    lr: Rate = 2e-3
    """learning rate of adamw"""
    languages: tuple[str, ...] = ()
    """languages to learn; by default all of the corpus but those replayed"""
    replay: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """share of the rows that keeps what the model knows; 0.2 halves forgetting and costs little elsewhere"""
    replay_languages: tuple[str, ...] = ("en",)
    """languages of the replay"""
    freeze: tuple[str, ...] = ()
    """parameters that stay as they are, by the beginning of their name, for example model.embed_tokens"""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.steps and self.tokens:
            raise PydanticCustomError("steps", "give steps or tokens, not both")
        if both := sorted(set(self.languages) & set(self.replay_languages if self.replay else ())):
            raise PydanticCustomError(
                "replay", "{lang} stands in languages and in replay_languages", {"lang": ", ".join(both)}
            )
        if self.languages:
            _check_weights(self.weights, self.languages)
        return self

    @property
    def n_steps(self) -> int:
        """Optimizer steps."""
        if self.tokens:
            return max(1, round(self.tokens / (self.batch * self.seq_len)))
        return self.steps or DEFAULT_STEPS


class SftConfig(LoopConfig):
    """Settings of `train.sft`."""

    steps: Positive | None = None
    """optimizer steps; give this or epochs"""
    epochs: Rate | None = None
    """how often the chats are read, on average over the languages; by default 3"""
    seq_len: Annotated[int, Field(ge=8)] = 256
    """tokens per row, and the longest chat: an answer is never trained on without its question"""
    too_long: Literal["drop", "stop"] = "drop"
    """chats of more than seq_len tokens: leave them out and count them, or stop"""
    matrix_lr: Rate = 0.02
    """learning rate of muon"""
    lr: Rate = 3e-3
    """learning rate of adamw"""
    languages: tuple[str, ...] = ()
    """languages of the chats to learn from; all of them by default"""
    replay: Annotated[float, Field(ge=0, lt=1)] | None = None
    """share of the rows that holds plain text of the corpus, so that less is forgotten; by default 0.1 with a corpus.
    Every token of such a row carries loss, so it weighs several times a row of chats with short answers"""
    replay_languages: tuple[str, ...] = ()
    """languages of that text, in equal shares; by default all of the corpus"""
    eval_chats: Annotated[int, Field(ge=0)] = 200
    """held-out chats per language to measure the loss of the answers on; 0 measures none"""
    freeze: tuple[str, ...] = ()
    """parameters that stay as they are, by the beginning of their name, for example model.embed_tokens"""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.steps and self.epochs:
            raise PydanticCustomError("steps", "give steps or epochs, not both")
        if self.languages:
            _check_weights(self.weights, self.languages)
        return self


def _check_weights(weights: Weights, languages: tuple[str, ...]) -> None:
    """All languages have a weight, or none has."""
    if unknown := sorted(weights.keys() - set(languages)):
        hint = nearest(unknown[0], languages) or ""
        raise PydanticCustomError(
            "weights", "weights: {lang} is not among the languages; {hint}", {"lang": unknown[0], "hint": hint}
        )
    if weights and (missing := sorted(set(languages) - weights.keys())):
        raise PydanticCustomError("weights", "weights: {lang} has none", {"lang": ", ".join(missing)})
