"""Settings of the tokenizer stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from lontar import languages
from lontar.core.config import Config
from lontar.errors import LontarError


def _known(tag: str) -> str:
    try:
        return languages.get(tag).code
    except LontarError as err:
        raise ValueError(str(err)) from err


LanguageCode = Annotated[str, AfterValidator(_known)]


Allocation = Literal["maximin", "weighted", "nash", "proportional"]


class TrainConfig(Config):
    """Settings of `tokenizer.train`."""

    vocab_size: int = Field(default=8192, ge=300)
    """size of the vocabulary: 256 bytes, merges, and 3 special tokens for the end of a text and the turns of a chat"""
    languages: tuple[LanguageCode, ...] = ()
    """languages to learn from; empty: all of the corpus"""
    pattern: Literal["qwen35", "qwen2", "gpt-4o", "llama-bpe"] = "qwen35"
    """how text is cut before merging, by the name that llama.cpp knows; `qwen35` keeps combining marks with letters"""
    allocation: Allocation = "maximin"
    """who gets the tokens, as in `tokenizer.extend`"""
    weights: Mapping[LanguageCode, Annotated[float, Field(ge=0)]] = {}
    """with `weighted`: share of each language in the traffic; 1 where none is given"""
    max_bytes: int = Field(default=50_000_000, ge=1)
    """most text per language to learn from; a vocabulary of thousands does not change any more beyond it"""


class ExtendConfig(Config):
    """Settings of `tokenizer.extend`."""

    new_tokens: int = Field(default=16_384, ge=1)
    """how many tokens to add, over all languages"""
    languages: tuple[LanguageCode, ...] | None = None
    """languages to add tokens for; none: all of the corpus but the guarded ones"""
    guard: tuple[LanguageCode, ...] = ("en", "zh")
    """languages whose text must keep its token ids, as code must"""
    pattern: Literal["auto", "marks", "keep"] = "auto"
    """`marks`: words keep their combining marks; `keep`: the base's own pattern; `auto`: marks where possible"""
    allocation: Allocation = "maximin"
    """who gets the next tokens: the language with most tokens per sentence (`maximin`), the one whose sentences shorten
    most by `weights` (`weighted`) or in proportion (`nash`), or each script by its size (`proportional`)"""
    weights: Mapping[LanguageCode, Annotated[float, Field(ge=0)]] = {}
    """with `weighted`: share of each language in the traffic; 1 where none is given"""
    grapheme_first: bool = True
    """whole characters before words: fewer tokens that break a character, a few more tokens in all"""
    min_count: int = Field(default=2, ge=1)
    """a pair seen less often in the text of its script is not merged"""
    max_token_chars: int = Field(default=32, ge=2)
    """longest new token, in characters"""


class RecutConfig(Config):
    """Settings of `tokenizer.recut`."""

    new_tokens: int = Field(ge=1)
    """how many tokens to keep, at most as many as the run that is cut again has learned"""
    allocation: Allocation = "maximin"
    """as in `tokenizer.extend`"""
    weights: Mapping[LanguageCode, Annotated[float, Field(ge=0)]] = {}
    """as in `tokenizer.extend`"""
