"""The same ids in every loader: what is trained must be what is served.

Loaders undo an extension in silence: transformers rebuilds the pattern of some classes, special tokens move when they
stand in `added_tokens` alone. The check encodes every language and text that has broken tokenizers before. A loader
that is not installed is left out.
"""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lontar import languages
from lontar.core.extras import need
from lontar.models.vocab import split_pattern, token_bytes
from lontar.tokenizer.base import Bpe, open_base, text_of

TRICKY = (
    "Tie\u0302\u0301ng Vie\u0323\u0302t",  # decomposed Vietnamese
    "ภาษา\u200bไทย กำ\u200cลัง \u0e19\u0e4d\u0e32",  # zero-width characters, SARA AM in two parts
    "\u0e31\u0e34\u0e48 \u1039\u1005 \u17d2\u1780",  # marks without a letter
    "๑๒๓ ໑໒໓ ၁၂၃ ១២៣ ௧௨௩ 123 ١٢٣",
    "👩🏽‍🌾👨‍👩‍👧‍👦🇹🇭❤️👍❤️ ok\u00a0\u3000\t\n\n  x",
    "بهاس ملايو جاوي ꦗꦮ ᮞᮥᮔ᮪ᮓ",
    "မနက္ျဖန္ ေကာင္းတယ္ သေဘၤာ",  # Zawgyi
    "ကောင်းတယ်" * 200,
    "a" * 3000,
    "ภาษา" * 8000,  # one word of 96 kB
    "don't WE'LL 12345 a_b-c::d(e)[f]{g} \r\n",
    "\ufeffBOM \u2028 \u00ad soft",
    "",
)
_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json")
LOADERS = ("AutoTokenizer", "tiktoken")
_LIBRARIES = {"AutoTokenizer": "transformers", "tiktoken": "tiktoken"}


def installed(loader: str) -> bool:
    """Whether the library of one of `LOADERS` is there."""
    return importlib.util.find_spec(_LIBRARIES[loader]) is not None


@dataclass(frozen=True)
class Difference:
    """A loader that encodes a text in another way than `tokenizers` does."""

    loader: str
    text: str
    expected: tuple[int, ...]
    found: tuple[int, ...]

    def __str__(self) -> str:
        n = next((i for i, (a, b) in enumerate(zip(self.expected, self.found, strict=False)) if a != b), 0)
        ids = f"{self.expected[n : n + 4]} / {self.found[n : n + 4]}"
        return f"{self.loader}: {self.text[:60]!r} differs from token {n} on: {ids}"


def texts_of_all_languages() -> list[str]:
    """The samples of every language, and tricky text."""
    return [*(text for language in languages.all_languages() for text in language.samples), *TRICKY]


def differences(
    folder: Path, texts: Iterable[str], *, config: Path | None = None, loaders: Sequence[str] = ("AutoTokenizer",)
) -> list[Difference]:
    """Texts that a loader encodes in another way than `tokenizers` does.

    Args:
        folder: tokenizer.json and its companions.
        texts: what to encode.
        config: the config.json of the model that the tokenizer is for, if it is not in the folder.
        loaders: of `LOADERS`; those that are not installed are left out.
    """
    texts = list(texts)
    reference = need("tokenizers", extra="train").Tokenizer.from_file(str(folder / "tokenizer.json"))
    found = []
    if "AutoTokenizer" in loaders and (ids := loaded_ids(folder, texts, config=config)) is not None:
        found += _compare("AutoTokenizer", texts, ids, lambda text: reference.encode(text).ids)
    if "tiktoken" in loaders and (encoding := tiktoken_encoding(open_base(folder))) is not None:
        bare = [encoding.encode_ordinary(_normalized(reference, text)) for text in texts]
        found += _compare("tiktoken", texts, bare, lambda text: reference.encode(text, add_special_tokens=False).ids)
    return found


def _compare(
    loader: str, texts: Sequence[str], ids: Sequence[Sequence[int]], reference: Callable[[str], Sequence[int]]
) -> list[Difference]:
    pairs = [(text, tuple(reference(text)), tuple(own)) for text, own in zip(texts, ids, strict=True)]
    return [Difference(loader, text, expected, own) for text, expected, own in pairs if expected != own]


def loaded_ids(folder: Path, texts: Sequence[str], *, config: Path | None = None) -> list[list[int]] | None:
    """Ids from transformers' `AutoTokenizer`, as it loads the folder of a model; None when it is not installed."""
    if importlib.util.find_spec("transformers") is None:
        return None
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        for name in (*_FILES, "config.json"):
            if (folder / name).is_file():
                shutil.copyfile(folder / name, place / name)
        if config is not None:
            shutil.copyfile(config, place / "config.json")
        loaded = need("transformers", extra="train").AutoTokenizer.from_pretrained(str(place), local_files_only=True)
    return [list(loaded(text)["input_ids"]) for text in texts]


def _normalized(reference: Any, text: str) -> str:
    return str(reference.normalizer.normalize_str(text)) if reference.normalizer else text


def tiktoken_encoding(tokenizer: Bpe) -> Any:
    """The vocabulary as a `tiktoken.Encoding`, for text without special tokens.

    None when tiktoken is not installed, or when the pre-tokenizer is not one pattern, which is all that it takes.
    Its ranks are the ids, which is the order of merges in every vocabulary that this package writes.
    """
    pattern = split_pattern(tokenizer.tree)
    made = {left + right for left, right in tokenizer.merges}
    parts = tokenizer.tree["pre_tokenizer"].get("pretokenizers", [])
    if importlib.util.find_spec("tiktoken") is None or pattern is None or len(parts) != 2:
        return None
    ranks = {token_bytes(token): id_ for token, id_ in tokenizer.vocab.items() if _made(token, made, tokenizer)}
    encoding = need("tiktoken", extra="all").Encoding
    return encoding("lontar", pat_str=pattern, mergeable_ranks=ranks, special_tokens=tokenizer.specials)


def _made(token: str, made: Collection[str], tokenizer: Bpe) -> bool:
    """Whether tiktoken may make the token: it merges whatever is in its ranks, also what no merge leads to.

    A token without a merge is found whole by tokenizers that look words up before they merge, if it is text.
    """
    if token in tokenizer.specials:
        return False
    if len(token) == 1 or token in made:
        return True
    return bool(tokenizer.tree["model"].get("ignore_merges")) and "\ufffd" not in text_of(token)
