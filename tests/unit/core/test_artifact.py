"""Opening, verifying and tracing artifacts: every kind of damage is named."""

import json
import shutil

import pytest

from lontar.core.artifact import Artifact, Corpus, Model, Records, payload_files
from lontar.core.shards import write_jsonl
from lontar.errors import ArtifactError, DataError, IntegrityError, KindError, NotAnArtifactError


@pytest.fixture
def family(make_artifact, corpus, tmp_path):
    """corpus -> base -> child, and child also from the corpus: a grandchild with a shared ancestor."""
    base = make_artifact(
        tmp_path / "base", "model", {"config.json": b"{}", "a/b.bin": b"12"}, parents={"corpus": corpus}
    )
    return make_artifact(tmp_path / "child", "model", {"w.bin": b"xyz"}, parents={"model": base, "corpus": corpus})


def test_the_class_is_that_of_the_kind(corpus, family):
    assert type(Artifact.open(corpus.path)) is Corpus
    assert type(Model.open(str(family.path))) is Model
    assert family.kind == "model"
    assert str(family.path) in repr(family)
    assert family.digest == family.manifest.digest


def test_another_kind_is_an_error(corpus):
    with pytest.raises(KindError, match="a corpus, but a model was expected"):
        Model.open(corpus.path)


def test_a_kind_that_nobody_knows_opens_as_a_plain_artifact(make_artifact, tmp_path):
    made = make_artifact(tmp_path / "x", "telemetry", {"a": b"1"})
    assert type(made) is Artifact
    assert made.verify() == []


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir(), lambda p: p.write_text("x")])
def test_what_is_no_artifact(tmp_path, make):
    make(tmp_path / "x")
    with pytest.raises(NotAnArtifactError) as caught:
        Artifact.open(tmp_path / "x")
    assert caught.value.hint


def test_open_notices_missing_and_resized_files(corpus):
    (corpus.path / "counts.json").write_bytes(b"{}")
    with pytest.raises(IntegrityError, match=r"counts\.json: has 2 bytes, \d+ recorded"):
        Artifact.open(corpus.path)
    (corpus.path / "counts.json").unlink()
    with pytest.raises(IntegrityError, match=r"counts\.json: is missing"):
        Artifact.open(corpus.path)


# --- verify ----------------------------------------------------------------------------------------------------------


def test_an_untouched_artifact_verifies(corpus, family):
    assert corpus.verify() == []
    assert family.verify() == []


def test_copied_and_moved_folders_still_verify(family, tmp_path):
    shutil.copytree(family.path, tmp_path / "elsewhere" / "copy")
    for name in ("corpus", "base", "child"):
        shutil.rmtree(tmp_path / name)
    found = Artifact.open(tmp_path / "elsewhere" / "copy")
    assert found.verify() == []
    assert {node.manifest.kind for node in found.lineage().walk()} == {"model", "corpus"}
    found.path.rename(tmp_path / "moved")
    assert Artifact.open(tmp_path / "moved").verify() == []


@pytest.mark.parametrize("bit", [1, 128])
@pytest.mark.parametrize("where", [0, -1, "middle"])
def test_a_flipped_bit_in_any_payload_file_is_named(corpus, bit, where):
    for name in corpus.manifest.files:
        data = (corpus.path / name).read_bytes()
        at = len(data) // 2 if where == "middle" else where % len(data)
        (corpus.path / name).write_bytes(data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :])
        assert [p for p in corpus.verify() if p.startswith(f"{name}: content differs")]
        (corpus.path / name).write_bytes(data)
    assert corpus.verify() == []


def test_missing_and_extra_files_are_named(corpus):
    (corpus.path / "counts.json").unlink()
    (corpus.path / "train" / "extra.txt").write_text("x", encoding="utf-8")
    assert corpus.verify() == ["counts.json: missing", "train/extra.txt: not recorded in the manifest"]


def test_hidden_files_and_logs_are_no_payload(corpus):
    for name in (".DS_Store", "train/.hidden", ".scratch/a", "log/log.jsonl", "lineage/note"):
        (corpus.path / name).parent.mkdir(exist_ok=True)
        (corpus.path / name).write_text("x", encoding="utf-8")
    assert corpus.verify() == []
    assert payload_files(corpus.path) == sorted(corpus.manifest.files)


def test_symbolic_links_are_refused_and_named(corpus, tmp_path):
    target = corpus.path / "counts.json"
    target.rename(tmp_path / "counts.json")
    target.symlink_to(tmp_path / "counts.json")
    (corpus.path / "link").symlink_to(tmp_path)
    with pytest.raises(ArtifactError, match="a symbolic link cannot be part"):
        payload_files(corpus.path)
    problems = Artifact.open(corpus.path).verify()
    assert [p.partition(":")[0] for p in problems] == ["counts.json", "link"]
    assert all("symbolic link" in p for p in problems)


def edited(artifact, **change):
    path = artifact.path / "manifest.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**data, **change}), encoding="utf-8")
    return Artifact.open(artifact.path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"complete": False}, "edited after it was written"),
        ({"config": {"steps": 5}}, "edited after it was written"),
        ({"license": {"spdx": "MIT"}}, "edited after it was written"),
        ({"digest": "0" * 64}, "digest does not match the list of files"),
        ({"files": {}}, "digest does not match the list of files"),
        ({"seal": "0" * 64}, "edited after it was written"),
    ],
)
def test_an_edited_manifest_is_noticed(family, change, words):
    problems = edited(family, **change).verify()
    assert any(p.startswith("manifest.json: ") and words in p for p in problems)
    assert not [p for p in problems if p.startswith("lineage/")], "the artifact itself is no ancestor"


def test_a_manifest_resealed_with_another_config_is_noticed(family):
    forged = family.manifest.model_copy(update={"config": {"steps": 5}}).sealed()
    (family.path / "manifest.json").write_text(forged.model_dump_json(), encoding="utf-8")
    assert Artifact.open(family.path).verify() == ["manifest.json: fingerprint does not match what it is made of"]


@pytest.mark.parametrize("damage", ["missing", "damaged", "differs from its seal"])
def test_a_damaged_lineage_is_noticed(family, corpus, damage):
    file = family.path / "lineage" / f"{corpus.manifest.seal}.json"
    data = json.loads(file.read_text(encoding="utf-8"))
    if damage == "missing":
        file.unlink()
    elif damage == "damaged":
        file.write_text("{", encoding="utf-8")
    else:
        file.write_text(json.dumps({**data, "seed": 7}), encoding="utf-8")
    problems = Artifact.open(family.path).verify()
    assert problems == [f"lineage/{corpus.manifest.seal}.json: {damage} (parent 'corpus')"]


# --- lineage ---------------------------------------------------------------------------------------------------------


def test_lineage_is_a_tree_with_shared_ancestors(family, corpus):
    tree = family.lineage()
    assert [p.name for p in tree.parents] == ["corpus", "model"]
    assert tree.parents[1].parents[0].seal == corpus.manifest.seal
    assert len(list(tree.walk())) == 3


def test_a_long_line_of_shared_ancestors_is_read_once_each(make_artifact, tmp_path, monkeypatch):
    both = [make_artifact(tmp_path / f"0{x}", "model", {"a": x.encode()}) for x in "ab"]
    for i in range(1, 12):
        both = [
            make_artifact(tmp_path / f"{i}{x}", "model", {"a": f"{i}{x}".encode()}, parents={"many": both})
            for x in "ab"
        ]
    reads = []
    from lontar.core import artifact

    real = artifact.read_manifest
    monkeypatch.setattr(artifact, "read_manifest", lambda path: reads.append(path) or real(path))
    assert len(list(both[0].lineage().walk())) == 23
    assert len(reads) == 22


def test_a_forged_circle_ends(family, corpus):
    file = family.path / "lineage" / f"{corpus.manifest.seal}.json"
    data = json.loads(file.read_text(encoding="utf-8"))
    data["parents"] = {"me": {"kind": "corpus", "digest": corpus.digest, "seal": corpus.manifest.seal}}
    file.write_text(json.dumps(data), encoding="utf-8")
    assert any("differs from its seal" in p for p in Artifact.open(family.path).verify())


# --- corpora ---------------------------------------------------------------------------------------------------------


def test_a_corpus_gives_its_documents_in_order(corpus):
    assert corpus.langs() == ["en", "th"]
    assert corpus.langs("heldout") == ["en", "th"]
    assert [d.id for d in corpus.documents()] == ["train-en-0", "train-en-1", "train-th-0", "train-th-1"]
    assert [d.text for d in corpus.documents("heldout", ["th"])] == ["แม่น้ำกว้าง", "ฝนตกทั้งคืน"]
    assert list(corpus.documents(langs=[])) == []


def test_a_damaged_row_names_file_and_line(make_artifact, tmp_path):
    write_jsonl(
        tmp_path / "x.jsonl.zst", [{"id": "1", "text": "a", "lang": "en"}, {"id": "2", "text": 5, "lang": "en"}]
    )
    files = {"train/en-00000.jsonl.zst": (tmp_path / "x.jsonl.zst").read_bytes()}
    bad = make_artifact(tmp_path / "bad", "corpus", files)
    with pytest.raises(DataError, match=r"en-00000\.jsonl\.zst:2: field 'text' must be text \(got 5\)"):
        list(bad.documents())


def test_records_and_corpus_are_different_kinds(make_artifact, tmp_path):
    assert isinstance(make_artifact(tmp_path / "r", "records", {"a": b""}), Records)
