"""Open a model folder: weights, tokenizer and what goes with them.

Only from a local folder, only safetensors, never code from the folder; downloading is `models/adopt.py`. transformers
fills weights that are missing with random ones and goes on with a warning: here that is an error.
"""

from __future__ import annotations

import functools
import json
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lontar.core.config import JsonObject
from lontar.core.extras import need
from lontar.errors import ArtifactError, ConfigError, DataError, NotAnArtifactError

Dtype = Literal["auto", "float32", "bfloat16"]
# For an architecture whose config names no length.
DEFAULT_CONTEXT = 2048


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to run, in evaluation mode."""

    folder: Path
    model: Any
    """transformers causal language model; for Gemma 3 with vision, its text part"""
    tokenizer: Any
    """`tokenizers.Tokenizer`: exactly tokenizer.json, no class of transformers in between"""
    chat_template: str | None
    """Jinja source"""
    normalization: tuple[str, ...]
    """names of the text normalizers the model expects"""
    eos_ids: tuple[int, ...]
    """tokens that end an answer"""
    start_id: int | None
    """token a text begins with: the model's own, or its end-of-document token"""
    end_id: int | None
    """token that ends a document in training"""
    context_length: int
    device: str
    dtype: str


def open_model(folder: Path, *, device: str = "auto", dtype: Dtype = "auto", check: bool = True) -> LoadedModel:
    """Open a model folder.

    `dtype="auto"` keeps the stored type where the device computes in it, and takes float32 otherwise.

    Raises:
        NotAnArtifactError, DataError, ArtifactError: the folder is not a usable model (see `adopt.inspect_model`).
        ConfigError: the device is not there.
    """
    from lontar.models.adopt import inspect_model

    torch = need("torch", extra="train")
    if check:
        inspect_model(folder)
    place = resolve_device(device)
    kind = resolve_dtype(dtype, stored_dtype(folder), place)
    model = load_weights(folder, getattr(torch, kind)).to(place).eval()
    settings = read_settings(folder)
    return LoadedModel(
        folder=folder,
        model=model,
        tokenizer=open_tokenizer_file(folder),
        chat_template=read_chat_template(folder),
        normalization=read_normalization(folder),
        eos_ids=settings.eos_ids,
        start_id=settings.start_id,
        end_id=settings.end_id,
        context_length=getattr(model.config, "max_position_embeddings", DEFAULT_CONTEXT),
        device=place,
        dtype=kind,
    )


def resolve_device(device: str) -> str:
    """`auto` is the first GPU where there is one.

    Raises:
        ConfigError: a GPU is asked for and there is none, or the name is unknown.
    """
    torch = need("torch", extra="train")
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    name, _, number = device.partition(":")
    if name not in ("cpu", "cuda") or (number and not number.isdigit()):
        raise ConfigError(f"unknown device {device!r}", hint="auto, cpu, cuda or cuda:N")
    if name == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"device {device!r} was asked for, but torch sees {torch.cuda.device_count()} GPUs",
            hint="use device=cpu, or install the CUDA build of torch and a driver",
        )
    return device


def resolve_dtype(dtype: Dtype, stored: str, device: str) -> str:
    """Name of the torch type to hold the weights in."""
    if dtype != "auto":
        return dtype
    if stored == "bfloat16" and bf16_arithmetic(device.partition(":")[0]):
        return "bfloat16"
    return "float16" if stored == "float16" and device.startswith("cuda") else "float32"


def bf16_arithmetic(device_type: str) -> bool:
    """Whether bfloat16 is fast there and not merely possible."""
    if device_type == "cuda":
        return bool(need("torch", extra="train").cuda.is_bf16_supported(including_emulation=False))
    return device_type == "cpu" and cpu_has_bf16()


@functools.cache
def cpu_has_bf16() -> bool:
    """AVX512-BF16 or AMX on x86, BF16 on ARM; without them bfloat16 is emulated and slower than float32."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:  # macOS: Apple's M2 and later have it, but torch does not use it on the CPU
        return False
    return has_bf16_flag(text, platform.machine())


def has_bf16_flag(cpuinfo: str, machine: str) -> bool:
    """Read the flags in the text of /proc/cpuinfo."""
    x86 = machine.lower() in ("x86_64", "amd64")
    key, wanted = ("flags", {"avx512_bf16", "amx_bf16"}) if x86 else ("features", {"bf16"})
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip().lower() == key:
            return bool(wanted & set(value.split()))
    return False


def load_weights(folder: Path, dtype: Any) -> Any:
    """The causal language model of a folder, on the CPU.

    Raises:
        ArtifactError: weights are missing or have another shape than the config says.
    """
    transformers = need("transformers", extra="train")
    options: dict[str, Any] = {"config": None} | _text_part(transformers, folder)
    cls = options.pop("class", transformers.AutoModelForCausalLM)
    if options["config"] is None:
        del options["config"]
    with quiet():
        try:
            model, report = cls.from_pretrained(
                folder,
                dtype=dtype,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                attn_implementation="sdpa",
                output_loading_info=True,
                **options,
            )
        except (OSError, ValueError, KeyError, RuntimeError) as err:
            raise ArtifactError(f"{folder}: cannot be loaded: {_first_line(err)}") from err
    if missing := sorted(report["missing_keys"]):
        raise ArtifactError(
            f"{folder}: {len(missing)} weights are missing, first {missing[0]!r}",
            hint="the files do not fit config.json, or a weight file is not whole",
        )
    return model


def _text_part(transformers: Any, folder: Path) -> dict[str, Any]:
    """How to load the language model out of a Gemma 3 with vision: its own class, config and weight names."""
    if read_json(folder / "config.json").get("model_type") != "gemma3":
        return {}
    config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True).text_config
    names = {r"^(model\.)?language_model\.(model\.)?": "model.", r"^language_model\.lm_head": "lm_head"}
    return {"class": transformers.Gemma3ForCausalLM, "config": config, "key_mapping": names}


def _first_line(err: Exception) -> str:
    text = str(err).strip()
    return text.splitlines()[0] if text else type(err).__name__


@contextmanager
def quiet() -> Iterator[None]:
    """transformers without bars and advice: stages report for themselves."""
    log = need("transformers", extra="train").utils.logging
    level, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(level)
        if bars:
            log.enable_progress_bar()


# --- the small files -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Settings:
    """What config.json and generation_config.json say about the ends of a text."""

    eos_ids: tuple[int, ...]
    start_id: int | None
    end_id: int | None


def read_settings(folder: Path) -> Settings:
    """Read start and end tokens.

    A model without a start token has seen one document follow the end token of another: that token starts a text. A
    chat model ends its answers with one token and documents with another; the latter is also its start token.
    """
    path = folder / "generation_config.json"
    sources = [text_config(read_json(folder / "config.json")), read_json(path) if path.is_file() else {}]
    eos_ids = tuple(dict.fromkeys(i for source in sources for i in _ids(source.get("eos_token_id"))))
    starts = [i for source in sources for i in _ids(source.get("bos_token_id"))] or [*eos_ids[:1]]
    start = starts[0] if starts else None
    end = start if start in eos_ids else next(iter(eos_ids), None)
    return Settings(eos_ids, start, end)


def _ids(value: Any) -> list[int]:
    values = value if isinstance(value, list) else [value]
    return [v for v in values if isinstance(v, int) and not isinstance(v, bool)]


def text_config(config: JsonObject) -> JsonObject:
    """The part of a config that describes the language model."""
    inner = config.get("text_config")
    return {**config, **inner} if isinstance(inner, dict) else config


def stored_dtype(folder: Path) -> str:
    """Type of most of the weights, by number of elements: `float32`, `bfloat16`, `float16`."""
    from lontar.models.weights import read_index

    sizes: dict[str, int] = {}
    for info in read_index(folder).values():
        sizes[info.dtype] = sizes.get(info.dtype, 0) + info.elements
    names = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}
    return names.get(max(sorted(sizes), key=lambda k: sizes[k]), "float32") if sizes else "float32"


def read_json(path: Path) -> JsonObject:
    """Read a JSON object.

    Raises:
        NotAnArtifactError: there is no such file.
        DataError: it is not a JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as err:
        raise NotAnArtifactError(f"{path.parent}: not a model folder (no {path.name})") from err
    except (OSError, ValueError) as err:
        raise DataError(f"{path}: not readable as JSON: {err}") from err
    if not isinstance(value, dict):
        raise DataError(f"{path}: expected a JSON object (got {type(value).__name__})")
    return value


def read_normalization(folder: Path) -> tuple[str, ...]:
    """Normalizers by name from lontar.json; none for a folder from elsewhere.

    Raises:
        DataError: the list is not one of names.
    """
    path = folder / "lontar.json"
    names = read_json(path).get("normalization", []) if path.is_file() else []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{path}: normalization must be a list of names (got {names!r})")
    return tuple(str(name) for name in names)


def read_chat_template(folder: Path) -> str | None:
    """Jinja source of the chat template, from its own file or from tokenizer_config.json."""
    own = folder / "chat_template.jinja"
    if own.is_file():
        return own.read_text(encoding="utf-8")
    path = folder / "tokenizer_config.json"
    value = read_json(path).get("chat_template") if path.is_file() else None
    if isinstance(value, list):  # several by name, in older folders
        named = {item.get("name"): item.get("template") for item in value if isinstance(item, dict)}
        value = named.get("default")
    return value if isinstance(value, str) else None


def open_tokenizer_file(folder: Path) -> Any:
    """`tokenizer.json` as it is.

    Raises:
        DataError: it is missing or damaged.
    """
    tokenizers = need("tokenizers", extra="train")
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise DataError(
            f"{folder}: no tokenizer.json",
            hint="save the fast tokenizer: AutoTokenizer.from_pretrained(...).save_pretrained(...)",
        )
    try:
        return tokenizers.Tokenizer.from_file(str(path))
    except Exception as err:  # noqa: BLE001 - the library raises a bare Exception
        raise DataError(f"{path}: not a tokenizer: {err}") from err


