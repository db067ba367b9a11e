"""Words and characters around labels, in the languages of the region: what announces, parts, denies or follows one.

And the patterns of labels that are made of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# What may stand before a label: space, markdown, quotes, brackets, a colon.
SKIPPED = "*_`#>\"'“”‘’«»「『【[(（{:：=-–—$•·→✅|\u200c\u200d"
EDGES = " \t\r\n*_`#>\"'“”‘’«»「」『』【】[]()（）{}<>.,:;!?。．，、：；！？။၊៖។៕॥।ฯ-–—$\\…•·→✅|\u200c\u200d"
LATIN = r"A-Za-z\u00aa\u00b5\u00ba\u00c0-\u024f\u1e00-\u1eff"
# Scripts in which words stand without spaces between them, and the letters of each.
UNSPACED = {
    "\u0e00-\u0e7f": r"\u0e01-\u0e2e\u0e40-\u0e44",
    "\u0e80-\u0eff": r"\u0e81-\u0eae\u0ec0-\u0ec4",
    "\u1000-\u109f": r"\u1000-\u102a\u103f\u1050-\u1055",
    "\u1780-\u17ff": r"\u1780-\u17b3",
    "\u3040-\u9fff": r"\u3040-\u9fff",
}
# Vowel signs, tone marks and other marks of Thai, Lao, Burmese and Khmer, none of which begins a word.
MARKS = r"\u0e30-\u0e3a\u0e45\u0e47-\u0e4e\u0eb0-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u17b6-\u17d3"
# Brackets and quotes with which labels may be stored: `(A)`.
AROUND = "()[]{}（）【】<>「」\"'“”‘’*_` "
_NAMED = "(?:b|i|u|p|em|strong|span|div|code|answer)"
ELEMENT = re.compile(rf"</?{_NAMED}\b[^<>]{{0,40}}>", re.IGNORECASE)
# What begins counts where it ends on the same line: `<B>` alone may be the label B.
MARKUP = rf"</{_NAMED}>|<{_NAMED}\b[^<>]{{0,40}}>(?=.{{0,200}}</)"
# What begins a box of LaTeX.
BOX = r"\\(?:boxed|text|textbf|mathrm|mathbf)\s*+\{|\\[(\[]"
OPTION = (
    r"(?:option|choice|opsi|pilihan|piliyan|letra|lựa\s+chọn|đáp\s+án|phương\s+án)(?![a-z])"
    r"|ตัวเลือก|ข้อ|ຂໍ້|ຕົວເລືອກ|ជម្រើស|ရွေးချယ်မှု|விருப்பம்|தேர்வு|选项|選項"
)
SEPARATED = (
    r"[^\S\n]*+(?:[,/&+;|、，။၊]\s*+|(?:or|and|atau|dan|utawa|lan|jeung|atawa|hoặc|và|at|o|அல்லது|மற்றும்)[^\S\n]++"
    r"|(?:หรือ|และ|ຫຼື|ແລະ|និង|ឬ|သို့မဟုတ်|နှင့်|或者?|和)\s*+)?[(\[*\"']*+"
)
# Words that deny what follows: `isn't clean`; in Burmese a syllable where a word begins.
DENIED = re.compile(
    r"(?:(?<![^\W_])(?:tidak|bukan(?:lah)?|tak|belum|nggak|gak|ora|durung|dudu|mboten|henteu|teu|acan|lain|san[eé]s"
    r"|không(?: phải(?: là)?)?|chẳng|chưa|chả|hindi(?: pa)?|wala|walang|not|never|neither|nor)"
    r"|(?<=n['’]t)|ไม่(?:ใช่|ได้)?|มิใช่|ບໍ່(?:ແມ່ນ)?|មិន(?:មែន)?|ពុំ|[不非没沒未無无][是有太很]?|(?<![\u1000-\u109f])မ)"
    r"[\s*\"'“「(]{0,5}\Z",
    re.IGNORECASE,
)
# Words that deny what goes before.
DENIED_AFTER = re.compile(r"[\s*\"'”」)]{0,5}(?:அல்ல|இல்லை|မဟုတ်|(?:ပါ|တော့)?ဘူး)")
# Labels that are words of any sentence: `I do not know` is no `not`.
EVERYDAY = frozenset(
    "ya tidak benar salah yes no true false right wrong oo opo hindi tama mali có không đúng sai iya enggak bener "
    "ใช่ ไม่ ไม่ใช่ ถูก ผิด จริง เท็จ ແມ່ນ ບໍ່ ຖືກ ຜິດ បាទ ទេ ត្រូវ ខុស ဟုတ် မှန် မှား ஆம் இல்லை உண்மை பொய் 是 否 对 错 正确 错误".split()
)
# What may follow a label of one letter at once in a script without spaces; another letter makes a word of the two.
PARTICLES = "ครับ|ค่ะ|คะ|นะ|เพราะ|คือ|เป็น|ເພາະ|ແມ່ນ|ເປັນ|ပါ|ဖြစ်|သည်|ဟု|ကို|ព្រោះ|ទេ|គឺ|是|因|的|吧|项|項|选|選"


def spaced(name: str) -> str:
    """A name of several words, with any space between them."""
    return r"\s+".join(map(re.escape, name.split()))


def before_label(names: Sequence[str]) -> str:
    """What is skipped between tag and label, without turning back: a label may not begin with it."""
    starts = {name[0] for name in names}
    skipped = rf"[\s{re.escape(''.join(char for char in SKIPPED if char not in starts))}]*+"
    box = BOX if "<" in starts else rf"{BOX}|{MARKUP}|<"
    return rf"{skipped}(?:(?:{box}){skipped}){{0,9}}+(?:(?:{OPTION}){skipped})?"


def _unspaced(char: str) -> str:
    """Letters of the script of a character, when words end in it without a space; empty otherwise."""
    return next((letters for block, letters in UNSPACED.items() if block[0] <= char <= block[-1]), "")


def _same_script(char: str) -> str:
    """Characters that belong to one word with one of this script; another script's do not: `Aครับ`."""
    if "\u0b80" <= char <= "\u0bff":
        return r"\u0b80-\u0bff"
    return rf"{LATIN}\d_\u0300-\u036f" if char.isdigit() or re.match(f"[{LATIN}]", char) else r"\w\u0300-\u036f"


def label_start(name: str) -> str:
    """Where a label begins: no letter of its word goes before, in a script with spaces."""
    return "" if _unspaced(name[0]) else rf"(?<![{_same_script(name[0])}])"


def label_end(name: str, long: Sequence[str]) -> str:
    """Where a label ends: no letter of its word follows, though another label may."""
    letters, last = _unspaced(name[-1]), name[-1]
    if letters:
        # A consonant with a killer mark closes the syllable before it.
        closed = rf"(?![{MARKS}]|[\u1000-\u1021]\u1037?[\u1039\u103a])"
        return closed if len(name) > 1 else rf"(?![{MARKS}])(?:(?={PARTICLES})|(?![{letters}]))"
    end = rf"(?![{_same_script(last)}])"
    if len(name) == 1:
        # `1.5` is no 1, and `C-reactive` no C.
        return end + (r"(?![.,]\d)" if last.isdigit() else r"(?!(?-i:[-‐‑'’][a-z]))")
    return rf"(?:{end}|(?=(?:{'|'.join(map(spaced, long))})(?![{_same_script(last)}])))"


def label_alone(name: str) -> str:
    """A second label is an answer of its own only where no sentence begins with it."""
    return "" if len(name) == 1 or _unspaced(name[-1]) else r"(?=[^\S\n]*(?:[^\w\s]|\n|\Z))"


def standalone(names: Sequence[str]) -> re.Pattern[str] | None:
    """Forms in which a letter or everyday word is a label: `(A)`, `"A"`, `**A**`, `A.` at a line's start, `Ya.`."""
    if not names:
        return None
    one = "|".join(map(spaced, names))
    forms = [
        rf"[(\[（【]\s?({one})\s?[)\]）】]",
        rf"\"({one})\"|“({one})”|「({one})」",
        rf"\*\*({one})[.):]?\*\*",
        rf"^\s{{0,9}}({one})\s?[.):：](?!\w)",
    ]
    if words := [name for name in names if len(name) > 1]:
        forms.append(rf"(?:^|[.!?。！？။।,，:：])\s{{0,9}}({'|'.join(map(spaced, words))})\s?(?=[.!?。！？။।,，]|$)")
    return re.compile("|".join(forms), re.IGNORECASE | re.MULTILINE)
