"""Tiny real models of the three architectures, with weights large enough that a leak would show."""

import pytest

for name in ("torch", "transformers", "tokenizers", "safetensors"):
    pytest.importorskip(name)

import torch  # noqa: E402

COMMON = {
    "vocab_size": 300, "hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 256, "bos_token_id": 0, "eos_token_id": 0,
    "pad_token_id": None,
}  # fmt: skip
ARCHITECTURES = ("qwen3", "llama", "gemma3")


@pytest.fixture(autouse=True, scope="session")
def _threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def make(architecture="qwen3", **changes):
    import transformers as t

    config_class, model_class, extra = {
        "qwen3": (t.Qwen3Config, t.Qwen3ForCausalLM, {}),
        "llama": (t.LlamaConfig, t.LlamaForCausalLM, {}),
        "gemma3": (
            t.Gemma3TextConfig,
            t.Gemma3ForCausalLM,
            {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"], "query_pre_attn_scalar": 16},
        ),
    }[architecture]
    torch.manual_seed(0)
    model = model_class(config_class(**{**COMMON, "tie_word_embeddings": True, **extra, **changes})).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "norm" not in name:
                p.mul_(5.0)
    return model


@pytest.fixture(params=ARCHITECTURES)
def model(request):
    return make(request.param)
