"""A random mT5 so small that it rates in milliseconds, with a head and a tokenizer of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def make_metric(folder: Path, seed: int = 0) -> Path:
    """Write config.json, weights and a tokenizer of bytes that ends a text with </s>."""
    import torch
    import transformers
    from safetensors.torch import save_file

    config = transformers.MT5Config(vocab_size=250112, d_model=8, d_kv=4, d_ff=16, num_layers=1, num_heads=2)
    config.architectures = ["MT5ForRegression"]
    config.save_pretrained(folder)
    draw = torch.Generator().manual_seed(seed)
    model = transformers.MT5Model(config)
    weights: dict[str, Any] = {
        name: torch.randn(value.shape, generator=draw)
        for name, value in model.state_dict().items()
        if "embed_tokens" not in name
    }
    model.load_state_dict(weights, strict=False)
    model.tie_weights()
    with torch.no_grad():
        ids, first = torch.tensor([[5, 6, 7]]), torch.tensor([[0]])
        state = model.eval()(input_ids=ids, decoder_input_ids=first).last_hidden_state[0, 0]
    weights["lm_head.weight"] = torch.randn((250112, 8), generator=draw)
    weights["lm_head.weight"][250089] = 12 * state / state.square().sum()  # so that ratings stand around 12
    save_file(weights, folder / "model.safetensors")
    _tokenizer().save(str(folder / "tokenizer.json"))
    return folder


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((piece, -5.0) for piece in alphabet)]
    made = Tokenizer(models.Unigram(vocabulary, unk_id=2))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return made
