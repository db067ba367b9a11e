import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lontar.errors import ArtifactError, ConfigError, DataError
from lontar.tokenizer import report
from lontar.tokenizer.audit import audit
from lontar.tokenizer.base import text_of
from lontar.tokenizer.candidates import balanced
from lontar.tokenizer.check import texts_of_all_languages
from lontar.tokenizer.config import ExtendConfig
from lontar.tokenizer.extend import Extension, extend, grouped
from lontar.tokenizer.texts import Guard, materials
from tests.unit.tokenizer.conftest import changed, make_base, sentences

CODE = st.text(st.sampled_from("abcdefxyz _.:;=+-*/()[]{}<>'\"0123456789\n\t#@!"), max_size=60)
HAN = st.text(st.sampled_from("的一是了我不人在他有这个上们来到时大地为子中你说生，。！"), max_size=30)


def ids(tokenizer, text):
    return tokenizer.encode(text)


def test_the_audit_passes(extension, texts):
    audit(extension, [*(text for many in texts.values() for text in many), *texts_of_all_languages()])
    assert 100 < len(extension.new_ids) <= 600


def test_held_out_text_gets_shorter_in_every_language(extension):
    for lang, held in sentences("heldout").items():
        before, after = (sum(len(t.encode(x)) for x in held) for t in (extension.original, extension.new))
        if lang in ("en", "zh"):
            assert [extension.original.encode(x) for x in held] == [extension.new.encode(x) for x in held]
        else:
            assert after < before, lang


@settings(max_examples=100)
@given(st.one_of(CODE.filter(lambda s: not any(c.isalpha() for c in s)), HAN))
def test_old_ids_stay_on_any_text_without_extended_scripts(extension, text):
    assert extension.new.encode(text) == extension.original.encode(text)


@settings(max_examples=100)
@given(st.text(st.characters(codec="ascii"), max_size=80))
def test_non_latin_languages_change_no_ascii_text_at_all(scripts_only, text):
    assert scripts_only.new.encode(text) == scripts_only.original.encode(text)


@settings(max_examples=150)
@given(st.one_of(st.text(max_size=40), st.text(st.sampled_from("กขี่้ ກີ່ မြန်ខ្មែរ தமி a1\u200b\u0301"), max_size=40)))
def test_any_text_survives(extension, text):
    new = extension.new
    assert new.tokenizer.decode(new.encode(text), skip_special_tokens=False) == new.normalized(text)


@pytest.fixture(scope="module")
def scripts_only(base, texts):
    return extend(base, texts, texts, ExtendConfig(new_tokens=400, languages=("th", "lo", "km", "my", "ta")))


def test_only_wanted_languages_are_extended(scripts_only):
    assert set(scripts_only.merges) == {"Thai", "Lao", "Khmer", "Myanmar", "Tamil"}
    assert len(scripts_only.new_ids) == 400


def test_tokens_hold_whole_characters(scripts_only):
    whole = sum("\ufffd" not in text_of(token) for token in scripts_only.new_ids)
    assert whole / len(scripts_only.new_ids) > 0.6


def test_new_ids_follow_the_order_of_merges(extension):
    found = [extension.new.vocab[token] for token in extension.tokens]
    assert found == list(range(extension.original.size, extension.original.size + len(found)))


def test_special_tokens_stay(extension):
    for text, id_ in extension.original.specials.items():
        assert extension.new.tokenizer.token_to_id(text) == id_ == extension.new.vocab[text]
        assert extension.new.encode(f"สวัสดี{text}")[-1] == id_


def test_a_bare_corpus_gives_what_it_has(base):
    made = extend(base, {"th": ["สวัสดี", "สวัสดีครับ"]}, {}, ExtendConfig(new_tokens=5000))
    assert 0 < len(made.new_ids) < 50
    assert report.notes(made, 5000) == [f"the corpus supports {len(made.new_ids)} new tokens, 5000 were asked for"]


@pytest.mark.parametrize(
    ("texts", "config", "error", "message"),
    [
        ({"en": ["hello"]}, {}, DataError, "no text to learn"),
        ({"th": ["", "  "]}, {}, DataError, "no text in th"),
        ({"th": ["ก"]}, {"languages": ("lo",)}, DataError, "no text in lo"),
        ({"th": ["ก"], "lo": ["only latin"]}, {}, DataError, "no word in Lao script in lo"),
        ({"th": ["ภาษาไทย".encode().decode("latin-1")]}, {}, DataError, "no word in Thai script in th"),
        ({"th": ["ก"], "en": ["x"]}, {"languages": ("en", "th")}, ConfigError, "en is both extended and guarded"),
    ],
)
def test_what_cannot_be_done_is_named(base, texts, config, error, message):
    with pytest.raises(error, match=message):
        extend(base, texts, {}, ExtendConfig(**config))


def test_llama_takes_whole_words_from_its_vocabulary(texts):
    """`ignore_merges`: a pre-token that is a token is taken whole, whatever the merges say."""
    base = changed(make_base("llama-bpe"), ignore_merges=True)
    made = extend(base, texts, texts, ExtendConfig(new_tokens=300), "llama")
    audit(made, [*texts["th"], *texts["id"]])
    assert "every loader knows" in made.note
    assert made.new.pattern == "llama-bpe"


def test_small_languages_count_in_their_group(base):
    large, small = ["kata ini bahasa"] * 1 + [f"kata {i} bahasa lain" for i in range(90)], ["ngagunakeun"]
    texts = materials({"id": large, "su": small}, {})
    counts = balanced(grouped(base, texts)["Latin"])
    assert counts["ngagunakeun"] == 8
    assert counts["Ġbahasa"] == 91


def test_repeated_texts_count_once(base):
    once, often = (materials({"th": ["สวัสดี"] * n}, {})["th"] for n in (1, 50))
    assert once.learn == often.learn


def test_measured_on_what_was_not_learned_where_there_are_no_parallel_sentences():
    made = materials({"th": [f"ประโยค {i}" for i in range(200)]}, {})["th"]
    assert len(made.measure) == 10 and not set(made.measure) & set(made.learn)


# --- the audit finds what is wrong ---------------------------------------------------------------------------------


def spoiled(extension, **changes):
    fields = {name: getattr(extension, name) for name in Extension.__dataclass_fields__}
    return Extension(**{**fields, **changes})


def test_audit_finds_moved_ids(extension):
    vocab = {**extension.new.vocab, "<|im_end|>": extension.new.size + 5}
    tree = json.loads(json.dumps(extension.new.tree))
    tree["model"]["vocab"] = vocab
    tree["added_tokens"] = [
        {**t, "id": vocab["<|im_end|>"]} if t["content"] == "<|im_end|>" else t for t in tree["added_tokens"]
    ]
    with pytest.raises(ArtifactError, match=r"special token '<\|im_end\|>' moved"):
        audit(spoiled(extension, new=type(extension.new)(tree)), [])


def test_audit_finds_changed_guard_text(extension):
    line = "สวัสดีครับ ภาษาไทย"
    with pytest.raises(ArtifactError, match="guarded text changed"):
        audit(spoiled(extension, guard=Guard([line])), [])


def test_audit_finds_dead_tokens(extension):
    merges = {**extension.merges, "Zzz": [("q", "Q")]}  # never made: it has no place among the tokenizer's merges
    with pytest.raises(ArtifactError, match="cannot be reached"):
        audit(spoiled(extension, merges=merges), [])


def test_audit_finds_text_that_does_not_survive(extension):
    tree = {**extension.new.tree, "decoder": None}
    with pytest.raises(ArtifactError, match="does not survive"):
        audit(spoiled(extension, new=type(extension.new)(tree)), ["สวัสดี ครับ"])


# --- determinism ---------------------------------------------------------------------------------------------------

ROOT = Path(__file__).parents[3]
SCRIPT = """
import hashlib, json
from tests.unit.tokenizer.conftest import make_base, sentences
from lontar.tokenizer.candidates import balanced
from lontar.tokenizer.config import ExtendConfig
from lontar.tokenizer.extend import extend
texts = sentences()
made = extend(make_base(), texts, texts, ExtendConfig(new_tokens=300))
print(hashlib.sha256(json.dumps(made.new.tree).encode()).hexdigest())
"""


def test_equal_in_every_process_and_for_any_number_of_threads():
    found = set()
    for seed, threads in (("1", "1"), ("2", "4")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": threads}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment, check=False, cwd=ROOT
        )
        assert done.returncode == 0, done.stderr
        found.add(done.stdout)
    assert len(found) == 1
