"""A tiny real model folder, and a local server that says what a test tells it to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

TEXTS = [
    "The market opens at seven and closes when the rain begins.",
    "ตลาดเปิดเจ็ดโมงเช้าและปิดเมื่อฝนเริ่มตก",
    "ဈေးသည် ခုနစ်နာရီတွင် ဖွင့်ပြီး မိုးစရွာလျှင် ပိတ်သည်။",
    "Pasar buka jam tujuh dan tutup ketika hujan mulai turun.",
]
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CONTEXT = 128


def write_tiny_model(folder: Path, *, seed: int = 0, template: bool = True) -> Path:
    """A two-layer Qwen3 with a byte-level vocabulary whose tokens mostly end inside Thai and Burmese characters."""
    tokenizers = pytest.importorskip("tokenizers")
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    if template:
        (folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    (folder / "lontar.json").write_text(
        '{"normalization": ["nfc", "line_space"], "format": "safetensors"}', encoding="utf-8"
    )
    config = transformers.Qwen3Config(
        vocab_size=304,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=[0, 2],
    )
    torch.manual_seed(seed)
    transformers.Qwen3ForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


Handler = Callable[[Any], Awaitable[Any]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """The URL of a server that answers every request with `handler(request)`."""
    web = pytest.importorskip("aiohttp.web")
    app = web.Application(client_max_size=1 << 26)
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app, handle_signals=False)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        await runner.cleanup()


def event_stream(*pieces: bytes | str, pause_s: float = 0.0) -> Handler:
    """Sends raw pieces of an event stream, one write each."""

    async def handler(request: Any) -> Any:
        web = pytest.importorskip("aiohttp.web")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece.encode() if isinstance(piece, str) else piece)
            if pause_s:
                await asyncio.sleep(pause_s)
        return response

    return handler
