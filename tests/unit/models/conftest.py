"""One small tokenizer and a folder per architecture."""

import pytest

for name in ("torch", "transformers", "tokenizers", "safetensors", "jinja2"):
    pytest.importorskip(name)

from lontar.models.tiny import make_model  # noqa: E402
from lontar.models.vocab import train_bpe  # noqa: E402

TEXTS = ["the cat sat on the mat", "selamat pagi semua", "ສະບາຍດີ ພາສາລາວ", "สวัสดีครับ", "မင်္ဂလာပါ"] * 3


@pytest.fixture(scope="session")
def tokenizer():
    return train_bpe(TEXTS, 400)


@pytest.fixture(scope="session")
def folders(tmp_path_factory, tokenizer):
    root = tmp_path_factory.mktemp("models")
    for architecture in ("qwen3", "llama", "gemma3"):
        make_model(root / architecture, "nano", architecture, tokenizer=tokenizer, seed=3, normalization=("nfc",))
    return root


@pytest.fixture(params=["qwen3", "llama", "gemma3"])
def folder(request, folders):
    return folders / request.param


@pytest.fixture
def copied(folders, tmp_path):
    """A Qwen3 folder to spoil."""
    import shutil

    return shutil.copytree(folders / "qwen3", tmp_path / "model")
