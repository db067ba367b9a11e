"""Open a model folder: weights, tokenizer and what goes with them.

Only from a local folder, only safetensors, never code from the folder; downloading is `models/adopt.py`. transformers
fills weights that are missing with random ones and goes on with a warning: here that is an error.
"""

from __future__ import annotations

import functools
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lontar.core.extras import need
from lontar.errors import ArtifactError, ConfigError
from lontar.models.files import (
    open_tokenizer_file,
    read_chat_template,
    read_json,
    read_normalization,
    read_settings,
    stored_dtype,
)

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
    """Quieten transformers: no bars, no advice; stages report for themselves."""
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
