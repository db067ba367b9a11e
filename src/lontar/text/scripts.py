"""Scripts: ISO 15924 code and ranges of code points of each script that is told apart.

The scripts of Southeast Asia, of its neighbors, and of the text found around them; letters, marks and letter numbers of
Unicode 14 (Scripts.txt). A range may run over punctuation, digits and unassigned code points, never over a letter of
another script, so that the table stays short enough to read: `unicode.script_of` looks at the category first.
"""

from __future__ import annotations

COMMON = "Common"
"""Letters and marks of no one script: superscripts, mathematical letters, the Arabic tatweel."""
OTHER = "Other"
"""Letters of scripts that are not in the table."""

TABLE: dict[str, tuple[str, str]] = {
    "Latin": (
        "Latn",
        "41-AA BA-2B8 2E0-2E4 1D00-1D25 1D2C-1D5C 1D62-1D65 1D6B-1D77 1D79-1DBE 1E00-1EFF 2071-209C 212A-212B "
        "2132 214E-2188 2C60-2C7F A722-A787 A78B-A7FF AB30-AB64 AB66-AB69 FB00-FB06 FF21-FF5A 10780-107BA "
        "1DF00-1DF1E",
    ),
    "Greek": (
        "Grek",
        "370-373 376-3E1 3F0-3FF 1D26-1D2A 1D5D-1D61 1D66-1D6A 1DBF 1F00-1FFC 2126 AB65 10140-10174 1D242-1D244",
    ),
    "Cyrillic": ("Cyrl", "400-484 487-52F 1C80-1C88 1D2B 1D78 2DE0-2DFF A640-A69F FE2E-FE2F"),
    "Armenian": ("Armn", "531-588 FB13-FB17"),
    "Georgian": ("Geor", "10A0-10FF 1C90-1CBF 2D00-2D2D"),
    "Hebrew": ("Hebr", "591-5F2 FB1D-FB4F"),
    "Arabic": ("Arab", "610-63F 641-64A 656-66F 671-6FF 750-77F 870-8FF FB50-FDFB FE70-FEFC 1EE00-1EEBB"),
    "Syriac": ("Syrc", "710-74F 860-86A"),
    "Thaana": ("Thaa", "780-7B1"),
    "Ethiopic": ("Ethi", "1200-138F 2D80-2DDE AB01-AB2E 1E7E0-1E7FE"),
    "Devanagari": ("Deva", "900-950 955-97F A8E0-A8FF"),
    "Bengali": ("Beng", "980-9FE"),
    "Gurmukhi": ("Guru", "A01-A75"),
    "Gujarati": ("Gujr", "A81-AFF"),
    "Oriya": ("Orya", "B01-B71"),
    "Tamil": ("Taml", "B82-BD7"),
    "Telugu": ("Telu", "C00-C63"),
    "Kannada": ("Knda", "C80-CF2"),
    "Malayalam": ("Mlym", "D00-D7F"),
    "Sinhala": ("Sinh", "D81-DF3"),
    "Thai": ("Thai", "E01-E4E"),
    "Lao": ("Laoo", "E81-EDF"),
    "Tibetan": ("Tibt", "F00-FC6"),
    "Myanmar": ("Mymr", "1000-109D A9E0-A9FE AA60-AA7F"),
    "Khmer": ("Khmr", "1780-17DD"),
    "Tai_Le": ("Tale", "1950-1974"),
    "New_Tai_Lue": ("Talu", "1980-19C9"),
    "Tai_Tham": ("Lana", "1A20-1AA7"),
    "Tai_Viet": ("Tavt", "AA80-AADD"),
    "Cham": ("Cham", "AA00-AA4D"),
    "Kayah_Li": ("Kali", "A90A-A92D"),
    "Tagalog": ("Tglg", "1700-171F"),
    "Hanunoo": ("Hano", "1720-1734"),
    "Buhid": ("Buhd", "1740-1753"),
    "Tagbanwa": ("Tagb", "1760-1773"),
    "Buginese": ("Bugi", "1A00-1A1B"),
    "Makasar": ("Maka", "11EE0-11EF6"),
    "Balinese": ("Bali", "1B00-1B73"),
    "Javanese": ("Java", "A980-A9C0"),
    "Sundanese": ("Sund", "1B80-1BBF"),
    "Batak": ("Batk", "1BC0-1BF3"),
    "Rejang": ("Rjng", "A930-A953"),
    "Lepcha": ("Lepc", "1C00-1C4F"),
    "Limbu": ("Limb", "1900-193B"),
    "Chakma": ("Cakm", "11100-11147"),
    "Pahawh_Hmong": ("Hmng", "16B00-16B8F"),
    "Nyiakeng_Puachue_Hmong": ("Hmnp", "1E100-1E14E"),
    "Mongolian": ("Mong", "180B-18AA"),
    "Han": (
        "Hani",
        "3005 3007-3029 3038-303B 3400-4DBF 4E00-9FFF F900-FAD9 16FE3 16FF0-16FF1 20000-2EBE0 2F800-2FA1D 30000-3134A",
    ),
    "Bopomofo": ("Bopo", "3105-312F 31A0-31BF"),
    "Hiragana": ("Hira", "3041-3096 309D-309F 1B001-1B11F 1B150-1B152"),
    "Katakana": ("Kana", "30A1-30FA 30FD-30FF 31F0-31FF FF66-FF6F FF71-FF9D 1AFF0-1B000 1B120-1B122 1B164-1B167"),
    "Hangul": ("Hang", "1100-11FF 302E-302F 3131-318E A960-A97C AC00-D7FB FFA0-FFDC"),
    "Yi": ("Yiii", "A000-A48C"),
    COMMON: (
        "Zyyy",
        "B5 2B9-2D1 2EC-2EE 374 640 1CE1 1CE9-1CEC 1CEE-1CF3 1CF5-1CF7 1CFA 2102-2124 2128 212C-2131 "
        "2133-2149 2E2F 3006 3031-3035 303C 30FC A717-A71F A788 A9CF FF70 FF9E-FF9F 1D165-1D166 1D16D-1D172 "
        "1D400-1D7CB",
    ),
}
