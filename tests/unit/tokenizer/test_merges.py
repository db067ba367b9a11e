from hypothesis import given
from hypothesis import strategies as st

from lontar.models.vocab import byte_characters
from lontar.tokenizer.merges import (
    Settings,
    clusters_of,
    inside_character,
    learn,
    length,
    threshold,
    train,
    without,
)

TABLE = byte_characters()


def encoded(text):
    return "".join(TABLE[b] for b in text.encode("utf-8"))


def words(**counts):
    return {tuple(word): n for word, n in counts.items()}


def test_the_most_frequent_pair_is_merged_first():
    assert train(words(abc=3, ab=2, bc=1), 2, 1, 10) == [("a", "b"), ("ab", "c")]


def test_limits_of_training():
    assert train(words(abab=4), 10, 1, 2) == [("a", "b")], "no token joins more than two pieces"
    assert train(words(ab=1, cd=5), 10, 2, 10) == [("c", "d")]
    assert train(words(ab=1, a=9), 0, 1, 10) == train(words(a=9, b=9), 5, 1, 10) == []


def test_single_tokens_take_no_budget():
    singles = {(chr(0x4E00 + i),): 9 for i in range(50)}
    assert len(train({**singles, **words(abcdef=3)}, 2, 1, 10)) == 2


def test_clusters_are_characters_as_people_see_them():
    letters = [encoded(c) for c in "กี่ข"]
    assert clusters_of(letters) == [tuple(letters[:3]), (letters[3],)]
    assert clusters_of([encoded("กี่")[:4], encoded("กี่")[4:] + encoded("ข")]) == [
        (encoded("กี่")[:4], encoded("กี่")[4:] + encoded("ข"))
    ], "a token over a border joins what it touches"
    assert clusters_of(["à", "¸"]) == [("à",), ("¸",)], "no text: every token alone"
    family = encoded("👨\u200d👩\u200d👧")
    assert clusters_of(list(family)) == [tuple(family)]


@given(st.text(min_size=1), st.randoms(use_true_random=False))
def test_clusters_lose_nothing(text, rng):
    whole = encoded(text.encode("utf-8", "ignore").decode("utf-8"))
    cuts = sorted(rng.sample(range(len(whole) + 1), min(len(whole), 5)))
    tokens = [t for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True) if (t := whole[a:b])]
    assert [t for cluster in clusters_of(tokens) for t in cluster] == tokens


def test_inside_character():
    assert inside_character((encoded("ก"), encoded("ี")))
    assert inside_character(("à", "¸"))
    assert not inside_character((encoded("ก"), encoded("ข")))


def test_whole_characters_come_first(base):
    """Every learned merge of Burmese either builds a character or joins whole ones."""
    text = ["မြန်မာစကားပြောတယ်", "မြန်မာပြည်", "စကားပြော"] * 3
    marks = base.__class__({**base.tree, "pre_tokenizer": _marks()})
    found = learn(marks, marks.count_pieces(text), Settings(200, 2, 32, True))
    inside = [inside_character(pair) for pair in found]
    assert any(inside) and not all(inside)
    assert inside == sorted(inside, reverse=True)
    broken = learn(marks, marks.count_pieces(text), Settings(200, 2, 32, False))
    assert found != broken


def _marks():
    from lontar.models.vocab import to_json, train_bpe

    return to_json(train_bpe(["a"], 259, pattern="qwen35"))["pre_tokenizer"]


def test_no_token_is_longer_than_asked(base):
    found = learn(base, {encoded("aaaaaaaaaaaaaaaa"): 50, encoded("กกกกกกกก"): 50}, Settings(50, 1, 4, False))
    assert found and max(length(a + b) for a, b in found) == 4
    assert length(encoded("กข")) == 2 and length("à") == 1


def test_thresholds_grow_with_the_corpus():
    assert [threshold(n) for n in (10, 100_000, 700_000, 10**8)] == [2, 2, 7, 20]


def test_dropping_a_merge_drops_what_is_built_on_it():
    merges = [("a", "b"), ("c", "d"), ("ab", "cd"), ("e", "f")]
    assert without(merges, ["cd"]) == [("a", "b"), ("e", "f")]
    assert without(merges, ["abcd"]) == [("a", "b"), ("c", "d"), ("e", "f")]
