from __future__ import annotations

import random

import pytest

from lontar import languages
from lontar.eval.items import Item, build_all, builder, located

LONG = {
    "en": "The market opens at seven. It closes when the rain begins! Nobody knows why?",
    "th": "ตลาดเปิดเจ็ดโมงเช้า และปิดเมื่อฝนเริ่มตก ไม่มีใครรู้ว่าทำไม",
    "my": "ဈေးသည် ခုနစ်နာရီတွင် ဖွင့်သည်။ မိုးစရွာလျှင် ပိတ်သည်။",
    "km": "ផ្សារបើកនៅម៉ោងប្រាំពីរ។ វាបិទនៅពេលភ្លៀងធ្លាក់។",
    "zh": "市场七点开门。下雨的时候就关门。",
}


def built(name: str, text: str, lang: str, seed: int = 0, **knobs: object) -> list[Item]:
    use = builder.use({name: dict(knobs)})
    return list(use(Item("i", lang, text, group="g"), languages.get(lang), random.Random(seed)))


@pytest.mark.parametrize("lang", LONG)
@pytest.mark.parametrize("max_bytes", [1, 7, 40, 120, 10_000])
def test_passages_lose_no_letter_and_are_never_too_long(lang: str, max_bytes: int) -> None:
    found = built("passages", LONG[lang], lang, max_bytes=max_bytes)
    assert "".join("".join(item.text.split()) for item in found) == "".join(LONG[lang].split())
    # Nothing is smaller than a character, which may have three bytes.
    assert all(len(item.text.encode()) <= max(max_bytes, 3) for item in found)
    assert {item.group for item in found} == {"g"}
    assert len({item.id for item in found}) == len(found)


def test_passages_are_whole_sentences_where_they_fit() -> None:
    found = built("passages", LONG["en"], "en", max_bytes=60)
    assert [item.text for item in found] == [
        "The market opens at seven. It closes when the rain begins!",
        "Nobody knows why?",
    ]
    assert built("passages", "  \n ", "en") == []


@pytest.mark.parametrize("lang", LONG)
def test_shuffled_words_are_the_same_words(lang: str) -> None:
    (item,) = built("shuffled_words", LONG[lang], lang, min_words=2)
    choices, answer = item.fields["choices"], item.fields["answer"]
    assert isinstance(choices, list) and isinstance(answer, int)
    right, wrong = str(choices[answer]), str(choices[1 - answer])
    assert right == LONG[lang] != wrong
    assert sorted(right) == sorted(wrong)
    punctuation = [(i, c) for i, c in enumerate(right) if c in "။។。"]
    assert len(punctuation) == sum(c in "။។。" for c in wrong)


def test_shuffling_is_decided_by_the_seed_alone() -> None:
    one, again = (built("shuffled_words", LONG["en"], "en", seed=1) for _ in range(2))
    assert one == again
    answers = {built("shuffled_words", LONG["en"], "en", seed=s)[0].fields["answer"] for s in range(20)}
    assert answers == {0, 1}, "the right choice stands on either side"


@pytest.mark.parametrize("text", ["", "one two", "a a a a a", "!!! ???", "ja ja ja ja"])
def test_nothing_to_shuffle(text: str) -> None:
    assert built("shuffled_words", text, "id") == []


@pytest.mark.parametrize("lang", LONG)
def test_a_prefix_and_its_rest_are_the_text(lang: str) -> None:
    (item,) = built("prefix", LONG[lang], lang, min_words=2)
    prefix, rest = str(item.fields["prefix"]), str(item.fields["rest"])
    assert prefix + rest == LONG[lang]
    assert prefix.strip() and any(c.isalpha() for c in rest)
    assert 0.2 < len(prefix) / len(LONG[lang]) < 0.8


def test_extreme_shares_leave_something_on_both_sides() -> None:
    for share in (0.0, 1.0, 5.0):
        (item,) = built("prefix", LONG["en"], "en", share=share)
        assert str(item.fields["prefix"]).strip() and str(item.fields["rest"]).strip()
    assert built("prefix", "two words", "en") == []


def test_builders_follow_each_other() -> None:
    uses = [builder.use({"passages": {"max_bytes": 60}}), builder.use({"prefix": {"min_words": 2}})]
    found = build_all(Item("i", "en", LONG["en"]), languages.get("en"), uses, "seed")
    assert [item.id for item in found] == ["i#0", "i#1"]
    assert all("prefix" in item.fields for item in found)


def test_words_are_found_in_order() -> None:
    assert located("a b a", ["a", " ", "b", "a", "zzz"]) == [("a", 0), ("b", 2), ("a", 4)]
