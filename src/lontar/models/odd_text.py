"""Texts that two tokenizers must encode alike before one is used for the other: every language, and odd ones."""

from __future__ import annotations

from lontar import languages
from lontar.text.unicode import whole

__all__ = ["RECENT", "TRICKY", "texts_of_all_languages"]

# A letter, mark or digit of each version of Unicode since 13, which libraries follow at their own pace: one that does
# not know it cuts the text there. U+0ECE is Lao, U+116D0 and its neighbors are digits of Myanmar's languages.
_RECENT = (
    "\u08be\u0b55 \u0870\u0898\U00010f70 \u0cf3\u0ece\U00010efd\U0001e4d0 \U0002ebf0 "
    "\u1c89\u0897\ua7cb\U000105c0\U000116d0\U000116e3 \u1acf\ua7ce\U000323b0\U0001e6c0"
)
RECENT = " ".join(f"a{char}a {char}{char} 1{char}" for char in _RECENT if char != " ")

TRICKY = (
    "Tie\u0302\u0301ng Vie\u0323\u0302t",  # decomposed Vietnamese
    "ภาษา\u200bไทย กำ\u200cลัง \u0e19\u0e4d\u0e32",  # zero-width characters, SARA AM in two parts
    "க்\u200cஷ \u200c\u200dက\u200cက می\u200cخواهم",  # ZWNJ within words, and where it means nothing
    "\u0e31\u0e34\u0e48 \u1039\u1005 \u17d2\u1780",  # marks without a letter
    "๑๒๓ ໑໒໓ ၁၂၃ ១២៣ ௧௨௩ 123 ١٢٣",
    "👩🏽‍🌾👨‍👩‍👧‍👦🇹🇭❤️👍❤️ ok\u00a0\u3000\t\n\n  x",
    "بهاس ملايو جاوي ꦗꦮ ᮞᮥᮔ᮪ᮓ",
    "မနက္ျဖန္ ေကာင္းတယ္ သေဘၤာ",  # Zawgyi
    "ကောင်းတယ်" * 200,
    "a" * 3000,
    "ภาษา" * 8000,  # one word of 96 kB
    "don't WE'LL it'ſ 12345 a_b-c::d(e)[f]{g} \r\n",
    "\ufeffBOM \u2028 \u00ad \x85\x0b\x0c\x1c soft",
    "lone \ud800 halves\udc00\ud83d \ude00 and a pair \ud83d\ude00",
    "ஒ\u0bd7 கெ\u0bbe ဥ\u102e e\u0323\u0302 \u1100\u1161\u11a8 \u212b \u0958",  # NFC changes each of these
    RECENT,
    "\x00\x01\x7f",
    " " * 300 + "x" + "\n \n" * 100,
    "",
)


def texts_of_all_languages() -> list[str]:
    """The samples of every language, and tricky text; in whole characters, as `normalize` gives a text to a model."""
    return [*(text for language in languages.all_languages() for text in language.samples), *map(whole, TRICKY)]
