"""Text that comes in pieces: stop texts, characters cut by tokens, server-sent events."""

from __future__ import annotations

import itertools
import json

import pytest

from lontar.backends.sse import MAX_EVENT_BYTES, EventReader, event_object
from lontar.backends.stops import StopFilter
from lontar.backends.text import Detokenizer, Pieces, byte_alphabet, decode
from lontar.errors import UnavailableError


def pushed(stops: list[str], pieces: list[str]) -> tuple[str, bool]:
    found = StopFilter(stops)
    shown = [found.push(piece) for piece in pieces]
    if not found.stopped:
        shown.append(found.flush())
    return "".join(shown), found.stopped


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_stop_text_never_leaks_however_it_is_cut(cut: int) -> None:
    text = "answer<end>more"
    pieces = [text[i : i + cut] for i in range(0, len(text), cut)]
    assert pushed(["<end>"], pieces) == ("answer", True)


def test_the_first_of_several_stop_texts_counts() -> None:
    assert pushed(["bb", "cab"], ["x", "c", "a", "b", "b"]) == ("x", True)
    assert pushed(["\n\n"], ["one\n", "two\n", "\nthree"]) == ("one\ntwo", True)


def test_what_only_looks_like_a_stop_text_is_shown() -> None:
    assert pushed(["<end>"], ["a<en", "d", "!"]) == ("a<end!", False)
    assert pushed(["<end>"], ["a<en"]) == ("a<en", False)
    assert pushed([], ["a", "b"]) == ("ab", False)
    assert pushed([""], ["a"]) == ("a", False)


# --- detokenization


def byte_tokenizer() -> object:
    tokenizers = pytest.importorskip("tokenizers")
    by_byte = {b: c for c, b in byte_alphabet().items()}
    vocabulary = {by_byte[b]: b for b in range(256)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|end|>"])
    tokenizer.add_tokens(["กขค"])
    return tokenizer


def test_the_alphabet_is_a_bijection_and_agrees_with_the_library() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    assert sorted(byte_alphabet().values()) == list(range(256))
    assert set(byte_alphabet()) == set(tokenizers.pre_tokenizers.ByteLevel.alphabet())


@pytest.mark.parametrize("text", ["ဈေး ဖွင့်", "ไทย", "a\u200bb", "👩‍👩‍👧", "", "tiếng Việt", "ភាសាខ្មែរ"])
def test_one_byte_per_token_gives_whole_characters(text: str) -> None:
    pieces = Pieces(byte_tokenizer())
    detokenizer = Detokenizer(pieces)
    shown = [detokenizer.push(b) for b in text.encode()]
    assert "".join(shown) == text
    assert all("\ufffd" not in part for part in shown)
    assert [part for part in shown if part] == list(text)


def test_bytes_that_are_no_character_are_dropped() -> None:
    pieces = Pieces(byte_tokenizer())
    assert decode(pieces, [0xE0, 0x41, 0xFF, 0x42, 0xE0, 0xB8]) == "AB"
    assert decode(pieces, "a\ufffdb".encode()) == "a\ufffdb", "a replacement sign that the model wrote is text"


def test_special_tokens_are_silent_and_added_ones_are_not() -> None:
    pieces = Pieces(byte_tokenizer())
    assert decode(pieces, [0x41, 256, 257, 0x42, 9999]) == "AกขคB"
    assert pieces.name(256) == "<|end|>"
    assert pieces.name(0xE0) == "\ufffd"


def test_byte_fallback_vocabularies() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    vocabulary = {"<unk>": 0, "▁Hi": 1, "▁a": 2, "<0xE0>": 3, "<0xB8>": 4, "<0x81>": 5}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, [], byte_fallback=True, unk_token="<unk>"))
    parts = [tokenizers.decoders.Replace("▁", " "), tokenizers.decoders.ByteFallback(), tokenizers.decoders.Fuse()]
    for strip, expected in ((False, " Hi aก"), (True, "Hi aก")):
        more = [tokenizers.decoders.Strip(" ", 1, 0)] if strip else []
        tokenizer.decoder = tokenizers.decoders.Sequence([*parts, *more])
        assert decode(Pieces(tokenizer), [1, 2, 3, 4, 5]) == expected == tokenizer.decode([1, 2, 3, 4, 5])


# --- server-sent events

STREAM = (
    ": keep the connection open\r\n\r\n"
    'event: message\r\ndata: {"text": "สวัสดี"}\r\n\r\n'
    'data: {"text":\ndata:  "two lines"}\n\n'
    "data: [DONE]\n\n"
).encode()
EVENTS = ['{"text": "สวัสดี"}', '{"text":\n "two lines"}', "[DONE]"]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64, 10_000])
def test_events_do_not_depend_on_how_the_stream_is_cut(size: int) -> None:
    reader = EventReader()
    pieces = [STREAM[i : i + size] for i in range(0, len(STREAM), size)]
    assert list(itertools.chain.from_iterable(reader.feed(piece) for piece in pieces)) == EVENTS


def test_missing_empty_lines_and_a_missing_end() -> None:
    reader = EventReader()
    assert list(reader.feed(b'data: {"a": 1}\ndata: {"a": 2}\ndata: [DONE]\n')) == ['{"a": 1}', '{"a": 2}']
    assert list(reader.end()) == ["[DONE]"]
    reader = EventReader()
    assert list(reader.feed(b'data: {"a": 1}')) == []
    assert list(reader.end()) == ['{"a": 1}']


def test_broken_events() -> None:
    assert event_object('{"a": 1}') == {"a": 1}
    for data in ('{"a": ', "", "nonsense", "[1]", "3"):
        with pytest.raises(UnavailableError):
            event_object(data)
    reader = EventReader()
    with pytest.raises(UnavailableError, match="bytes"):
        for _ in range(3):
            list(reader.feed(b"data: " + b"x" * (MAX_EVENT_BYTES // 2)))
    huge = json.dumps({"text": "x" * 10_000_000}).encode()
    assert len(list(EventReader().feed(b"data: " + huge + b"\n\n"))) == 1
