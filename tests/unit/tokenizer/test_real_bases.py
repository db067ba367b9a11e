"""The same on tokenizers of real models, where they lie beside the repository."""

import shutil
from pathlib import Path

import pytest

pytest.importorskip("transformers")

from lontar.errors import ArtifactError
from lontar.tokenizer.audit import audit, audit_files
from lontar.tokenizer.base import open_base
from lontar.tokenizer.check import LOADERS, differences, texts_of_all_languages
from lontar.tokenizer.config import ExtendConfig
from lontar.tokenizer.extend import extend
from lontar.tokenizer.stages import _write

FOLDER = Path(__file__).parents[4] / "shared" / "data" / "tokenizers"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="no tokenizers of real models beside the repository"),
]


@pytest.mark.parametrize(("name", "pattern"), [("qwen3", "qwen35"), ("gpt4o", "gpt-4o"), ("deepseek_v3", None)])
def test_byte_level_bases_are_extended(name, pattern, texts, tmp_path):
    if not (FOLDER / name).is_dir():
        pytest.skip(f"no {name}")
    made = extend(open_base(FOLDER / name), texts, texts, ExtendConfig(new_tokens=500))
    audit(made, texts_of_all_languages())
    _write(tmp_path, FOLDER / name, made)
    audit_files(tmp_path, FOLDER / name, made.guard.lines, [])
    assert made.new.pattern == pattern
    many = [*texts_of_all_languages(), *(text for own in texts.values() for text in own)]
    assert differences(tmp_path, many, loaders=LOADERS) == []


@pytest.mark.parametrize("name", ["gemma3"])
def test_sentencepiece_style_bases_are_refused(name, tmp_path):
    if not (FOLDER / name).is_dir():
        pytest.skip(f"no {name}")
    shutil.copyfile(FOLDER / name / "tokenizer.json", tmp_path / "tokenizer.json")
    with pytest.raises(ArtifactError, match="byte fallback"):
        open_base(tmp_path)
