"""The fast encoder: always the ids of `tokenizers`, whichever library gives them."""

import unicodedata

import pytest

pytest.importorskip("tokenizers")
pytest.importorskip("tiktoken")

from hypothesis import given
from hypothesis import strategies as st

from lontar.models import fast
from lontar.models.fast import Encoder
from lontar.models.odd_text import RECENT, TRICKY, texts_of_all_languages
from lontar.models.vocab import from_json, to_json
from lontar.text.unicode import whole

ODD = (
    "กขค่้ำ ກຄ່້ຳ ကခဥဉ\u103a\u1037\u102e ក្ខា ஒகெொா\u0bbe\u0bd7 ệ\u0302\u0301\u0323 aAſ'’ 12 \t\n\r"
    "\u200b\u200c\ud83d\ude00<|>/"
)
CHARS = st.one_of(st.characters(), st.sampled_from(ODD))
TEXT = st.lists(
    st.one_of(st.text(CHARS, max_size=30), st.sampled_from(["<think>", "<|im_end|>", "<|endoftext|>", " <think", "  "]))
).map("".join)


@pytest.fixture(scope="module")
def made(tokenizer):
    """With a token that is added and not special, as Qwen 3 has <think>."""
    from tokenizers import AddedToken

    own = from_json(to_json(tokenizer))
    own.add_tokens([AddedToken("<think>", special=False, normalized=False)])
    return own


@pytest.fixture(scope="module")
def encoder(made):
    encoder = Encoder(made, after=0)
    encoder(["begin"])
    assert encoder.note == "tiktoken"
    return encoder


def slowly(tokenizer, texts):
    return [one.ids for one in tokenizer.encode_batch([whole(t) for t in texts], add_special_tokens=False)]


@given(st.lists(TEXT, max_size=5), st.booleans())
def test_random_text_has_the_same_ids(made, encoder, texts, as_text):
    made.encode_special_tokens = as_text
    assert encoder(texts) == slowly(made, texts)


def test_every_character_and_the_odd_texts(made, encoder):
    every = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    texts = [
        *texts_of_all_languages(),
        *TRICKY,
        RECENT,
        *("".join(every[i : i + 64]) for i in range(0, len(every), 64)),
    ]
    assert encoder(texts) == slowly(made, texts)


def test_every_character_after_others_is_composed_alike(made):
    """Pairs that NFC may join or reorder: each mark and each second of a pair after letters and marks."""
    slow = made.normalizer.normalize_str
    seconds = [chr(c) for c in range(0x110000) if unicodedata.combining(chr(c))] + list(
        "\u0bbe\u0bd7\u102e\u1161\u11a8"
    )
    for first in "aệ\u1025ကெே\u0b92ก\u0e48\u103a\u1037ា\u17d2":
        for second in seconds:
            text = f"{first}{second}{first} {second}\u0301"
            assert fast._composed(text, slow) == slow(text), ascii(text)


def test_a_text_that_tiktoken_cannot_take_stays(made, encoder, monkeypatch):
    monkeypatch.setattr(fast, "LONGEST_RUN", 50)
    texts = ["a" * 51, "a " * 100, " \t" * 51 + "x", "\n" * 50 + "ก", "ok", "<think>x"]
    asked = []

    class Watched:
        encode_special_tokens = True

        def encode(self, text, **given):
            asked.append(text)
            return made.encode(text, **given)

    made.encode_special_tokens = True
    monkeypatch.setattr(encoder._fast, "_tokenizer", Watched())
    assert encoder(texts) == slowly(made, texts)
    assert asked == ["a" * 51, " \t" * 51 + "x", "<think>x"]


def test_half_a_million_spaces(made, encoder):
    """tiktoken alone panics."""
    texts = ["x" + " " * 500_000 + "y"]
    assert encoder(texts) == slowly(made, texts)


def test_threads_keep_the_order(made, encoder, monkeypatch):
    texts = [f"text {n} สวัสดี" for n in range(23)]
    for threads in (1, 2, 5, 40):
        monkeypatch.setattr(fast, "workers", lambda threads=threads: threads)
        assert encoder(texts) == slowly(made, texts)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "7"}, 1),
        ({"TOKENIZERS_PARALLELISM": "true", "RAYON_NUM_THREADS": "7"}, 7),
    ],
)
def test_as_many_threads_as_tokenizers_takes(monkeypatch, names, expected):
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    assert fast.workers() == expected


def test_little_text_is_not_worth_it(made):
    encoder = Encoder(made, after=100)
    encoder(["a" * 40])
    assert "less than" in encoder.note
    assert encoder(["a" * 70]) == slowly(made, ["a" * 70]) and encoder.note == "tiktoken"


def reason(tokenizer, monkeypatch=None):
    encoder = Encoder(tokenizer, after=0)
    assert encoder(["ab"]) == slowly(tokenizer, ["ab"]) == encoder(["ab"])
    return encoder.note


def test_why_not(made, monkeypatch):
    tree = to_json(made)
    assert "not one pattern" in reason(from_json({**tree, "pre_tokenizer": tree["pre_tokenizer"]["pretokenizers"][1]}))
    cut = {"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 0}
    assert "cuts or pads" in reason(from_json({**tree, "truncation": cut}))
    monkeypatch.setattr(fast._Tiktoken, "__call__", lambda self, texts: [[0]] * len(texts))
    assert "other ids for" in reason(made)
    monkeypatch.setattr(fast.importlib.util, "find_spec", lambda name: None)
    assert "not installed" in reason(made)


def test_other_normalizers(made):
    tree = to_json(made)
    for node in (None, {"type": "Lowercase"}, {"type": "NFD"}):
        other = from_json({**tree, "normalizer": node})
        encoder = Encoder(other, after=0)
        texts = ["ABC Tiê\u0301ng Việt", "a\ud800", "İ ဥ\u102e"]
        assert encoder(["x"]) and encoder.note == "tiktoken"
        assert encoder(texts) == slowly(other, texts)
