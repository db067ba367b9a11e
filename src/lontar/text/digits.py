"""Digits of the scripts of the region, on request: `ascii_digits`, and `thai_digits`, `lao_digits` and so on.

Only decimal digits: a Tamil numeral such as ௰ (ten) or a Chinese 三 is a word and stays.
"""

from __future__ import annotations

from lontar.text import unicode
from lontar.text.edited import Edited, changed_places
from lontar.text.registries import normalizers

__all__ = ["DIGITS"]

DIGITS = {
    "thai_digits": "๐๑๒๓๔๕๖๗๘๙",
    "lao_digits": "໐໑໒໓໔໕໖໗໘໙",
    "myanmar_digits": "၀၁၂၃၄၅၆၇၈၉",
    "khmer_digits": "០១២៣៤៥៦៧៨៩",
    "tamil_digits": "௦௧௨௩௪௫௬௭௮௯",
    "javanese_digits": "꧐꧑꧒꧓꧔꧕꧖꧗꧘꧙",
}
"""Normalizer to the ten digits that it writes, from zero to nine."""


@normalizers("ascii_digits")
def ascii_digits(text: str, /) -> Edited:
    """Decimal digits of every script as 0 to 9."""
    changed = unicode.ascii_digits(text)
    return Edited(changed, {"ascii_digits": changed_places(text, changed)} if changed != text else {})


def _register(name: str, digits: str) -> None:
    @normalizers(name)
    def native(text: str, /) -> Edited:
        changed = unicode.native_digits(text, digits)
        return Edited(changed, {name: changed_places(text, changed)} if changed != text else {})

    native.__doc__ = f"0 to 9 as {digits}, in any text that it is applied to."


for _name, _digits in DIGITS.items():
    _register(_name, _digits)
