"""Write docs/languages/*.md: how each language is normalized, cut into words and told apart, with examples.

python scripts/language_pages.py [--check]

The texts before are here, everything after them is what the code makes of them; a test runs `--check`.
"""

from __future__ import annotations

import argparse
import sys
import unicodedata
from pathlib import Path

from lontar import languages
from lontar.languages import Language
from lontar.text import comparison_form, normalize_counted, normalizers
from lontar.text.informal import normalize_informal
from lontar.text.langid import report_many
from lontar.text.registries import word_segmenters

FOLDER = Path(__file__).parents[1] / "docs" / "languages"

# Texts as they are found, each with what is wrong with it.
FOUND: dict[str, list[tuple[str, str]]] = {
    "id": [
        ("a soft hyphen from a typeset page", "pemerin\u00adtahan daerah"),
        ("spaces of a web page", "harga\u00a0beras\u2003naik "),
        ("zero-width spaces", "selamat\u200b pagi"),
    ],
    "ms": [
        ("a byte order mark in the text", "\ufeffPerdana Menteri"),
        ("a soft hyphen from a typeset page", "kera\u00adjaan negeri"),
        ("direction marks in text that runs one way", "\u200eKuala Lumpur\u200e"),
    ],
    "jv": [
        ("é typed as a letter and a mark", "bocah ke\u0301ne\u0301"),
        ("zero-width spaces", "sugeng\u200b enjing"),
        ("a line of spaces", "matur nuwun \n \u00a0\nsanget"),
    ],
    "su": [
        ("é typed as a letter and a mark", "poe\u0301 ie\u0301"),
        ("a soft hyphen from a typeset page", "ka\u00adséhatan"),
        ("spaces of a web page", "wilujeng\u00a0enjing"),
    ],
    "tl": [
        ("ñ typed as a letter and a mark", "sa Parañaque at Las Pin\u0303as"),
        ("a joiner that joins nothing", "mag\u200dandang umaga"),
        ("spaces of a web page", "po\u00a0 opo "),
    ],
    "vi": [
        ("letters and marks apart", "Tie\u0302\u0301ng Vie\u0323\u0302t"),
        ("tone marks by the newer rule", "sức khoẻ của bạn hoà thuận"),
        ("another letter for Đ", "Ðà Nẵng có biển đẹp"),
        ("no change: a consonant follows, or qu", "hoàn toàn quý trọng nhé mọi người"),
    ],
    "th": [
        ("SARA AM in two parts", "น\u0e4d\u0e32ดื่มค\u0e48\u0e4d\u0e32"),
        ("a tone mark before the vowel sign", "ท\u0e48\u0e35บ้าน"),
        ("SARA E twice for SARA AE", "เเม่ไปตลาด"),
        ("a mark typed twice", "ที\u0e48\u0e48นี่"),
        ("zero-width spaces", "ไป\u200bโรงเรียน"),
    ],
    "lo": [
        ("SARA AM in two parts", "ນ\u0ecd\u0eb2ດື່ມ"),
        ("a tone mark before the vowel sign", "ທ\u0ec8\u0eb5ນີ້"),
        ("SARA E twice for SARA AE", "ເເມ່"),
        ("zero-width spaces, as Lao web pages have them", "ພາສາ\u200bລາວ"),
    ],
    "my": [
        ("Zawgyi", "မနက္ျဖန္ မိုး႐ြာမယ္လို႔ ေရဒီယိုက ေျပာတယ္။"),
        ("medials in another order", "က\u103d\u103bန်တော်"),
        ("the digit zero for the letter WA", "၀ယ်တယ်၊ ၁၀ ခု"),
        ("the digit four for the sign of “the said”", "၄င်းတို့"),
        ("the letter U with an asat", "ဥ\u103a"),
        ("a mark typed twice", "ကိ\u102dု"),
        ("zero-width spaces", "မြန်မာ\u200bစာ"),
    ],
    "km": [
        ("a vowel before its subscript", "ក\u17b6\u17d2\u179aសួង"),
        ("subscript RO before another", "ស\u17d2\u179a\u17d2\u178fី"),
        ("a vowel in two parts", "ក\u17c1\u17b6ះ ក\u17c1\u17b8ត"),
        ("a vowel that is not seen", "ក\u17b4ម្ពុជា"),
        ("zero-width spaces, in two of three pages", "ភាសា\u200bខ្មែរ"),
    ],
    "ta": [
        ("a vowel sign in two parts", "க\u0bc6\u0bbeடு"),
        ("a joiner that is spelling stays", "க்\u200cஷ"),
        ("a joiner that joins nothing", "தமிழ்\u200d மொழி"),
        ("a mark typed twice", "தமிழ\u0bcd\u0bcd"),
    ],
    "zh": [
        ("a byte order mark in the text", "\ufeff你好"),
        ("an ideographic space at the head of a line", "\u3000\u3000从前有座山"),
        ("no change: fullwidth forms mean something", "ＡＢＣ１２３"),
    ],
    "en": [
        ("é typed as a letter and a mark", "cafe\u0301"),
        ("a control character and a soft hyphen", "in\u00adfor\x07mation"),
        ("spaces of a web page", "New\u00a0Zealand "),
    ],
}
SAME: dict[str, tuple[str, str]] = {
    "id": ("HARI  INI “cerah”", 'hari ini "cerah"'),
    "ms": ("Pasar’ malam", "pasar' malam"),
    "jv": ("꧑꧒ WONG", "12 wong"),
    "su": ("Dinten  ieu", "dinten ieu"),
    "tl": ("MAGANDANG umaga", "magandang\u200b umaga"),
    "vi": ("sức khoẻ tốt", "Sức khỏe tốt"),
    "th": ("ราคา ๑๒ บาท", "ราคา12\u200bบาท"),
    "lo": ("ໜ້າ ໑", "ຫນ້າ 1"),
    "my": ("မြန်မာ စာ ၁", "မြန်မာစာ1"),
    "km": ("បណ្ដាល ១", "បណ្តាល\u200b 1"),
    "ta": ("ஸ்ரீ ௧", "ஶ்ரீ 1"),
    "zh": ("你好 ＡＢＣ", "你好 abc"),
    "en": ("It’s  FINE — really", "it's fine - really"),
}
CHAT: dict[str, str] = {
    "id": "Gw gak tau knp dia males bangeeeet sih, hati2 ya",
    "ms": "sy xnak pegi sbb x larat laa",
    "jv": "aq gk iso mangkat, sesok ae yo",
    "su": "urg can dahar euy, kmh atuh",
    "tl": "bkt d ka sumama? sayang nmn hahaha",
    "vi": "ko biết j lun, đc r nha",
    "th": "ค้าบบบ อร่อยมากกกก 555",
    "lo": "ມ່ວນຄັກ 555",
    "my": "ကျနော် ဘလို လုပ်ရမလဲ",
    "km": "អគុណច្រើន",
    "ta": "எனக்கு தெரியல, நீங்க சொல்லுங்க",
    "zh": "你造吗 哈哈哈",
    "en": "idk y u r soooo late lol",
}


def shown(text: str) -> str:
    """Text for a table cell: what is not seen by its code point, marks of tables and lines escaped."""
    parts = []
    for char in text:
        hidden = unicodedata.category(char) in ("Cc", "Cf") or (char.isspace() and char != " ")
        parts.append(f"⟨{ord(char):04X}⟩" if hidden else {"|": "\\|"}.get(char, char))
    found = "".join(parts)
    return f"{found[:-1]}⟨0020⟩" if found.endswith(" ") else found


def change(before: str, after: str) -> str:
    """Code points from the first to the last difference, at most six of each side."""
    if before == after:
        return ""
    start = end = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return " → ".join(_points(text[start : len(text) - end]) for text in (before, after))


def _points(text: str) -> str:
    found = [f"{ord(char):04X}" for char in text]
    return (" ".join(found[:6]) or "nothing") + (" …" if len(found) > 6 else "")


def page(language: Language) -> str:
    """The page of one language."""
    lines = [
        f"# {language.name} ({language.endonym})",
        "",
        f"Code `{language.code}`, ISO 639-3 `{language.iso639_3}`, script {language.script}"
        + (f", also `{'`, `'.join(language.aliases)}`" if language.aliases else "")
        + f". Spaces {'part words' if language.spaced else 'do not part words'}. Digits: {language.digits}",
        "",
        "## Normal form",
        "",
        f"`normalize: [{', '.join(language.normalize)}]`, in this order:",
        "",
        *(f"- `{name}`: {normalizers.get(name).summary}" for name in language.normalize),
        "",
        "| found | text | after | first to last change | edits |",
        "|---|---|---|---|---|",
    ]
    for what, text in FOUND[language.code]:
        after = normalize_counted(text, language.normalize)
        edits = ", ".join(f"{kind} {n}" for kind, n in after.edits.items()) or "none"
        lines.append(f"| {what} | {shown(text)} | {shown(after.text)} | {change(text, after.text)} | {edits} |")
    return "\n".join([*lines, *_compared(language), *_cut(language), *_chat(language), *_told(language)]) + "\n"


def _compared(language: Language) -> list[str]:
    first, second = SAME[language.code]
    form = comparison_form(first)
    if form != comparison_form(second):
        raise SystemExit(f"{language.code}: {first!r} and {second!r} have different comparison forms")
    return [
        "",
        "For duplicates and contamination, and only there, these two are one text, the comparison form "
        f"`{shown(form)}`: {shown(first)} · {shown(second)}",
    ]


def _cut(language: Language) -> list[str]:
    segment = word_segmenters.get(language.word_segmenter).function
    cut = (" · ".join(segment(sample, language.code)) for sample in language.samples[:2])
    return ["", "## Words", "", f"By `{language.word_segmenter}`:", "", *(f"- {each}" for each in cut)]


def _chat(language: Language) -> list[str]:
    text = CHAT[language.code]
    found = normalize_informal(text, language.code)
    kinds = ", ".join(f"{kind} {n}" for kind, n in found.counts().items())
    return ["", "## Informal spelling", "", f"{text}", "", f"→ {found.text} ({kinds})"]


def _told(language: Language) -> list[str]:
    (found,) = report_many([language.samples[0]])
    told = found.identified
    return ["", "## Language identification", "", f"“{language.samples[0]}” is `{told.label}`, script `{told.script}`."]


def main() -> None:
    """Write the pages, or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a page is not up to date")
    check = parser.parse_args().check
    every = languages.all_languages()
    pages = {f"{language.code}.md": page(language) for language in every}
    index = ["# Languages", "", "What is done to text, by language, with examples.", ""]
    index += [f"- [{each.name}]({each.code}.md), {each.endonym}" for each in every]
    pages["README.md"] = "\n".join(index) + "\n"
    stale = [n for n, text in pages.items() if not (FOLDER / n).is_file() or (FOLDER / n).read_text("utf-8") != text]
    if check and stale:
        print(f"not up to date: {', '.join(stale)}: run python scripts/language_pages.py")
        sys.exit(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in stale:
        (FOLDER / name).write_text(pages[name], "utf-8")


if __name__ == "__main__":
    main()
