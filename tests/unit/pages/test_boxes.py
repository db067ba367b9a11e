"""Tokens over a sentence: what tears a character, what stands in one element, and the HTML."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lontar.pages.boxes import Cell, Span, cells, drawn, spans, token_boxes
from lontar.pages.clusters import safe_cuts

pytest.importorskip("regex")
TEXTS = st.text(
    st.one_of(
        st.sampled_from("a é<&\"'\u200b\u200d👩🇲🇲👍🏽"),
        st.sampled_from("ကျွန်တော်ဒ္ဓား"),
        st.sampled_from("ខ្មែរង្កៀ"),
        st.sampled_from("น้ำเรียนຫຼໍາக்ஷி"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=30,
)


def cut(text: str, data: st.DataObject) -> list[bytes]:
    """The text's bytes in pieces, cut anywhere."""
    raw = text.encode()
    inner = sorted(data.draw(st.sets(st.integers(1, len(raw) - 1)))) if len(raw) > 1 else []
    return [raw[a:b] for a, b in pairwise([0, *inner, len(raw)])] if raw else []


@given(TEXTS, st.data())
def test_spans_cover_the_bytes_exactly(text: str, data: st.DataObject) -> None:
    pieces = cut(text, data)
    found = spans(text, pieces)
    assert [text.encode()[s.start : s.end] for s in found] == pieces
    assert [0, *(s.end for s in found)] == [*(s.start for s in found), len(text.encode())]
    for span, piece in zip(found, pieces, strict=True):
        assert piece in text[span.first : span.last].encode()
        if span.is_text and piece.decode() != text[span.first : span.last]:
            pytest.fail("valid UTF-8 that is not its characters")


@given(TEXTS, st.data())
def test_cells_spell_the_text_and_hold_every_token_in_order(text: str, data: st.DataObject) -> None:
    made = drawn(text, cut(text, data))
    assert "".join(cell.text for cell in made.cells) == text
    order = [token for cell in made.cells for token in cell.tokens]
    assert order == sorted(order) and set(order) == set(range(made.n))
    at, borders = 0, set(safe_cuts(text))
    for cell in made.cells:
        at += len(cell.text)
        assert at in borders
    assert token_boxes(made.json()).count('class="t') == len(made.cells)


def test_a_letter_torn_into_bytes() -> None:
    found = spans("ကa", [b"\xe1\x80", b"\x80", b"a"])
    assert found == [Span(0, 2, 0, 1, False, False), Span(2, 3, 0, 1, False, False), Span(3, 4, 1, 2, True, True)]
    assert cells("ကa", found) == [Cell("က", (0, 1)), Cell("a", (2,))]


def test_a_mark_cut_from_its_letter_is_text_but_torn() -> None:
    found = spans("กี", ["ก".encode(), "ี".encode()])
    assert [(s.whole, s.is_text) for s in found] == [(False, True), (False, True)]


def test_one_token_over_several_characters_is_one_box() -> None:
    made = drawn("เรียน ok", ["เรียน".encode(), b" ok"])
    assert made.cells == [Cell("เรียน", (0,)), Cell(" ok", (1,))] and made.torn == [] and made.spelled == []
    assert token_boxes(made.json()) == '<span class="t a">เรียน</span><span class="t b"> ok</span>'


def test_a_token_that_ends_in_the_next_character_runs_on_under_it() -> None:
    made = drawn("เรียน", ["เร".encode(), "ียน".encode()])
    assert made.cells == [Cell("เ", (0,)), Cell("รี", (0, 1)), Cell("ยน", (1,))]
    assert made.spelled == [("เรียน", ["เร", "◌ียน"])]
    html = token_boxes(made.json())
    assert html.count('<i class="x"></i>') == html.count('<i class="x off"></i>') == 1
    assert html.count('<i class="y"></i>') == html.count('<i class="y off"></i>') == 1
    assert html.count('<b lang="en">2</b>') == html.count("<b") == 1


def test_signs_that_unicode_sets_apart_share_an_element_and_are_not_torn() -> None:
    made = drawn("ကာ", ["က".encode(), "ာ".encode()])  # two clusters in UAX 29
    assert made.torn == [] and made.cells == [Cell("ကာ", (0, 1))]
    assert '<i class="a"></i><i class="b"></i>' in token_boxes(made.json())


def test_tokens_without_bytes_and_without_the_text() -> None:
    assert drawn("", []).json() == {"n": 0, "torn": [], "not_utf8": 0, "cells": [], "spelled": []}
    assert [s.end for s in spans("a", [b"", b"a", b""])] == [1]
    for pieces in ([b"a"], [b"a", b"b", b"c"], [b"b", b"a"]):
        with pytest.raises(ValueError, match="do not spell"):
            spans("ab", pieces)


def test_markup_and_invisible_characters_in_a_sentence_do_nothing() -> None:
    text = '<script>"&\u202e'
    html = token_boxes(drawn(text, [text[:3].encode(), text[3:].encode()]).json())
    assert "<script" not in html and "\u202e" not in html
    assert "&lt;sc" in html and '<span class="chip">RLO</span>' in html
