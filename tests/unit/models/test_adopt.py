import json
import shutil
from types import SimpleNamespace

import pytest

from lontar.errors import ArtifactError, BackendError, ConfigError, DataError, NotAnArtifactError, UnavailableError
from lontar.models import adopt
from lontar.models.adopt import fetch_hub, find_license, inspect_model, license_of_card


def edit(path, **changes):
    value = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**value, **changes}), encoding="utf-8")


def test_facts(folder):
    facts = inspect_model(folder)
    assert facts.family == folder.name and facts.architecture in adopt.ARCHITECTURES
    assert (facts.tied, facts.dtype, facts.vocab_size, facts.license) == (True, "float32", 340, None)
    assert 300_000 < facts.parameters < 900_000 and facts.context_length == 1024 and not facts.text_part


def test_not_a_model_folder(tmp_path):
    with pytest.raises(NotAnArtifactError, match=r"not a model folder \(no config\.json\)"):
        inspect_model(tmp_path)
    with pytest.raises(NotAnArtifactError):
        inspect_model(tmp_path / "nowhere")


def test_an_unknown_architecture_lists_the_known(copied):
    edit(copied / "config.json", architectures=["BertForMaskedLM"])
    with pytest.raises(DataError, match="architecture BertForMaskedLM is not known") as caught:
        inspect_model(copied)
    assert "Qwen3ForCausalLM" in caught.value.hint
    edit(copied / "config.json", architectures=None)
    with pytest.raises(DataError, match="model_type 'qwen3'"):
        inspect_model(copied)


def test_pickled_weights_are_refused(copied):
    (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
    with pytest.raises(ArtifactError, match="pickle") as caught:
        inspect_model(copied)
    assert "safe_serialization" in caught.value.hint


def test_a_missing_shard(copied):
    edit_index = {"weight_map": {"model.embed_tokens.weight": "model-00001-of-00002.safetensors"}}
    (copied / "model.safetensors.index.json").write_text(json.dumps(edit_index), encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"model-00001-of-00002\.safetensors is missing"):
        inspect_model(copied)


def test_a_missing_tokenizer(copied):
    (copied / "tokenizer.json").unlink()
    with pytest.raises(DataError, match=r"no tokenizer\.json"):
        inspect_model(copied)


def test_a_tokenizer_larger_than_the_model(copied, tokenizer):
    from tokenizers import Tokenizer

    larger = Tokenizer.from_str(tokenizer.to_str())
    larger.add_tokens(["ພາສາລາວ"])
    larger.save(str(copied / "tokenizer.json"))
    with pytest.raises(DataError, match=r"id 340 \('ພາສາລາວ'\), but the embedding has 340 rows") as caught:
        inspect_model(copied)
    assert "tokenizer.resize" in caught.value.hint


@pytest.mark.parametrize("key", ["vocab_size", "hidden_size"])
def test_config_and_weights_of_two_models(copied, key):
    edit(copied / "config.json", **{key: 77})
    with pytest.raises(ArtifactError, match=f"config.json says {key} 77"):
        inspect_model(copied)


@pytest.mark.parametrize(
    ("card", "found"),
    [
        ("---\nlicense: apache-2.0\nlanguage: [en]\n---\n# x", "Apache-2.0"),
        ("---\nlicense: 'mit'\n---\n", "MIT"),
        ("---\nlicense: cc-by-sa-4.0\n---\n", "CC-BY-SA-4.0"),
        ("---\nlicense: llama3.1\n---\n", "llama3.1"),
        ("---\nlicense: other\nlicense_name: tongyi-qianwen\n---\n", "LicenseRef-tongyi-qianwen"),
        ("---\nlicense: other\n---\n", None),
        ("---\nlanguage: en\n---\n", None),
        ("# license: mit\n", None),
        ("", None),
    ],
)
def test_license_of_a_card(card, found):
    assert license_of_card(card) == found


def test_license_from_its_text(tmp_path):
    assert find_license(tmp_path) is None
    (tmp_path / "LICENSE").write_text("all rights reserved", encoding="utf-8")
    assert find_license(tmp_path) is None
    (tmp_path / "LICENSE").write_text("    Apache License\n   Version 2.0, January 2004", encoding="utf-8")
    assert find_license(tmp_path) == "Apache-2.0"
    text = "Permission is hereby granted, free of charge, to any person\nobtaining a copy"
    (tmp_path / "LICENSE").write_text(text, encoding="utf-8")
    (tmp_path / "README.md").write_text("no front matter", encoding="utf-8")
    assert find_license(tmp_path) == "MIT"
    (tmp_path / "README.md").write_text("---\nlicense: gemma\n---\n", encoding="utf-8")
    assert find_license(tmp_path) == "gemma"


# --- the hub, with its real exceptions -------------------------------------------------------------------------------

hub = pytest.importorskip("huggingface_hub")


def http_error(name, status):
    """An exception of the hub's client, made as the client makes it."""
    from huggingface_hub import errors

    response = SimpleNamespace(status_code=status, headers={}, request=None)
    return getattr(errors, name)("said the server", response=response)


def failing(monkeypatch, error, *, at="model_info"):
    def fail(*args, **kwargs):
        raise error

    info = SimpleNamespace(sha="c0ffee")
    monkeypatch.setattr(hub.HfApi, "model_info", fail if at == "model_info" else lambda *a, **k: info)
    monkeypatch.setattr(hub, "snapshot_download", fail)


def offline_error():
    return hub.errors.OfflineModeIsEnabled("offline")


def entry_error():
    return hub.errors.LocalEntryNotFoundError("no connection, no cached file")


def connect_error():
    """What the client's HTTP library raises without a network."""
    base = next(c for c in hub.errors.HfHubHTTPError.__mro__ if c.__name__ == "HTTPError")
    http = __import__(base.__module__.partition(".")[0])
    return http.ConnectError("Name or service not known") if hasattr(http, "ConnectError") else ConnectionError("x")


@pytest.mark.parametrize("at", ["model_info", "snapshot_download"])
@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: http_error("GatedRepoError", 403), BackendError, "asks for consent"),
        (lambda: http_error("RepositoryNotFoundError", 404), BackendError, "no such model"),
        (lambda: http_error("RevisionNotFoundError", 404), BackendError, "no such revision"),
        (lambda: http_error("HfHubHTTPError", 401), BackendError, r"access denied \(401\)"),
        (lambda: http_error("HfHubHTTPError", 403), BackendError, r"access denied \(403\)"),
        (lambda: http_error("HfHubHTTPError", 503), UnavailableError, "answered 503"),
        (offline_error, UnavailableError, "HF_HUB_OFFLINE"),
        (entry_error, UnavailableError, "cannot be reached"),
        (connect_error, UnavailableError, "cannot be reached"),
        (lambda: ConnectionResetError("reset"), UnavailableError, "cannot be reached"),
    ],
)
def test_what_goes_wrong_at_the_hub(monkeypatch, tmp_path, make, kind, message, at):
    failing(monkeypatch, make(), at=at)
    with pytest.raises(BackendError, match=message) as caught:
        fetch_hub("org/name", "v1", tmp_path)
    assert type(caught.value) is kind and "hf:org/name@v1" in caught.value.message and caught.value.hint
    assert caught.value.__cause__ is not None


def test_other_errors_are_not_hidden(monkeypatch, tmp_path):
    failing(monkeypatch, ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        fetch_hub("org/name", "v1", tmp_path)


def test_a_download_is_pinned_to_the_commit(monkeypatch, tmp_path, folders):
    asked = {}

    def download(repository, *, revision, local_dir, allow_patterns):
        asked.update(revision=revision, patterns=allow_patterns)
        shutil.copytree(folders / "qwen3", local_dir, dirs_exist_ok=True)
        (local_dir / ".cache" / "huggingface").mkdir(parents=True)

    monkeypatch.setattr(hub.HfApi, "model_info", lambda self, repository, revision: SimpleNamespace(sha="c0ffee"))
    monkeypatch.setattr(hub, "snapshot_download", download)
    assert fetch_hub("org/name", "main", tmp_path / "x") == "c0ffee"
    assert asked["revision"] == "c0ffee" and not any(p.endswith((".bin", ".py")) for p in asked["patterns"])
    assert not (tmp_path / "x" / ".cache").exists() and inspect_model(tmp_path / "x").family == "qwen3"


def test_a_repository_without_a_model(monkeypatch, tmp_path):
    monkeypatch.setattr(hub.HfApi, "model_info", lambda self, repository, revision: SimpleNamespace(sha="c0ffee"))
    monkeypatch.setattr(hub, "snapshot_download", lambda *args, **kwargs: None)
    with pytest.raises(BackendError, match=r"has no config\.json"):
        fetch_hub("org/name", "main", tmp_path)


@pytest.mark.parametrize("name", ["name", "a/b/c", "https://example.org/a/b", ""])
def test_names_that_are_none(name, tmp_path):
    with pytest.raises(ConfigError, match="not the name of a hub repository"):
        fetch_hub(name, "main", tmp_path)
