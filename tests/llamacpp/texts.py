"""Texts on which two tokenizers must agree: every packaged sentence, and what tokenizers stumble over."""

import random
import unicodedata
from pathlib import Path

import lontar
from lontar.core.shards import read_jsonl

SAMPLES = Path(lontar.__file__).parent / "samples"
TRICKY = (
    "", " ", "  ", "   a", "a   ", "\n", "\n\n\n", " \n \n", "\t\ta\tb", "a\r\nb\r\n",
    "\u00a0\u00a0x", "a\u3000b", "x\u200by", "I'M they'LL we'Ve it's 'tis don’t 'S", "1", "12",
    "123", "1234567890", "3.14159", "2024-05-17", "١٢٣ ๑๒๓ ၁၂၃ ១២៣ ໑໒໓ ௧௨௩", "ที่ไปไม่ได้ น้ำ",
    "ນ້ຳ ຜູ້ ເກົ່າ", "ក្រុង ស្ត្រី ខ្ញុំ", "မြန်မာ ကျောင်း ၏", "கொடு ஸ்ரீ", "ĐẠI HỌC Ở HÀ NỘI",
    "ÉCOLE École", "ﬁ ﬀ", "हिन्दी", "العربية", "日本語のテキスト、中文。", "한국어", "😀👩‍👩‍👧‍👦🇹🇭", "a\u0301\u0323",
    "naïve café", "𝔘𝔫𝔦", "\u0e33", "\ufeffx", "def f(x):\n    return x**2  # ok\n",
    "<html><b>x</b></html>", "https://ex.am/ple?q=1&r=%20", "!!!???...", "—–-", "a_b-c/d\\e",
    "\\n \\t", "<|im_start|>user\nhi<|im_end|>\n", "<|endoftext|>", "a<|im_end|>b",
    " <|im_start|> ", "<|im_start", "x" * 300, "ก" * 200, "\x00\x01\x7f",
)  # fmt: skip
_POOL = (
    "aZ é ĐẠ1'\"!?.,-_/\\ \t\n\r0123456789"
    + "กขคงที่้ำเแโไ๑๒" + "ກຂຄ່້ຳເແໂ໑" + "កខគ្ាិុំះ១" + "ကခဂျြွှာိုံ့း်၁" + "அகதொிு்ஸ" + "中文日本한국" + "हि्ा" + "العَ" + "😀‍🏽"
)  # fmt: skip


def samples() -> list[tuple[str, str]]:
    """(language, text) of every packaged file with text in it."""
    found = []
    for file in sorted(SAMPLES.rglob("*.jsonl")):
        for _, row in read_jsonl(file):
            if file.parent.name != "dirty" and isinstance(row.get("text"), str):
                found.append((file.stem, row["text"]))
    return found


def fuzz(n: int, seed: int = 0) -> list[str]:
    """Random strings of letters, marks, digits, spaces and joiners of many scripts."""
    draw = random.Random(seed)
    return ["".join(draw.choice(_POOL) for _ in range(draw.randrange(1, 40))) for _ in range(n)]


def nfc(text: str) -> str:
    """What a tokenizer with that normalizer sees; llama.cpp leaves it to the caller."""
    return unicodedata.normalize("NFC", text)
