"""Settings of `tokenizer.resize` and `tokenizer.transplant`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lontar.core.config import Config

RowMethod = Literal["mean", "hewitt", "omp", "distill", "random"]


class ResizeConfig(Config):
    """Settings of `tokenizer.resize`."""

    method: RowMethod = "mean"
    """rows of new tokens: `mean` of the rows of their old pieces; `distill`, learned on a corpus so that the model
    thinks what it thought at the old pieces; `omp`, a sparse combination of old rows; `hewitt`, the mean of all rows
    with noise; `random` with the old rows' spread, to compare"""
    input: Literal["auto", "mean", "last_weighted"] = "auto"
    """input rows with `mean`, and where `distill` starts: `last_weighted` counts piece j 2^j times; `auto`: that where
    the head is not tied"""
    multiple: int | None = Field(default=None, ge=1)
    """pad the number of rows to a multiple of this; none: 128 where the base has spare rows, else no padding"""
    atoms: int = Field(default=8, ge=1)
    """with `omp`: most old rows in one combination"""
    steps: int = Field(default=300, ge=1)
    """with `distill`: optimizer steps"""
    batch: int = Field(default=16, ge=1)
    """with `distill`: passages per step"""
    passage_chars: int = Field(default=200, ge=16)
    """with `distill`: longest passage, in characters"""
    rate: float = Field(default=0.1, gt=0, le=1)
    """with `distill`: learning rate, in units of the old rows' root mean square"""
    measure: int = Field(default=8, ge=0)
    """measure bits per byte before and after on so many sentences of each language: held-out documents of the corpus,
    or packaged sentences; 0 measures nothing"""


class TransplantConfig(ResizeConfig):
    """Settings of `tokenizer.transplant`."""

    chat_template: Literal["auto", "none"] = "auto"
    """`auto`: that of the new tokenizer, else the model's where all its special tokens exist; `none`: write none"""
