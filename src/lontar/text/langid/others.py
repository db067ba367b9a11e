"""Languages of scripts other than Latin: one language per script, or rules on letters that only one of them has.

Where a script is used by several languages here, each is known by letters that the others lack: Shan, Mon and Karen
letters of the Myanmar block, kana for Japanese, the written forms of Cantonese particles, the letters that Jawi added
to Arabic. Thai, Lao, Khmer and Tamil have their script to themselves among the languages of the region.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from lontar.text.scripts import COMMON, TABLE
from lontar.text.unicode import SCRIPTS, script_of

__all__ = ["LANGUAGES", "Run", "holds_others", "runs"]


class Run(NamedTuple):
    """Letters of one script with nothing between them."""

    start: int
    end: int
    language: str
    script: str
    """ISO 15924."""
    weight: float
    """Letters, as many as a Latin text would take to say the same."""


_CHINESE = ("Han", "Bopomofo", "Hiragana", "Katakana")
_LANGUAGES = {
    **{"Thai": "tha", "Lao": "lao", "Khmer": "khm", "Tamil": "tam", "Greek": "ell", "Armenian": "hye"},
    **{"Georgian": "kat", "Hebrew": "heb", "Syriac": "syr", "Thaana": "div", "Ethiopic": "amh", "Devanagari": "hin"},
    **{"Bengali": "ben", "Gurmukhi": "pan", "Gujarati": "guj", "Oriya": "ory", "Telugu": "tel", "Kannada": "kan"},
    **{"Malayalam": "mal", "Sinhala": "sin", "Tibetan": "bod", "Tai_Le": "tdd", "New_Tai_Lue": "khb"},
    **{"Tai_Tham": "nod", "Tai_Viet": "blt", "Cham": "cjm", "Kayah_Li": "eky", "Tagalog": "tgl", "Hanunoo": "hnn"},
    **{"Buhid": "bku", "Tagbanwa": "tbw", "Buginese": "bug", "Makasar": "mak", "Balinese": "ban", "Javanese": "jav"},
    **{"Sundanese": "sun", "Batak": "bbc", "Rejang": "rej", "Lepcha": "lep", "Limbu": "lif", "Chakma": "ccp"},
    **{"Pahawh_Hmong": "hmn", "Nyiakeng_Puachue_Hmong": "hmn", "Mongolian": "mon", "Hangul": "kor", "Yi": "iii"},
}
LANGUAGES = frozenset(_LANGUAGES.values()) | frozenset(
    "zho yue jpn mya shn mnw ksw kjp arb zsm pes urd rus ukr".split()
)
"""Every language that is told by its script."""
# A syllable or a word in one character: what a sentence of FLORES takes in Latin letters over what it takes in these.
_WEIGHT = {"Han": 3.0, "Bopomofo": 1.0, "Hiragana": 1.7, "Katakana": 1.7, "Hangul": 2.0, "Yi": 2.0}


def _class(scripts: tuple[str, ...]) -> str:
    spans = (span.partition("-") for script in scripts for span in TABLE[script][1].split())
    return "".join(f"\\U{int(a, 16):08x}-\\U{int(b or a, 16):08x}" for a, _, b in spans)


_ANY = re.compile(f"[{_class(tuple(script for script in TABLE if script not in ('Latin', COMMON)))}]")
_RUN = {script: re.compile(f"[{_class((script,))}]+") for script in TABLE if script not in ("Latin", COMMON)}
# The prolonged sound mark belongs to no script of its own, and stands in Japanese words only.
_RUN["Han"] = re.compile(f"[{_class(_CHINESE)}\u30fc]+")
_RUN["Myanmar"] = re.compile(f"[{_class(('Myanmar',))}]+")


def holds_others(text: str) -> bool:
    """Whether any letter of another script than Latin stands in the text."""
    return _ANY.search(text) is not None


def runs(text: str) -> list[Run]:
    """Runs of letters of other scripts than Latin, in order."""
    found: list[Run] = []
    at = 0
    for line in text.splitlines(keepends=True):
        if _ANY.search(line):
            found += sorted(run for script in _scripts(line) for run in _runs_of(script, line, at))
        at += len(line)
    return found


def _scripts(line: str) -> set[str]:
    scripts = {script_of(char) for char in set(line)}
    return {"Han" if script in _CHINESE else script for script in scripts} & _RUN.keys()


def _runs_of(script: str, line: str, at: int) -> Iterator[Run]:
    places = [match.span() for match in _RUN[script].finditer(line)]
    letters = "".join(line[start:end] for start, end in places)
    language, code = _decided(script, letters)
    for start, end in places:
        weight = (end - start) * 1.0
        if script in _WEIGHT:
            weight = sum(_WEIGHT.get(script_of(char), 1.0) for char in line[start:end])
        yield Run(at + start, at + end, language, code, weight)


def _decided(script: str, letters: str) -> tuple[str, str]:
    """Language and ISO 15924 code for the letters of one script in one line."""
    if script == "Han":
        return _of_han(letters)
    rule = {"Myanmar": _of_myanmar, "Arabic": _of_arabic, "Cyrillic": _of_cyrillic}.get(script)
    return (rule(letters) if rule else _LANGUAGES.get(script, "und")), SCRIPTS[script]


_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa\uff66-\uff9d]")
_CANTONESE = re.compile("[嘅咗喺佢嗰啲冇嘢咁哋嚟攞諗嗌噉啱咩嘥瞓嬲咪啩喎嘞㗎]|唔")
_SIMPLIFIED = frozenset(
    "们这个来时会对说国过还没关问间开让谁见车门东书马鱼鸟长爱学习语话请谢钱买卖电脑网络机场飞饭馆边远进运动总务业发现实际经济"
    "应该办产级红绿线纪约给结续绝编网罗义乌为乐习乡争亏亚亲价众优传伤体儿党兰兴养兽写军农冲决况冻净凉减几击划则刚创删别剧劝"
)
_TRADITIONAL = frozenset(
    "們這個來時會對說國過還沒關問間開讓誰見車門東書馬魚鳥長愛學習語話請謝錢買賣電腦網絡機場飛飯館邊遠進運動總務業發現實際經濟"
    "應該辦產級紅綠線紀約給結續絕編網羅義烏為樂習鄉爭虧亞親價眾優傳傷體兒黨蘭興養獸寫軍農衝決況凍淨涼減幾擊劃則剛創刪別劇勸"
)
_ONLY_SIMPLIFIED, _ONLY_TRADITIONAL = _SIMPLIFIED - _TRADITIONAL, _TRADITIONAL - _SIMPLIFIED


def _of_han(letters: str) -> tuple[str, str]:
    kana = len(_KANA.findall(letters))
    # Japanese text is half kana; a Chinese line may quote a の.
    if kana * 12 >= len(letters):
        return "jpn", "Jpan"
    simplified = sum(char in _ONLY_SIMPLIFIED for char in letters)
    traditional = sum(char in _ONLY_TRADITIONAL for char in letters)
    code = "Hans" if simplified > traditional else "Hant" if traditional > simplified else "Hani"
    cantonese = len(_CANTONESE.findall(letters))
    # One character in thirty of written Cantonese is one of these; standard Chinese quotes one now and then.
    return ("yue" if cantonese * 30 >= len(letters) and cantonese else "zho"), code


_SHAN = re.compile("[\u1022\u1035\u1062\u1064\u1067\u1068\u1075-\u1089\u108a\ua9e0-\ua9e6\uaa60-\uaa7b]")
_MON = re.compile("[\u1028\u1033\u1034\u105a-\u1060]")
_SGAW = re.compile("[\u1061-\u1064]")
_PWO = re.compile("[\u1065-\u1070]")
_EXTENDED = re.compile("[\u1022\u1028\u1033-\u1035\u1060-\u1097\uaa60-\uaa7f]")


def _of_myanmar(letters: str) -> str:
    if not _EXTENDED.search(letters) or _in_zawgyi(letters):
        return "mya"
    share = {
        "shn": len(_SHAN.findall(letters)),
        "mnw": len(_MON.findall(letters)),
        "ksw": len(_SGAW.findall(letters)),
        "kjp": len(_PWO.findall(letters)),
    }
    language, count = max(share.items(), key=lambda item: item[1])
    # A name of a Shan town in a Burmese line does not make it Shan.
    return language if count * 25 >= len(letters) else "mya"


def _in_zawgyi(letters: str) -> bool:
    """Zawgyi uses the letters of Shan, Mon and Karen for Burmese ones."""
    from lontar.text.zawgyi import is_zawgyi

    return is_zawgyi(letters)


_JAWI = re.compile("[\u06a0\u06a4\u0762\u06cf\u06bd\u0768\u06a8]")
_PERSIAN, _URDU = re.compile("[\u067e\u0686\u0698\u06af\u06cc\u06a9]"), re.compile("[\u0679\u0688\u0691\u06ba\u06d2]")


def _of_arabic(letters: str) -> str:
    """Malay where letters of Jawi stand (no rule tells Acehnese, Banjarese and Minangkabau in Jawi from Malay)."""
    if len(_JAWI.findall(letters)) * 40 >= len(letters):
        return "zsm"
    if len(_URDU.findall(letters)) * 40 >= len(letters):
        return "urd"
    return "pes" if len(_PERSIAN.findall(letters)) * 25 >= len(letters) else "arb"


def _of_cyrillic(letters: str) -> str:
    return "ukr" if len(re.findall("[іїєґІЇЄҐ]", letters)) * 40 >= len(letters) else "rus"
