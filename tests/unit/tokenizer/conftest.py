"""A small English and Chinese base, the packaged sentences, and one extension of the former by the latter."""

from __future__ import annotations

import json

import pytest

for name in ("tokenizers", "regex"):
    pytest.importorskip(name)

from lontar import samples  # noqa: E402
from lontar.core.shards import read_jsonl  # noqa: E402
from lontar.models.vocab import to_json, train_bpe  # noqa: E402
from lontar.tokenizer.base import check_base  # noqa: E402
from lontar.tokenizer.config import ExtendConfig  # noqa: E402
from lontar.tokenizer.extend import extend  # noqa: E402


def sentences(split="train"):
    folder = samples.path("parallel")
    return {
        path.stem: [str(row["text"]) for _, row in read_jsonl(path) if row["split"] == split]
        for path in sorted(folder.glob("*.jsonl"))
    }


def make_base(pattern="qwen2", vocab_size=600):
    texts = sentences()
    return check_base(to_json(train_bpe([*texts["en"], *texts["zh"]], vocab_size, pattern=pattern)), "base")


def changed(base, **model):
    """The base with other settings of its model."""
    return check_base(json.loads(json.dumps({**base.tree, "model": {**base.tree["model"], **model}})), "changed")


@pytest.fixture(scope="session")
def texts():
    return sentences()


@pytest.fixture(scope="session")
def base():
    return make_base()


@pytest.fixture(scope="session")
def extension(base, texts):
    return extend(base, texts, texts, ExtendConfig(new_tokens=600))
