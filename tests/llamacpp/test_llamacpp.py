"""Does llama.cpp read our files as transformers reads the folder? Run by `make test-llamacpp`."""

import ctypes
from pathlib import Path

import pytest

llama_cpp = pytest.importorskip("llama_cpp")
for needed in ("torch", "transformers", "tokenizers", "safetensors", "gguf"):
    pytest.importorskip(needed)

from lontar.models.files import read_json, read_settings  # noqa: E402
from lontar.models.gguf import open_source, write_gguf  # noqa: E402
from lontar.models.gguf_check import check_gguf  # noqa: E402
from lontar.models.llamacpp import llamacpp_ids, write_vocabulary  # noqa: E402
from lontar.models.tiny import make_model  # noqa: E402
from lontar.models.vocab import train_bpe  # noqa: E402
from tests.llamacpp.texts import TRICKY, fuzz, nfc, samples  # noqa: E402

pytestmark = pytest.mark.llamacpp
NEW_TOKENS = 24
TOKENIZERS = Path(__file__).parents[3] / "shared" / "data" / "tokenizers"


@pytest.fixture(autouse=True)
def _weights_as_they_are(monkeypatch):
    """No repacking for the processor at hand: 0.3.36 built for AMX crashes on any Q8_0 file there, its own included."""
    made = llama_cpp.llama_model_default_params

    def plain():
        params = made()
        params.use_extra_bufts = False
        return params

    monkeypatch.setattr(llama_cpp, "llama_model_default_params", plain)
    monkeypatch.setattr(llama_cpp.llama_cpp, "llama_model_default_params", plain)


def llama(path, **given):
    """llama.cpp with everything in float32, so that only the weights can make a difference."""
    quiet = {"verbose": False, "n_threads": 1, "n_threads_batch": 1}
    f32 = {"n_ctx": 1024, "type_k": 0, "type_v": 0, "flash_attn": False}
    return llama_cpp.Llama(str(path), **quiet, **f32, **given)


def vocab_only(folder, path):
    """A file with the vocabulary and no tensor."""
    write_vocabulary(folder, path)
    return llama_cpp.Llama(str(path), vocab_only=True, verbose=False)


@pytest.fixture(scope="session")
def texts():
    return samples()


@pytest.fixture(scope="session")
def tokenizer(texts):
    return train_bpe([text for _, text in texts], 1200)


def differing(expected, found, texts):
    return [(text, a, b) for text in texts if (a := expected(text)) != (b := found(text))]


def ids_of(folder):
    """As transformers gives them, with what frames a text."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    return lambda text: tokenizer(text)["input_ids"]


def llama_ids(model):
    return lambda text: model.tokenize(text.encode("utf-8"), add_bos=True, special=True)


def greedy_of(folder):
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(1)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ends = read_settings(folder).eos_ids

    def answer(ids):
        with torch.inference_mode():
            prompt = torch.tensor([ids])
            made = model.generate(
                prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=NEW_TOKENS, do_sample=False,
                eos_token_id=list(ends), pad_token_id=ends[0],
            )  # fmt: skip
        return made[0, len(ids) :].tolist()

    return answer, ends


def llama_greedy(model, ends):
    def answer(ids):
        model.reset()
        made = []
        for token in model.generate(ids, temp=0.0, top_k=1, repeat_penalty=1.0):
            made.append(token)
            if len(made) == NEW_TOKENS or token in ends:
                return made
        return made

    return answer


def variants(root, tokenizer, texts):
    """Folder by name: every architecture, and what differs inside them."""
    for architecture in ("qwen3", "llama", "gemma3"):
        make_model(root / architecture, "nano", architecture, tokenizer=tokenizer, seed=1, normalization=("nfc",))
    make_model(root / "llama-untied", "tiny", "llama", tokenizer=tokenizer, seed=2, tied=False)
    make_model(root / "qwen3-bf16", "nano", "qwen3", tokenizer=tokenizer, seed=3, dtype="bfloat16")
    make_model(root / "gemma3-deep", "small", "gemma3", tokenizer=tokenizer, seed=4)
    changed(root, tokenizer, "llama3-rope", "llama", {
        "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    })  # fmt: skip
    changed(root, tokenizer, "qwen3-linear", "qwen3", {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0})
    # transformers rebuilds the tokenizer of this architecture with this pattern, whatever tokenizer.json says
    qwen2(root / "qwen2", train_bpe([text for _, text in texts], 1200, pattern="qwen2"))


def changed(root, tokenizer, name, architecture, rope):
    import json

    make_model(root / name, "nano", architecture, tokenizer=tokenizer, seed=5)
    config = {**read_json(root / name / "config.json"), "rope_parameters": rope}
    (root / name / "config.json").write_text(json.dumps(config), encoding="utf-8")


def qwen2(folder, tokenizer):
    """Biases on q, k and v, drawn at random: zeros would hide that they are lost."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from lontar.models.vocab import write_tokenizer

    torch.manual_seed(6)
    end = tokenizer.token_to_id("<|endoftext|>")
    config = Qwen2Config(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=64, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512, tie_word_embeddings=True,
        bos_token_id=end, eos_token_id=end, pad_token_id=None,
    )  # fmt: skip
    model = Qwen2ForCausalLM(config)
    for name, value in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(value)
    model.save_pretrained(folder)
    write_tokenizer(folder, tokenizer)


NAMES = (
    "qwen3", "llama", "gemma3", "llama-untied", "qwen3-bf16", "gemma3-deep", "llama3-rope", "qwen3-linear", "qwen2",
)  # fmt: skip


@pytest.fixture(scope="session")
def root(tmp_path_factory, tokenizer, texts):
    folder = tmp_path_factory.mktemp("models")
    variants(folder, tokenizer, texts)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_ids_and_greedy_text_are_those_of_transformers(root, name, texts, tmp_path):
    folder = root / name
    source = open_source(folder)
    write_gguf(source, tmp_path / "m.gguf", "F32", {"general.name": name})
    check_gguf(source, tmp_path / "m.gguf", "F32", {"general.name": name})
    model = llama(tmp_path / "m.gguf")
    ids = ids_of(folder)
    assert differing(ids, llama_ids(model), [nfc(text) for _, text in texts]) == []
    answer, ends = greedy_of(folder)
    reply = llama_greedy(model, ends)
    prompts = by_language(texts, 2 if name != "qwen3" else 6)
    different = [(text, a, b) for text in prompts if (a := answer(ids(text))) != (b := reply(ids(text)))]
    assert different == [], f"{len(different)} of {len(prompts)}"
    first = ids(prompts[0])
    assert model.detokenize(reply(first)).decode("utf-8", "replace")  # it is text again


def by_language(texts, n):
    """The first n texts of each language."""
    found = {}
    for lang, text in texts:
        found.setdefault(lang, []).append(nfc(text))
    return [text for lang in sorted(found) for text in found[lang][:n]]


@pytest.mark.parametrize("kind", ["F16", "Q8_0"])
@pytest.mark.parametrize("name", ["qwen3", "llama", "gemma3"])
def test_smaller_types_load_and_stay_near(root, name, kind, tmp_path):
    import numpy as np

    source = open_source(root / name)
    logits = {}
    for each in ("F32", kind):
        write_gguf(source, tmp_path / f"{each}.gguf", each, {})
        model = llama(tmp_path / f"{each}.gguf")
        model.eval(model.tokenize("สวัสดี selamat pagi".encode(), add_bos=True))
        size = model.n_vocab()
        logits[each] = np.array(ctypes.cast(model._ctx.get_logits(), ctypes.POINTER(ctypes.c_float * size)).contents)
    scale = np.abs(logits["F32"]).max()
    assert 0 < np.abs(logits[kind] - logits["F32"]).max() <= {"F16": 5e-3, "Q8_0": 5e-2}[kind] * max(scale, 1)


@pytest.mark.parametrize("name", ["qwen3", "llama", "gemma3"])
def test_q8_0_is_bit_for_bit_what_llama_cpp_makes_of_f32(root, name, tmp_path):
    import numpy as np
    from gguf import GGUFReader

    source = open_source(root / name)
    for kind in ("F32", "Q8_0"):
        write_gguf(source, tmp_path / f"{kind}.gguf", kind, {})
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.nthread = 7, 1
    paths = [str(tmp_path / n).encode() for n in ("F32.gguf", "theirs.gguf")]
    assert llama_cpp.llama_model_quantize(*paths, ctypes.byref(params)) == 0
    ours, theirs = (
        {t.name: t.data for t in GGUFReader(str(tmp_path / n)).tensors} for n in ("Q8_0.gguf", "theirs.gguf")
    )
    assert ours.keys() == theirs.keys()
    assert [n for n in ours if not np.array_equal(ours[n], theirs[n])] == []


@pytest.mark.parametrize("pattern", ["qwen2", "qwen35", "llama-bpe"])
def test_every_pattern_we_write_gives_the_same_ids(pattern, texts, tmp_path):
    made = train_bpe([text for _, text in texts], 1500, pattern=pattern)
    make_model(tmp_path / "m", "nano", "qwen3", tokenizer=made)
    model = vocab_only(tmp_path / "m", tmp_path / "v.gguf")
    all_texts = [nfc(text) for text in [*TRICKY, *fuzz(3000), *(text for _, text in texts)]]
    assert differing(ids_of(tmp_path / "m"), llama_ids(model), all_texts) == []


def test_the_pre_tokenizer_of_gpt_2(texts, tmp_path):
    from tokenizers import pre_tokenizers

    made = train_bpe([text for _, text in texts], 1000)
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    make_model(tmp_path / "m", "nano", "qwen3", tokenizer=made)
    model = vocab_only(tmp_path / "m", tmp_path / "v.gguf")
    all_texts = [nfc(text) for text in [*TRICKY, *fuzz(3000), *(text for _, text in texts)]]
    assert differing(ids_of(tmp_path / "m"), llama_ids(model), all_texts) == []


def test_why_gpt_4o_is_refused(texts, tmp_path, monkeypatch):
    """Under that name llama.cpp gives other ids for Thai: when this fails, the refusal can go."""
    from lontar.models import gguf_pre
    from lontar.models.vocab import PATTERNS

    made = train_bpe([text for _, text in texts], 1500, pattern="gpt-4o")
    make_model(tmp_path / "m", "nano", "qwen3", tokenizer=made)
    monkeypatch.setitem(gguf_pre.PRE, "gpt-4o", (PATTERNS["gpt-4o"], False))
    model = vocab_only(tmp_path / "m", tmp_path / "v.gguf")
    thai = [nfc(text) for lang, text in texts if lang == "th"]
    assert len(differing(ids_of(tmp_path / "m"), llama_ids(model), thai)) > len(thai) // 2


def test_llama_cpp_does_not_normalize(tokenizer, root, tmp_path):
    """Why the files say `lontar.tokenizer.normalizer`: when this fails, the key and its page can go."""
    import unicodedata

    model = vocab_only(root / "qwen3", tmp_path / "v.gguf")
    text = unicodedata.normalize("NFD", "Tiếng Việt")
    assert ids_of(root / "qwen3")(text) != llama_ids(model)(text)


def test_the_check_compares_llama_cpp(root, texts, tmp_path, capfd):
    """Without a model's config.json, with all its texts, and without a word on the terminal."""
    import shutil

    from lontar.tokenizer.check import check, texts_of_all_languages

    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(root / "qwen3" / name, tmp_path / name)
    many = [*texts_of_all_languages(), "a\ud800b", *fuzz(500), *(text for _, text in texts)]
    outcome = check(tmp_path, many)
    assert outcome.compared[-1] == "llama.cpp" and not outcome.differences
    assert capfd.readouterr() == ("", "")


def test_the_check_names_llama_cpp_where_it_differs(root, tmp_path, monkeypatch):
    """Under the name of another pattern the same file cuts Thai elsewhere."""
    from lontar.models import gguf_vocab
    from lontar.tokenizer.check import check

    monkeypatch.setattr(gguf_vocab, "pre_name", lambda tree, where: "qwen2")
    found = check(root / "qwen3", ["plain", "ที่ไปไม่ได้"], loaders=("llama.cpp",)).differences
    assert [(one.loader, one.text) for one in found] == [("llama.cpp", "ที่ไปไม่ได้")]


def test_the_check_leaves_out_what_no_gguf_can_hold(texts, tmp_path):
    from lontar.models.vocab import write_tokenizer
    from lontar.tokenizer.check import check

    write_tokenizer(tmp_path, train_bpe([text for _, text in texts], 1000, pattern="gpt-4o"))
    outcome = check(tmp_path, ["x"], loaders=("llama.cpp",))
    assert outcome.compared == () and outcome.left_out["llama.cpp"].startswith(f"{tmp_path}/tokenizer.json: no GGUF")


def test_ids_are_those_of_normalized_text(root):
    import unicodedata

    text = "Tiếng Việt"
    assert llamacpp_ids(root / "qwen3", [unicodedata.normalize("NFD", text)]) == [ids_of(root / "qwen3")(text)]


@pytest.mark.parametrize("name", ["qwen3", "gemma3"])
def test_published_tokenizers_give_the_same_ids(name, texts, tmp_path):
    """Byte-level (Qwen) and SentencePiece style (Gemma), as they are on the hub."""
    import shutil

    if not (TOKENIZERS / name / "tokenizer.json").is_file():
        pytest.skip("needs the published tokenizer in ../shared/data/tokenizers")
    folder = shutil.copytree(TOKENIZERS / name, tmp_path / name, copy_function=shutil.copyfile)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    model = vocab_only(folder, tmp_path / "v.gguf")
    bare = read_tokenizer_of(folder)
    all_texts = [nfc(text) for text in [*TRICKY, *fuzz(2000), *(text for _, text in texts)]]
    assert differing(bare, llama_ids(model), all_texts) == []


def read_tokenizer_of(folder):
    from tokenizers import Tokenizer

    made = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return lambda text: made.encode(text).ids
