"""Words, sentences, syllables and grapheme clusters: hand-cut examples, U+200B, and every registered segmenter."""

import json
from pathlib import Path

import pytest

from lontar import samples
from lontar.core.registry import Registry
from lontar.core.shards import read_jsonl
from lontar.errors import ConfigError, DataError, MissingExtraError
from lontar.text import boundaries, plugged, segment, syllables
from lontar.text.hidden import restored, shown
from lontar.text.plugged import as_found, foreign_words
from lontar.text.registries import sentence_segmenters, syllable_segmenters, word_segmenters

pytest.importorskip("icu4py")
pytest.importorskip("regex")

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "segmentation.json").read_text(encoding="utf-8"))
CODES = ["en", "id", "jv", "km", "lo", "ms", "my", "su", "ta", "th", "tl", "vi", "zh"]
PIECES = {
    "sentences": segment.sentence_pieces,
    "syllables": segment.syllable_pieces,
    "words": segment.word_pieces,
}
HOSTILE = [
    "",
    " ",
    "\0",
    "\ud800",
    "ก\udfff\0ข ค",
    "\u200b" * 3,
    "\u0e31" * 40,
    "\r\n\r\n",
    "a\u2029\u2029b",
    "👩🏽\u200d🌾\ufe0f",
    "_",
]


def lines(code):
    return [row["text"] for _, row in read_jsonl(samples.path("parity") / f"{code}.jsonl")]


def with_zwsp(text, every=1):
    return "\u200b".join(text[at : at + every] for at in range(0, len(text), every))


@pytest.mark.parametrize("cut", GOLDEN["graphemes"])
def test_golden_graphemes(cut):
    assert segment.grapheme_pieces(cut.replace("|", "")) == cut.split("|")


@pytest.mark.parametrize(
    ("kind", "code", "cut"),
    [(kind, code, cut) for kind in PIECES for code, cuts in GOLDEN[kind].items() for cut in cuts],
)
def test_golden_pieces(kind, code, cut):
    assert PIECES[kind](cut.replace("|", ""), code) == cut.split("|")


def test_each_grapheme_rule_has_a_vector():
    whole = "".join(GOLDEN["graphemes"])
    for sign in ("\u0e33", "\u0eb3", "\u1039", "\u17d2", "\u0bcd", "\u200d", "\ufe0f"):
        assert sign in whole


@pytest.mark.parametrize("code", CODES)
def test_zwsp_in_or_out_gives_the_same_counts(code):
    for text in lines(code)[:20]:
        for spread in (with_zwsp(text), with_zwsp(text, 3), f"\u200b{text}\u200b\u200b"):
            assert segment.words(spread, code) == segment.words(text, code)
            assert segment.sentences(spread, code) == segment.sentences(text, code)
            assert segment.graphemes(spread) == segment.graphemes(text)
            if code in syllables.SEGMENTER:
                assert segment.syllables(spread, code) == segment.syllables(text, code)
            assert "".join(segment.word_pieces(spread, code)) == spread
            assert "".join(segment.sentence_pieces(spread, code)) == spread
            assert "".join(segment.grapheme_pieces(spread)) == spread


def test_zwsp_stays_with_the_piece_before_it():
    assert segment.word_pieces("\u200bไป\u200b\u200b บ้าน", "th") == ["\u200bไป\u200b\u200b", " ", "บ้าน"]
    assert segment.word_pieces("\u200b\u200b", "th") == ["\u200b\u200b"]
    assert restored("", []) == []


def test_the_words_of_a_hyphened_language():
    assert segment.words("Anak-anak bermain", "id") == ["Anak-anak", "bermain"]
    assert segment.words("Anak-anak bermain", "en") == ["Anak", "anak", "bermain"]


def test_scripts_and_digits_part_words_where_no_space_does():
    assert segment.words("ในiPhone7วันๆ", "th") == ["ใน", "iPhone7", "วัน", "ๆ"]
    assert segment.words("ຊື້Honda3ຄັນ", "lo") == ["ຊື້", "Honda3", "ຄັນ"]


@pytest.mark.parametrize("code", CODES)
def test_many_at_once_are_as_one_by_one(code):
    texts = [*lines(code)[:25], *HOSTILE, "a\r", "\u0e31ก", with_zwsp("ไปบ้าน")]
    assert segment.word_pieces_many(texts, code) == [segment.word_pieces(text, code) for text in texts]
    assert segment.words_many(texts, code) == [segment.words(text, code) for text in texts]
    assert segment.words_many([], code) == []


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_back_whole(code, text):
    assert "".join(segment.word_pieces(text, code)) == text
    assert "".join(segment.sentence_pieces(text, code)) == text
    assert "".join(segment.grapheme_pieces(text)) == text
    if code in syllables.SEGMENTER:
        assert "".join(segment.syllable_pieces(text, code)) == text


@pytest.mark.parametrize("code", ["th", "en"])
def test_no_syllables_are_guessed(code):
    with pytest.raises(ConfigError, match="needs a dictionary"):
        segment.syllables("x", code)


def test_an_unknown_language_has_no_syllables():
    with pytest.raises(ConfigError, match="not known"):
        segment.syllable_pieces("x", "xx")


def test_a_word_in_thai_or_burmese_never_begins_with_a_sign():
    marked = "กุ์ำ่ก็" * 3
    assert not any(piece[0] in "\u0e33\u0e38\u0e48\u0e4c\u0e47" for piece in segment.word_pieces(marked, "th")[1:])
    for text in lines("my"):
        assert not any("\u102b" <= piece[0] <= "\u103e" for piece in segment.word_pieces(text, "my"))


def test_marks_in_either_order_are_cut_alike():
    assert segment.words("န\u103e\u1004\u103a\u1037သူ", "my") == ["န\u103e\u1004\u103a\u1037", "သူ"]
    assert segment.words("န\u103e\u1004\u1037\u103aသူ", "my") == ["န\u103e\u1004\u1037\u103a", "သူ"]
    for text in lines("km"):
        assert len(shown(text, "km")) == len(text)


def test_each_model_is_small_and_whole_numbers():
    import numpy as np

    for code in boundaries.MODELED:
        path = boundaries.MODELS / f"{code}.npy"
        assert path.stat().st_size < 150_000
        assert np.load(path).shape == (1 << boundaries.BITS,)


# --- Every registered segmenter --------------------------------------------------------------------------------------

LANGUAGE_OF = {"pythainlp": "th", "khmernltk": "km", "laonlp": "lo", "jieba": "zh", "pyvi": "vi"}


def called(entry, text, code):
    try:
        return entry.function(text, code)
    except MissingExtraError as err:
        assert err.hint.startswith("pip install")
        pytest.skip(f"{entry.name} needs a library: {err.message}")


def obeys(function, code, texts):
    """What every segmenter owes: pieces in order, nothing lost but spaces and punctuation, the same with U+200B."""
    for text in texts:
        found = function(text, code)
        at = 0
        for piece in found:
            at = shown(text).index(shown(piece), at) + len(shown(piece))
        assert [c for c in "".join(found) if c.isalnum()] == [c for c in text if c.isalnum()]
        assert function(with_zwsp(text, 2), code) == found


@pytest.mark.parametrize("name", [entry.name for entry in word_segmenters])
def test_every_word_segmenter_obeys(name):
    entry = word_segmenters.get(name)
    code = LANGUAGE_OF.get(name, "th")
    called(entry, "a", code)
    obeys(entry.function, code, [*lines(code)[:10], "", "\0", "a\0b c", "a\n\nb", "a_b"])
    assert entry.function("\ud800", code) == []


@pytest.mark.parametrize("name", [entry.name for entry in sentence_segmenters])
def test_every_sentence_segmenter_obeys(name):
    for code in CODES:
        obeys(sentence_segmenters.get(name).function, code, lines(code)[:5])


@pytest.mark.parametrize("code", sorted(syllables.SEGMENTER))
def test_every_syllable_segmenter_loses_no_letter_of_its_language(code):
    # Signs of repetition stand for a syllable and are none.
    texts = [text for text in lines(code) if not any(c.isdigit() or c in "\u0ec6\u17d7" for c in text)][:10]
    obeys(syllable_segmenters.get(syllables.SEGMENTER[code]).function, code, ["", "\0", *texts])


def test_every_registered_syllable_segmenter_has_a_language():
    assert {entry.name for entry in syllable_segmenters} >= set(syllables.SEGMENTER.values())


# --- Segmenters of other projects ------------------------------------------------------------------------------------


def test_a_tokenizer_that_drops_spaces_or_writes_underscores_is_followed():
    assert foreign_words(lambda line: ["học_sinh", "đi", "học", "."], "học sinh  đi học.", "vi") == [
        "học sinh",
        "đi",
        "học",
    ]
    assert list(as_found("a_b c", ["a_b", "c"])) == ["a_b", "c"]


def test_a_tokenizer_that_changes_the_text_is_an_error():
    with pytest.raises(DataError, match="which is not at"):
        foreign_words(lambda line: [line.upper()], "abc", "en")
    with pytest.raises(DataError, match="which is not at"):
        foreign_words(lambda line: [line, "more"], "abc", "en")


def test_a_segmenter_of_ones_own_needs_one_decorated_function():
    registry = Registry("word segmenter")

    @registry("halves")
    def halves(text, locale, /):
        return foreign_words(lambda line: line.split("-"), text.replace("-", " "), locale)

    obeys(registry.get("halves").function, "en", ["ab cd", "", "\ud800 x"])


def test_what_is_missing_is_said(monkeypatch):
    def absent(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(plugged.importlib, "import_module", absent)
    with pytest.raises(MissingExtraError) as caught:
        plugged.laonlp_words("ສະບາຍດີ", "lo")
    assert caught.value.hint == "pip install laonlp"


DATA = Path(__file__).parents[4] / "shared" / "data"


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data: real text, not part of a clone")
def test_held_out_thai_words_are_found():
    held = set(json.loads((Path(__file__).parents[3] / "scripts/segmenters/heldout.json").read_text(encoding="utf-8")))
    rows = [row for _, row in read_jsonl(DATA / "tasks/wordseg_wisesight_th.jsonl.zst") if row["id"] in held]
    gold = [[token for token in row["tokens"] if token != "\u200b"] for row in rows]
    ours = segment.word_pieces_many(["".join(cut) for cut in gold], "th")
    right = sum(len(spans(a) & spans(b)) for a, b in zip(gold, ours, strict=True))
    total = sum(len(spans(a)) + len(spans(b)) for a, b in zip(gold, ours, strict=True))
    assert 2 * right / total > 0.84


def spans(pieces):
    at, found = 0, set()
    for piece in pieces:
        if piece.strip():
            found.add((at, at + len(piece)))
        at += len(piece)
    return found
