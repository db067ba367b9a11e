"""A tiny real model as an artifact: Qwen3 architecture, byte-level BPE."""

import json

import pytest

from lontar.core.artifact import Model
from lontar.core.config import Config
from lontar.core.job import Job
from lontar.core.stage import stage

TEXTS = ["ສະບາຍດີ ພາສາລາວ", "selamat pagi semua", "the cat sat on the mat", "สวัสดีครับ", "မင်္ဂလာပါ"] * 4
TEMPLATE = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}bot: {% endif %}"
)


class TinyConfig(Config):
    dtype: str = "float32"
    license: str = "Apache-2.0"
    scale: float = 1.0


@stage("test.tiny_model", out=Model, version=1)
def tiny_model(job: Job, *, config: TinyConfig = TinyConfig()) -> None:  # noqa: B008 - frozen
    """Make a model of a few thousand parameters."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import Qwen3Config, Qwen3ForCausalLM

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(
        TEXTS,
        trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, special_tokens=["<|end|>"], show_progress=False),
    )
    tokenizer.save(str(job.dir / "tokenizer.json"))
    (job.dir / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|end|>"}), encoding="utf-8"
    )
    (job.dir / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    made = Qwen3ForCausalLM(
        Qwen3Config(vocab_size=tokenizer.get_vocab_size(), num_key_value_heads=1, head_dim=16, eos_token_id=0, **sizes)
    )
    with torch.no_grad():
        made.lm_head.weight.mul_(config.scale)
    made.to(getattr(torch, config.dtype)).save_pretrained(job.dir)
    (job.dir / "lontar.json").write_text('{"normalization": [], "format": "safetensors"}', encoding="utf-8")
    job.add_license(config.license, "a test")
    job.metric(loss=1.25)


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("tiny") / "model")
