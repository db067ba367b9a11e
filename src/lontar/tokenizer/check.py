"""The same ids in every loader: what is trained must be what is served.

Loaders undo an extension in silence: transformers rebuilds the pattern of some classes, special tokens move when they
stand in `added_tokens` alone. The check encodes every language and text that has broken tokenizers before.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lontar import languages
from lontar.core.extras import need

TRICKY = (
    "Tie\u0302\u0301ng Vie\u0323\u0302t",  # decomposed Vietnamese
    "ภาษา\u200bไทย กำ\u200cลัง \u0e19\u0e4d\u0e32",  # zero-width characters, SARA AM in two parts
    "\u0e31\u0e34\u0e48 \u1039\u1005 \u17d2\u1780",  # marks without a letter
    "๑๒๓ ໑໒໓ ၁၂၃ ១២៣ ௧௨௩ 123 ١٢٣",
    "👩🏽‍🌾👨‍👩‍👧‍👦🇹🇭 ok\u00a0\u3000\t\n\n  x",
    "بهاس ملايو جاوي ꦗꦮ ᮞᮥᮔ᮪ᮓ",
    "ကောင်းတယ်" * 200,
    "don't WE'LL 12345 a_b-c::d(e)[f]{g} \r\n",
    "",
)


@dataclass(frozen=True)
class Difference:
    """A loader that encodes a text in another way."""

    loader: str
    text: str
    expected: tuple[int, ...]
    found: tuple[int, ...]

    def __str__(self) -> str:
        n = next((i for i, (a, b) in enumerate(zip(self.expected, self.found, strict=False)) if a != b), 0)
        return f"{self.loader}: {self.text[:60]!r} differs from token {n} on: {self.expected[n : n + 4]} / {self.found[n : n + 4]}"


def texts_of_all_languages() -> list[str]:
    """The samples of every language, and tricky text."""
    return [*(text for language in languages.all_languages() for text in language.samples), *TRICKY]


def differences(folder: Path, texts: Iterable[str]) -> list[Difference]:
    """Texts that `AutoTokenizer` encodes in another way than `tokenizers` does; empty without transformers."""
    if importlib.util.find_spec("transformers") is None:
        return []
    reference = need("tokenizers", extra="train").Tokenizer.from_file(str(folder / "tokenizer.json"))
    loaded = need("transformers", extra="train").AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    found = []
    for text in texts:
        expected = tuple(reference.encode(text).ids)
        ids = tuple(loaded(text)["input_ids"])
        if ids != expected:
            found.append(Difference("AutoTokenizer", text, expected, ids))
    return found
