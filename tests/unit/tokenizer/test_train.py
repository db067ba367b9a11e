"""Training from nothing: whole characters, shares by language, nothing lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lontar import languages
from lontar.errors import ConfigError, DataError
from lontar.models.vocab import DEFAULT_SPECIALS, byte_token, token_bytes, train_bpe
from lontar.text.unicode import COMMON
from lontar.tokenizer.guard import has_script
from lontar.tokenizer.merges import Settings, learn
from lontar.tokenizer.parity import measure_language
from lontar.tokenizer.train import bytes_only, parted, train
from lontar.tokenizer.vocabularies import open_vocabulary
from tests.unit.tokenizer.conftest import sentences

CODES = ("en", "my", "km", "lo", "th", "ta")


def made(texts, **config):
    from lontar.tokenizer.config import TrainConfig

    expansion = {lang: languages.get(lang).expansion for lang in texts}
    return train(texts, texts, expansion, TrainConfig(**config), DEFAULT_SPECIALS)


@pytest.fixture(scope="module")
def texts():
    return {lang: many for lang, many in sentences().items() if lang in CODES}


@pytest.fixture(scope="module")
def trained(texts):
    return made(texts, vocab_size=2000)


def costs(bpe, folder, lang):
    bpe.tokenizer.save(str(folder / "tokenizer.json"))
    return measure_language(open_vocabulary(folder), sentences("heldout")[lang])


def test_characters_are_whole_where_plain_bytes_are_not(trained, texts, tmp_path):
    """The same texts and size, learned from bytes: merges straddle characters."""
    plain = tmp_path / "plain"
    plain.mkdir()
    train_bpe([text for many in texts.values() for text in many], 2000).save(str(plain / "tokenizer.json"))
    for lang, share in (("my", 0.6), ("km", 0.85)):  # few of Khmer's many characters are seen in 24 sentences
        ours = costs(trained, tmp_path, lang).breaking
        theirs = measure_language(open_vocabulary(plain), sentences("heldout")[lang]).breaking
        assert ours < share * theirs, lang


def test_every_language_gets_its_share(trained, tmp_path):
    found = {lang: costs(trained, tmp_path, lang).tokens_per_sentence for lang in CODES}
    assert max(found.values()) < 1.7 * min(found.values())


def test_size_specials_and_normalizer(trained):
    assert trained.size == 2000
    assert [trained.ids[token] for token in DEFAULT_SPECIALS] == [1997, 1998, 1999]
    assert trained.encode("e\u0301") == trained.encode("\u00e9")


@settings(max_examples=100)
@given(st.text(max_size=40))
def test_any_text_survives(trained, text):
    assert trained.tokenizer.decode(trained.encode(text), skip_special_tokens=False) == trained.normalized(text)


def test_pre_tokens_go_to_a_script_of_the_languages_or_to_all(texts):
    base = bytes_only("qwen35")
    found = parted(base, {"th": ["ภาษา in English 12"], "en": ["only ภาษา"], "lo": ["ພາສາ"]})
    assert set(found) == {"Thai", "Latin", "Lao", COMMON}
    assert found["Latin"]["th"] == {byte_token(" in"): 1, byte_token(" English"): 1}
    assert found["Thai"]["en"] == {byte_token(" ภาษา"): 1}
    assert sum(found[COMMON]["th"].values()) == 3


def test_bytes_of_a_character_are_joined_from_left_to_right():
    base = bytes_only("qwen35")
    merges = learn(base, {byte_token("ကခကခ"): 5}, Settings(10, 1, 32, True, characters_first=True))
    whole = [token_bytes(a + b).decode("utf-8", "replace") for a, b in merges]
    assert [len(token_bytes(a + b)) for a, b in merges[:3]] == [2, 3, 3]
    assert set(whole[1:3]) == {"က", "ခ"} and "ကခ" in whole[3:]


def test_no_script_decides_on_the_merges_of_another():
    """Latin letters inside Khmer words: were their merges Khmer's, they would run before those of English."""
    texts = {"km": ["ក" + "abab" * 3 + "ខ", "ភាសាខ្មែរ ភាសា"] * 9, "en": [" the cat and the dog and the cab"] * 9}
    merges = ["".join(pair) for pair in made(texts, vocab_size=310).merges]
    khmer = [rank for rank, token in enumerate(merges) if has_script(token, "Khmer")]
    assert len(khmer) > 5 and khmer == [*range(khmer[0], khmer[-1] + 1)], "theirs stand together, and no others between"


def test_objectives_change_the_share(texts):
    heavy = made(texts, vocab_size=900, allocation="weighted", weights={"th": 100.0})
    even = made(texts, vocab_size=900)
    thai = sentences("heldout")["th"]
    assert sum(len(heavy.encode(text)) for text in thai) < sum(len(even.encode(text)) for text in thai)


def test_what_cannot_be_done_is_named(texts):
    with pytest.raises(DataError, match="no text to train a tokenizer on in lo"):
        made({**texts, "lo": [" "]}, vocab_size=900)
    with pytest.raises(ConfigError, match="unknown pattern"):
        bytes_only("mine")
