"""What the audit says about folders as a loader sees them."""

import json

import pytest

pytest.importorskip("transformers")

from lontar.errors import ArtifactError
from lontar.models.vocab import write_tokenizer
from lontar.tokenizer import audit
from lontar.tokenizer.audit import audit_files
from lontar.tokenizer.base import check_base
from lontar.tokenizer.config import ExtendConfig
from lontar.tokenizer.extend import extend
from lontar.tokenizer.stages import _write

GUARD = ["plain text", "def f(x): return x"]


@pytest.fixture
def folders(tmp_path, extension):
    base, made = tmp_path / "base", tmp_path / "made"
    made.mkdir()
    write_tokenizer(base, extension.original.tokenizer, chat_template="{{ messages }}")
    _write(made, base, extension)
    return base, made


def test_all_is_well(folders):
    base, made = folders
    assert audit_files(made, base, GUARD, ["สวัสดี"]) == []


def test_another_template_is_found(folders):
    base, made = folders
    (made / "chat_template.jinja").write_text("{{ messages }} ", encoding="utf-8")
    with pytest.raises(ArtifactError, match="chat template"):
        audit_files(made, base, GUARD, [])


def test_a_loader_that_rebuilds_the_pattern_is_found(folders):
    base, made = folders
    settings = {"model_type": "qwen2", "architectures": [], "transformers_version": "5.0.0"}
    (base / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(ArtifactError, match="other ids in another loader; first AutoTokenizer") as caught:
        audit_files(made, base, GUARD, ["ภาษาไทยนี้ดี"])
    assert "keep" in caught.value.hint


def test_a_class_that_adds_tokens_of_its_own_is_found(folders, monkeypatch):
    """A begin-of-text token that only the base's class knows would be lost in silence."""
    base, made = folders
    real = audit.loaded_ids

    def with_start(folder, texts, **options):
        ids = real(folder, texts, **options)
        return [[7, *one] for one in ids] if folder == base else ids

    monkeypatch.setattr(audit, "loaded_ids", with_start)
    with pytest.raises(ArtifactError, match="other ids than the base's"):
        audit_files(made, base, GUARD, [])


def test_a_base_whose_class_contradicts_its_file_is_noted(folders, monkeypatch):
    base, made = folders
    real = audit.loaded_ids
    monkeypatch.setattr(audit, "loaded_ids", lambda f, t, **o: [[1, 2, 3] for _ in t] if f == base else real(f, t, **o))
    assert "follow the latter" in audit_files(made, base, GUARD, [])[0]


def test_without_transformers_the_rest_is_checked(folders, monkeypatch):
    base, made = folders
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert audit_files(made, base, GUARD, []) == []


def test_a_start_token_of_the_post_processor_stays(base, texts, tmp_path):
    """Llama 3 writes it into tokenizer.json."""
    end = base.specials["<|endoftext|>"]
    start = {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}
    parts = [start, {"Sequence": {"id": "A", "type_id": 0}}]
    processor = {
        "type": "TemplateProcessing",
        "single": parts,
        "pair": [*parts, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<|endoftext|>": {"id": "<|endoftext|>", "ids": [end], "tokens": ["<|endoftext|>"]}},
    }
    with_start = check_base({**base.tree, "post_processor": processor}, "llama")
    made = extend(with_start, texts, texts, ExtendConfig(new_tokens=100))
    folder, out = tmp_path / "base", tmp_path / "made"
    out.mkdir()
    write_tokenizer(folder, with_start.tokenizer)
    _write(out, folder, made)
    assert audit_files(out, folder, GUARD, texts["th"]) == []
    assert made.new.tokenizer.encode("x").ids[0] == end
