"""What has been learned is cut again: to the same, to less, to more."""

import numpy as np
import pytest

from lontar.core.shards import read_jsonl, write_jsonl
from lontar.errors import ArtifactError, DataError
from lontar.tokenizer import texts as texts_module
from lontar.tokenizer.audit import audit
from lontar.tokenizer.base import text_of
from lontar.tokenizer.candidates import FILE, IDLE_SHARE, Learned, equal_weights, reachable
from lontar.tokenizer.config import ExtendConfig, RecutConfig
from lontar.tokenizer.extend import count_tokens, extend, recut
from lontar.tokenizer.guard_text import guard_lines
from lontar.tokenizer.merges import tokens_of


@pytest.fixture(scope="module")
def folder(extension, tmp_path_factory):
    place = tmp_path_factory.mktemp("learned")
    extension.learned.save(place, "digest")
    return place


def load(folder, extension, digest="digest"):
    return Learned.load(folder, extension.original, digest)


def test_the_same_budget_gives_the_same_tokenizer(folder, extension):
    again = recut(extension.original, load(folder, extension), RecutConfig(new_tokens=600))
    assert again.new.tree == extension.new.tree
    assert again.freed == extension.freed


@pytest.mark.parametrize(("budget", "how"), [(50, "maximin"), (300, "nash"), (300, "weighted"), (800, "maximin")])
def test_other_budgets_pass_the_audit(folder, extension, texts, budget, how):
    made = recut(extension.original, load(folder, extension), RecutConfig(new_tokens=budget, allocation=how))
    audit(made, [text for many in texts.values() for text in many])
    assert len(made.tokens) == budget


def test_more_than_was_learned_gives_what_there_is(folder, extension, texts):
    made = recut(extension.original, load(folder, extension), RecutConfig(new_tokens=10**6))
    audit(made, texts["th"])
    assert len(made.tokens) <= sum(len(one.merges) for one in extension.learned.groups)


def test_guard_text_that_came_later_is_respected(folder, extension, monkeypatch):
    token = next(token for token in tokens_of(extension.merges["Latin"]) if token.startswith("Ġ") and len(token) > 4)
    word = text_of(token).strip()
    lines = [*guard_lines(extension.original), f"{word} {word}"]
    monkeypatch.setattr(texts_module, "guard_lines", lambda base: lines)
    before = load(folder, extension)
    made = recut(extension.original, before, RecutConfig(new_tokens=600))
    audit(made, [])
    assert token not in made.tokens and made.learned.guard != before.guard
    kept, all_of_it = (next(one for one in each.groups if one.script == "Latin") for each in (made.learned, before))
    ranks = [all_of_it.merges.index(pair) for pair in kept.merges]
    assert ranks == sorted(ranks) and len(ranks) < len(all_of_it.merges)
    for lang, each in kept.measured.items():
        assert each.saved.tolist() == all_of_it.measured[lang].saved[ranks].tolist()


def test_predicted_uses_are_those_of_the_text(extension, texts):
    """With all merges of a group there is nothing left out, so they are exact."""
    one = next(group for group in extension.learned.groups if group.script == "Thai")
    base = extension.learned.base
    every = range(len(one.merges))
    pieces = base.count_pieces(dict.fromkeys(texts["th"]))
    real = count_tokens(base.extended(one.merges), pieces)
    uses = one.uses(np.array(every))
    assert [int(uses[i]) for i in every] == [real[token] for token in tokens_of(one.merges)]


def test_few_tokens_are_idle(base, texts):
    made = extend(base, texts, texts, ExtendConfig(new_tokens=400))
    idle = [token for token in made.tokens if not made.counts.get(token)]
    assert len(idle) <= 400 * IDLE_SHARE + 4, "the prediction is off by a few"


def test_of_two_ways_to_a_token_the_first_is_kept(base):
    merges = [("q", "z"), ("z", "q"), ("qz", "q"), ("q", "zq")]
    assert reachable(base, merges) == merges[:3]


def test_small_languages_count_more_but_not_without_end():
    assert equal_weights({"id": 800, "su": 100, "jv": 1}) == {"id": 1, "su": 8, "jv": 8}
    assert equal_weights({}) == {}


def test_another_base_is_refused(folder, extension):
    with pytest.raises(ArtifactError, match="another base"):
        load(folder, extension, "other")


def test_a_folder_without_the_file_is_named(extension, tmp_path):
    with pytest.raises(DataError, match=r"no candidates\.jsonl\.zst"):
        load(tmp_path, extension)


@pytest.mark.parametrize("spoil", [lambda rows: rows[:0], lambda rows: [{}], lambda rows: [rows[0], {"script": "x"}]])
def test_a_damaged_file_is_named(folder, extension, tmp_path, spoil):
    write_jsonl(tmp_path / FILE, spoil([row for _, row in read_jsonl(folder / FILE)]))
    with pytest.raises(DataError, match="damaged"):
        load(tmp_path, extension)


def test_what_is_learned_twice_keeps_its_first_place(base):
    merges = [("q", "z"), ("qz", "j"), ("q", "z"), ("k", "v")]
    assert reachable(base, merges) == [merges[0], merges[1], merges[3]]
