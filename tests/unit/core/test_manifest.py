"""Canonical JSON, the three hashes, and what changed between two derivations."""

import datetime
import json

import pytest

from lontar.core.config import Config
from lontar.core.manifest import (
    FileEntry,
    Manifest,
    canonical_json,
    content_digest,
    differences,
    fingerprint,
    identity,
    read_manifest,
    sha256_bytes,
    sha256_file,
)
from lontar.errors import ConfigError, IntegrityError

# Digests here and below: the text through `printf '%s' TEXT | sha256sum`.
VECTORS = [
    (None, "null", "74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b"),
    ({}, "{}", "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
    ({"b": [1, 1.0, True], "a": "ไทย"}, '{"a":"ไทย","b":[1,1.0,true]}', None),
    ({"z": 1e-4, "é": -0.0, "e": 1e22}, '{"e":1e+22,"z":0.0001,"é":-0.0}', None),
    ('a\u2028"\\\x00\x7f', '"a\u2028\\"\\\\\\u0000\x7f"', None),
]


@pytest.mark.parametrize(("value", "text", "digest"), VECTORS)
def test_canonical_json_has_one_form(value, text, digest):
    assert canonical_json(value) == text.encode()
    if digest:
        assert sha256_bytes(canonical_json(value)) == digest


def test_tuples_and_models_are_lists_and_mappings():
    class Some(Config):
        a: int = 1
        b: tuple[str, ...] = ("x",)

    assert canonical_json({"s": Some()}) == b'{"s":{"a":1,"b":["x"]}}'
    assert canonical_json((1, (2,))) == b"[1,[2]]"


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"a": len}, "a: a builtin_function_or_method has no stable bytes"),
        ({"a": [object()]}, "a.0: a object has no stable bytes"),
        ({"a": {"b": {1, 2}}}, "a.b: a set has no stable bytes"),
        (b"x", "value: a bytes has no stable bytes"),
        ({"a": datetime.date(2030, 1, 1)}, "a: a date has no stable bytes"),
        ({"a": float("nan")}, "a: nan has no JSON form"),
        ([float("-inf")], "0: -inf has no JSON form"),
        ({"a": {1: 2}}, "a: the key 1 is not text"),
        ({None: 2}, "value: the key None is not text"),
    ],
)
def test_canonical_json_refuses_what_has_no_stable_bytes(value, where):
    with pytest.raises(ConfigError) as caught:
        canonical_json(value)
    assert caught.value.message == where


def test_half_a_surrogate_pair_has_bytes_too():
    assert canonical_json("\ud800") == b'"\xed\xa0\x80"'


# --- digests ---------------------------------------------------------------------------------------------------------


def test_golden_digests():
    """A change here changes the name of every artifact there is: it needs a new manifest format."""
    assert content_digest({"a.txt": FileEntry(bytes=1, sha256="00")}) == (
        "a847c07851fd3b881f587e2135fc8e0f658d4d5d3a4a9b767d98a6d606490056"
    )
    assert fingerprint(identity("data.build", 1, 2, {"a": 1}, {"corpus": "ff"}, {"language:th": "ee"})) == (
        "4d19ac105934623526514890f8444f3d12e501a1c8d48d0dbc1c7a9b9a5ef102"
    )


def test_a_digest_is_of_paths_sizes_and_hashes():
    one = {"a": FileEntry(bytes=1, sha256="00"), "b": FileEntry(bytes=2, sha256="11")}
    assert content_digest(one) == content_digest(dict(reversed(one.items())))
    assert content_digest(one) != content_digest({**one, "b": FileEntry(bytes=3, sha256="11")})
    assert content_digest(one) != content_digest({"a": one["a"], "c": one["b"]})


def test_files_are_hashed_by_content(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 1_000_000)
    assert sha256_file(tmp_path / "a") == sha256_bytes(b"x" * 1_000_000)


def test_the_seal_covers_everything_but_itself(corpus):
    manifest = corpus.manifest
    assert manifest.seal == manifest.expected_seal()
    for change in ({"complete": False}, {"metrics": {"x": 1.0}}, {"resources": {"workers": 3}}, {"format": 2}):
        assert manifest.model_copy(update=change).expected_seal() != manifest.seal
    assert manifest.model_copy(update={"seal": "x"}).expected_seal() == manifest.seal


def test_a_manifest_on_disk_reads_back_the_same(corpus):
    data = json.loads((corpus.path / "manifest.json").read_text(encoding="utf-8"))
    assert Manifest.model_validate(data) == corpus.manifest
    assert read_manifest(corpus.path / "manifest.json").expected_seal() == corpus.manifest.seal


def test_lists_of_parents_are_numbered(make_artifact, tmp_path, corpus):
    other = make_artifact(tmp_path / "other", "records", {"a": b"1"})
    child = make_artifact(tmp_path / "child", "report", {"b": b"2"}, parents={"many": [other, corpus], "a": corpus})
    assert [name for name, _ in child.manifest.parent_list()] == ["a", "many[0]", "many[1]"]
    assert child.manifest.identity()["parents"] == {
        "a": corpus.digest,
        "many[0]": other.digest,
        "many[1]": corpus.digest,
    }
    assert child.verify() == []


# --- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "damaged"),
        (b"{", "damaged"),
        (b"\xff\xfe", "damaged"),
        (b"[]", "damaged"),
        (b'{"format": 99}', "manifest format 99, this version reads 1"),
        (b'{"kind": "corpus"}', "damaged"),
    ],
)
def test_a_damaged_manifest_says_so(tmp_path, data, words):
    (tmp_path / "manifest.json").write_bytes(data)
    with pytest.raises(IntegrityError, match=words) as caught:
        read_manifest(tmp_path / "manifest.json")
    assert str(tmp_path / "manifest.json") in caught.value.message


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/../../b", "", "a\0b"])
def test_a_manifest_may_not_point_out_of_its_folder(corpus, name):
    data = corpus.manifest.model_dump(mode="json")
    data["files"][name] = {"bytes": 1, "sha256": "00"}
    (corpus.path / "manifest.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(IntegrityError, match="does not lie inside the artifact"):
        read_manifest(corpus.path / "manifest.json")


# --- differences -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, ["a: 1 → 2"]),
        ({"config": {"steps": 2, "lr": 0.1}}, {"config": {"steps": 3, "lr": 0.1}}, ["config.steps: 2 → 3"]),
        ({"a": {}}, {"a": {"b": "x"}}, ["a: {} → (none)", "a.b: (none) → x"]),
        ({"a": ["x"]}, {"a": ["x", "y"]}, ['a: ["x"] → ["x", "y"]']),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, ["a.0.b: 1 → 2"]),
        ({"a": "f" * 64}, {"a": "0" * 64}, [f"a: {'f' * 12}… → {'0' * 12}…"]),
        ({"a": "x" * 100}, {"a": ""}, [f"a: {'x' * 57}… → "]),
        ({"a": None, "b": 1}, {"b": 1}, ["a: null → (none)"]),
        ({"a": 1}, {"a": 1.0}, ["a: 1 → 1.0"]),
        ({"a": 1}, {"a": True}, ["a: 1 → true"]),
    ],
)
def test_differences_name_each_field_with_both_values(old, new, found):
    assert differences(old, new) == found


def test_whatever_changes_the_fingerprint_is_listed():
    base = {"config": {"a": 1, "b": None, "c": [1, {"d": 2}]}}
    for other in (
        {"config": {"a": 1.0, "b": None, "c": [1, {"d": 2}]}},
        {"config": {"a": 1, "c": [1, {"d": 2}]}},
        {"config": {"a": 1, "b": None, "c": [1, {"d": 2}, 3]}},
        {"config": {"a": 1, "b": [], "c": [1, {"d": 2}]}},
    ):
        assert fingerprint(other) != fingerprint(base)
        assert differences(base, other)
