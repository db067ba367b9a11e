"""The same interface over a real model: what the `openai` client gets is what the back-end computes."""

import json
import shutil

import pytest

from tests.unit.export.conftest import tiny_model
from tests.unit.serve.conftest import NAME, client_of, running, say

for needed in ("starlette", "uvicorn", "torch", "transformers", "safetensors", "tokenizers"):
    pytest.importorskip(needed)
openai = pytest.importorskip("openai")

TEXT = "selamat pagi semua ສະບາຍດີ"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("served") / "model").path


@pytest.fixture(scope="module")
def client(folder):
    from lontar.backends import open_backend

    with running(open_backend("hf", folder, device="cpu")) as url, client_of(url) as found:
        yield found


def test_greedy_answers_repeat_whole_or_in_pieces(client):
    given = {"model": NAME, "messages": say(TEXT), "temperature": 0, "max_tokens": 20}
    whole = client.chat.completions.create(**given)
    again = client.chat.completions.create(**given)
    pieces = "".join(c.choices[0].delta.content or "" for c in client.chat.completions.create(**given, stream=True))
    assert whole.choices[0].message.content == again.choices[0].message.content == pieces
    assert whole.usage.completion_tokens <= 20 and whole.choices[0].finish_reason in ("stop", "length")


def test_a_seed_repeats_and_another_differs(client):
    def ask(seed):
        answer = client.completions.create(model=NAME, prompt=TEXT, temperature=1.5, max_tokens=30, seed=seed)
        return answer.choices[0].text

    assert ask(1) == ask(1) != ask(2)


def test_echo_with_logprobs_is_the_likelihood_of_every_token(client, folder):
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM

    ids = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(TEXT).ids
    scored = client.completions.create(model=NAME, prompt=ids, echo=True, logprobs=1, max_tokens=0).choices[0]
    assert scored.text == TEXT
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        logprobs = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    expected = [float(logprobs[i, token]) for i, token in enumerate(ids[1:])]
    found = scored.logprobs.token_logprobs
    assert len(found) == len(scored.logprobs.tokens) == len(ids)
    assert found[0] is None and found[1:] == pytest.approx(expected, abs=1e-4)
    best = logprobs[0].max().item()
    assert list(scored.logprobs.top_logprobs[1].values()) == pytest.approx([best], abs=1e-4)


def test_text_is_scored_from_the_start_of_a_text(client, folder):
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM

    ids = [0, *Tokenizer.from_file(str(folder / "tokenizer.json")).encode(TEXT).ids]
    scored = client.completions.create(model=NAME, prompt=TEXT, echo=True, logprobs=0, max_tokens=0).choices[0]
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        logprobs = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    expected = [float(logprobs[i, token]) for i, token in enumerate(ids[1:])]
    assert scored.logprobs.token_logprobs == pytest.approx(expected, abs=1e-4)


def test_a_prompt_beyond_the_context_is_an_error_and_never_cut(folder, tmp_path):
    from lontar.backends import open_backend

    shutil.copytree(folder, tmp_path / "short")
    path = tmp_path / "short" / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**config, "max_position_embeddings": 64}), encoding="utf-8")
    (tmp_path / "short" / "manifest.json").unlink()
    with running(open_backend("hf", tmp_path / "short", device="cpu")) as url, client_of(url) as client:
        assert client.models.retrieve(NAME).context_length == 64
        calls = {
            "messages": lambda **g: client.chat.completions.create(model=NAME, messages=say("pagi " * 80), **g),
            "prompt": lambda **g: client.completions.create(model=NAME, prompt="pagi " * 80, **g),
        }
        for param, call in calls.items():
            for stream in (False, True):
                with pytest.raises(openai.BadRequestError) as caught:
                    call(stream=stream)
                assert (caught.value.code, caught.value.param) == ("context_length_exceeded", param)
        answer = client.completions.create(model=NAME, prompt="pagi", temperature=0, max_tokens=40)
        assert answer.usage.completion_tokens <= 40


def test_a_token_that_does_not_exist_is_named(client):
    with pytest.raises(openai.BadRequestError, match="99999"):
        client.completions.create(model=NAME, prompt=[99_999])


def test_a_model_without_a_chat_template_says_so(folder, tmp_path):
    from lontar.backends import open_backend

    shutil.copytree(folder, tmp_path / "base")
    (tmp_path / "base" / "chat_template.jinja").unlink()
    (tmp_path / "base" / "manifest.json").unlink()
    with running(open_backend("hf", tmp_path / "base", device="cpu")) as url, client_of(url) as client:
        with pytest.raises(openai.BadRequestError, match="template") as caught:
            client.chat.completions.create(model=NAME, messages=say("halo"))
        assert caught.value.param == "messages"
        assert client.completions.create(model=NAME, prompt="halo", max_tokens=2).object == "text_completion"
