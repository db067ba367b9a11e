"""What holds for any value: canonical JSON, manifests, shards, damage, scalars."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lontar.core.artifact import Artifact
from lontar.core.config import parse_yaml, scalar
from lontar.core.license import SourceTerms, combine, from_sources
from lontar.core.manifest import Manifest, canonical_json, differences, fingerprint, sha256_bytes
from lontar.core.records import Document
from lontar.core.shards import read_jsonl, write_jsonl
from lontar.errors import ConfigError
from tests.conftest import made

texts = st.text(max_size=20)
leaves = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | texts
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
objects = st.dictionaries(texts, values, max_size=5)


def reordered(value):
    if isinstance(value, dict):
        return {key: reordered(item) for key, item in reversed(value.items())}
    return [reordered(item) for item in value] if isinstance(value, list) else value


# --- canonical JSON --------------------------------------------------------------------------------------------------


@given(values)
def test_canonical_json_reads_back_as_the_value(value):
    assert json.loads(canonical_json(value)) == value


@given(values)
def test_canonical_json_does_not_depend_on_the_order_of_keys(value):
    assert canonical_json(reordered(value)) == canonical_json(value)


@given(values)
def test_canonical_json_of_what_was_read_back_is_the_same(value):
    assert canonical_json(json.loads(canonical_json(value))) == canonical_json(value)


names = st.text("abc", min_size=1, max_size=2)
trees = st.dictionaries(
    names, st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(names, inner)), max_size=3
)


@given(trees, trees)
def test_fingerprints_differ_exactly_when_differences_are_named(old, new):
    assert bool(differences({"config": old}, {"config": new})) == (fingerprint(old) != fingerprint(new))


# --- manifests -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("manifest")
    parent = made(folder / "parent", "records", {"a": b"1"})
    return made(folder / "child", "model", {"w": b"2"}, parents={"one": parent, "many": [parent, parent]}).manifest


numbers = st.dictionaries(texts, st.floats(allow_nan=False, allow_infinity=False), max_size=3)
sources = st.lists(
    st.builds(SourceTerms, spdx=st.sampled_from(["MIT", "CC-BY-4.0", "x"]), source=texts, documents=st.integers(0, 99))
)


@given(config=objects, metrics=numbers, terms=sources, uses=st.dictionaries(texts, texts), seed=st.integers(0, 2**63))
def test_a_manifest_survives_a_round_trip(manifest, config, metrics, terms, uses, seed):
    license_ = from_sources(terms)
    change = {"config": config, "metrics": metrics, "license": license_, "uses": uses, "seed": seed}
    whole = Manifest.model_validate({**dict(manifest), **change}).sealed()
    text = json.dumps(whole.model_dump(mode="json"), ensure_ascii=False)
    again = Manifest.model_validate(json.loads(text))
    assert again == whole
    assert again.expected_seal() == whole.seal
    assert fingerprint(again.identity()) == fingerprint(whole.identity())


@given(sources, sources)
def test_terms_are_a_union(first, second):
    a, b = from_sources(first), from_sources(second)
    both = combine([a, b])
    assert both == combine([b, a]) == combine([both, a])
    assert {t.spdx for t in both.sources} == {t.spdx for t in (*a.sources, *b.sources)}
    assert set(both.obligations) == {*a.obligations, *b.obligations}


# --- damage ----------------------------------------------------------------------------------------------------------


@given(
    st.data(),
    st.dictionaries(st.sampled_from(["a", "b.bin", "deep/c"]), st.binary(min_size=1, max_size=50), min_size=1),
)
@settings(max_examples=50)
def test_one_flipped_bit_in_any_payload_file_is_named(data, files):
    with tempfile.TemporaryDirectory() as folder:
        artifact = made(Path(folder) / "x", "records", files)
        assert artifact.verify() == []
        name = data.draw(st.sampled_from(sorted(files)))
        at, bit = data.draw(st.integers(0, len(files[name]) - 1)), data.draw(st.integers(0, 7))
        changed = bytearray(files[name])
        changed[at] ^= 1 << bit
        (artifact.path / name).write_bytes(changed)
        (problem,) = Artifact.open(artifact.path).verify()
        assert problem.startswith(f"{name}: content differs")


# --- shards ----------------------------------------------------------------------------------------------------------


@given(st.lists(objects, max_size=5), st.sampled_from(["x.jsonl", "x.jsonl.zst"]))
@settings(max_examples=50)
def test_shards_give_back_any_rows(rows, name):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        assert write_jsonl(path, rows) == len(rows)
        assert list(read_jsonl(path)) == list(enumerate(rows, 1))
        first = sha256_bytes(path.read_bytes())
        write_jsonl(path, (row for _, row in list(read_jsonl(path))))
        assert sha256_bytes(path.read_bytes()) == first


@given(texts, texts, texts, st.dictionaries(texts, values, max_size=3))
def test_documents_give_back_their_rows(id_, text, lang, meta):
    doc = Document(id_, text, lang, "s", "l", {k: v for k, v in meta.items() if k not in Document.__slots__})
    assert Document.from_row(doc.row()) == doc


# --- YAML ------------------------------------------------------------------------------------------------------------


@given(st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=3))
def test_a_language_code_is_text(code):
    assert scalar(code) == code
    assert parse_yaml(f"[{code}]").value == [code]
    assert parse_yaml(f"{code}: 1").value == {code: 1}


@given(st.text(max_size=12) | st.text("0123456789eE+-._", max_size=12))
def test_every_scalar_has_a_value_of_the_json_kinds(text):
    value = scalar(text)
    assert value is None or isinstance(value, bool | int | float | str)
    assert isinstance(value, bool) == (text in ("true", "false"))
    json.dumps(value, allow_nan=False)


@given(st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_as_python_writes_them(number):
    assert scalar(repr(number)) == number
    assert type(scalar(repr(number))) is type(number)


@given(values)
def test_json_is_yaml_too(value):
    for ascii_only in (True, False):
        try:
            assert parse_yaml(json.dumps(value, ensure_ascii=ascii_only)).value == value
        except ConfigError as err:  # the one key that YAML takes for its own; control characters that it refuses
            assert "<<" in str(err) or "not allowed" in str(err)


@given(st.text(max_size=40) | st.text("ab:-[]{}&*!|>'\"#%@`,? \n\t", max_size=20))
def test_any_text_is_a_value_or_a_config_error(text):
    try:
        parse_yaml(text)
    except ConfigError as err:
        assert err.message
