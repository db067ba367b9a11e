"""Take in a Hugging Face folder: check that it is a whole model of a known architecture, and fetch it where it is not.

The check reads JSON and headers only: a model of any size is judged in a second, before anything is copied or loaded.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lontar.core.config import JsonObject
from lontar.core.extras import need
from lontar.errors import ArtifactError, BackendError, ConfigError, DataError, UnavailableError
from lontar.models.files import open_tokenizer_file, read_json, stored_dtype, text_config
from lontar.models.weights import TensorInfo, read_index

# architecture in config.json -> our name of the family
ARCHITECTURES = {
    "Qwen3ForCausalLM": "qwen3",
    "Qwen2ForCausalLM": "qwen2",
    "LlamaForCausalLM": "llama",
    "Gemma3ForCausalLM": "gemma3",
    "Gemma3ForConditionalGeneration": "gemma3",
}
PATTERNS = ("*.safetensors", "*.json", "*.jinja", "*.txt", "README*", "LICENSE*", "NOTICE*", "USE_POLICY*")
_EMBEDDING = re.compile(r"(^|\.)embed_tokens\.weight$")
_HEAD = re.compile(r"(^|\.)lm_head\.weight$")


@dataclass(frozen=True)
class ModelFacts:
    """What a model folder is."""

    architecture: str
    """class name in config.json"""
    family: str
    """qwen3, qwen2, llama or gemma3"""
    text_part: bool
    """the language model stands inside a larger one (with vision)"""
    vocab_size: int
    """rows of the embedding"""
    tied: bool
    """the head is the embedding"""
    dtype: str
    """type of most weights, as torch names it"""
    parameters: int
    """stored values; a tied head counts once"""
    context_length: int | None
    license: str | None
    """SPDX identifier, where README.md or LICENSE tell"""


def inspect_model(folder: Path) -> ModelFacts:
    """Check a model folder and say what it is.

    Raises:
        NotAnArtifactError: there is no config.json, or no weights.
        ArtifactError: weights are pickled, missing or damaged, or do not fit config.json.
        DataError: the architecture is not known, or the tokenizer is missing or larger than the vocabulary.
    """
    config = read_json(folder / "config.json")
    architecture = _architecture(folder, config)
    text = text_config(config)
    index = read_index(folder)
    rows = _embedding_rows(folder, index, text)
    _check_tokenizer(folder, rows)
    length = text.get("max_position_embeddings")
    return ModelFacts(
        architecture=architecture,
        family=ARCHITECTURES[architecture],
        text_part="text_config" in config,
        vocab_size=rows,
        tied=not any(_HEAD.search(name) for name in index),
        dtype=stored_dtype(folder),
        parameters=sum(info.elements for info in index.values()),
        context_length=length if isinstance(length, int) else None,
        license=find_license(folder),
    )


def _architecture(folder: Path, config: JsonObject) -> str:
    named = config.get("architectures")
    names = [str(name) for name in named] if isinstance(named, list) else []
    for name in names:
        if name in ARCHITECTURES:
            return name
    found = ", ".join(names) or f"model_type {config.get('model_type')!r}"
    raise DataError(
        f"{folder / 'config.json'}: architecture {found} is not known here",
        hint="known: " + ", ".join(sorted(ARCHITECTURES)),
    )


def _embedding_rows(folder: Path, index: dict[str, TensorInfo], config: JsonObject) -> int:
    tables = [info for name, info in index.items() if _EMBEDDING.search(name)]
    if len(tables) != 1 or len(tables[0].shape) != 2:
        raise ArtifactError(f"{folder}: expected one embed_tokens.weight, found {len(tables)}")
    rows, width = tables[0].shape
    for key, found in (("vocab_size", rows), ("hidden_size", width)):
        if key in config and config[key] != found:
            raise ArtifactError(
                f"{folder}: config.json says {key} {config[key]}, {tables[0].name} has {found}",
                hint="config and weights are of two different models",
            )
    return rows


def _check_tokenizer(folder: Path, rows: int) -> None:
    vocabulary = open_tokenizer_file(folder).get_vocab(with_added_tokens=True)
    token, largest = max(vocabulary.items(), key=lambda item: item[1], default=("", -1))
    if largest >= rows:
        raise DataError(
            f"{folder}: tokenizer.json has id {largest} ({token!r}), but the embedding has {rows} rows",
            hint="resize the model to its tokenizer (tokenizer.resize), or take the tokenizer that belongs to it",
        )


# --- license ---------------------------------------------------------------------------------------------------------

# How the hub writes it -> SPDX. What is not here goes through as it is, when it looks like an identifier.
_HUB_NAMES = {
    "apache-2.0": "Apache-2.0",
    "mit": "MIT",
    "bsd-3-clause": "BSD-3-Clause",
    "bsd-2-clause": "BSD-2-Clause",
    "gpl-3.0": "GPL-3.0-only",
    "agpl-3.0": "AGPL-3.0-only",
    "mpl-2.0": "MPL-2.0",
}
_TEXTS = (
    ("Apache-2.0", re.compile(r"Apache License\s+Version 2\.0", re.IGNORECASE)),
    ("MIT", re.compile(r"Permission is hereby granted, free of charge, to any person obtaining a copy", re.IGNORECASE)),
)


def find_license(folder: Path) -> str | None:
    """SPDX identifier from the front matter of README.md, else from the text of LICENSE; None when neither tells."""
    readme = folder / "README.md"
    if readme.is_file() and (found := license_of_card(readme.read_text(encoding="utf-8", errors="replace"))):
        return found
    for path in sorted(folder.glob("LICENSE*")):
        text = " ".join(path.read_text(encoding="utf-8", errors="replace").split())
        for spdx, pattern in _TEXTS:
            if pattern.search(text):
                return spdx
    return None


def license_of_card(card: str) -> str | None:
    """The license that a model card's front matter names, as SPDX where it has such a name.

    `other` gives its `license_name`, as a reference: `LicenseRef-tongyi-qianwen`.
    """
    match = re.match(r"\s*---\n(.*?)\n---", card, re.DOTALL)
    if match is None:
        return None
    fields: dict[str, str] = dict(re.findall(r"^(license|license_name):\s*[\"']?([^\s\"'#]+)", match[1], re.MULTILINE))
    name = str(fields.get("license", "")).lower()
    if name in ("other", "unknown"):
        named = re.sub(r"[^A-Za-z0-9.-]+", "-", fields.get("license_name", "")).strip("-")
        return f"LicenseRef-{named}" if named else None
    if name.startswith("cc"):
        return name.upper()
    return _HUB_NAMES.get(name, name) or None


# --- the hub ---------------------------------------------------------------------------------------------------------


def fetch_hub(
    repository: str, revision: str, dest: Path, *, patterns: Sequence[str] = PATTERNS, needed: str = "config.json"
) -> str:
    """Download a model, or the files of it that `patterns` name, into `dest`; returns the commit of `revision`.

    Weights in other formats than safetensors, and code, are not fetched.

    Raises:
        ConfigError: `repository` is not ORG/NAME.
        UnavailableError: no connection, or the hub is busy.
        BackendError: it does not exist, its owner asks for consent, or there is no such revision.
    """
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise ConfigError(f"{repository!r} is not the name of a hub repository", hint="ORG/NAME")
    hub = need("huggingface_hub", extra="hub")
    with hub_errors(repository, revision):
        commit = str(hub.HfApi().model_info(repository, revision=revision).sha)
        hub.snapshot_download(repository, revision=commit, local_dir=dest, allow_patterns=list(patterns))
    shutil.rmtree(dest / ".cache", ignore_errors=True)  # the client's notes on the download
    if not (dest / needed).is_file():
        raise BackendError(f"hf:{repository}@{revision}: has no {needed}", hint="is it a transformers model?")
    return commit


@contextmanager
def hub_errors(repository: str, revision: str, what: str = "model") -> Iterator[None]:
    """The hub's exceptions in our words. Order matters: a gated repository is also one that was not found."""
    errors = need("huggingface_hub.errors", extra="hub")
    where = f"hf:{repository}@{revision}"
    try:
        yield
    except errors.GatedRepoError as err:
        raise BackendError(
            f"{where}: its owner asks for consent before downloading",
            hint=f"accept the terms at https://huggingface.co/{repository}, then: hf auth login",
        ) from err
    except errors.RevisionNotFoundError as err:
        raise BackendError(f"{where}: no such revision", hint="give a branch, a tag or a commit that exists") from err
    except errors.RepositoryNotFoundError as err:
        raise BackendError(
            f"{where}: no such {what}, or it is private", hint="check the spelling; for a private one: hf auth login"
        ) from err
    except errors.LocalEntryNotFoundError as err:
        raise _offline(where) from err
    except errors.OfflineModeIsEnabled as err:
        raise UnavailableError(f"{where}: HF_HUB_OFFLINE is set", hint="unset it, or give a local folder") from err
    except errors.HfHubHTTPError as err:
        raise _http_error(where, repository, err) from err
    except Exception as err:
        if _is_connection_error(err):
            raise _offline(where) from err
        raise


def _http_error(where: str, repository: str, err: Any) -> BackendError:
    status = getattr(getattr(err, "response", None), "status_code", None)
    if status in (401, 403):
        return BackendError(
            f"{where}: access denied ({status})",
            hint=f"log in (hf auth login) as a user who may read https://huggingface.co/{repository}",
        )
    if status is None:
        return _offline(where)
    return UnavailableError(f"{where}: the hub answered {status}", hint="try again later, or give a local folder")


def _offline(where: str) -> UnavailableError:
    return UnavailableError(
        f"{where}: the hub cannot be reached",
        hint="check the connection; or copy the model's folder here and give its path",
    )


def _is_connection_error(err: BaseException | None) -> bool:
    """A connection error, whichever HTTP library raised it."""
    names = ("ConnectError", "ConnectTimeout", "ReadTimeout", "ConnectionError", "Timeout", "TransportError")
    while err is not None:
        if isinstance(err, (ConnectionError, TimeoutError)) or any(c.__name__ in names for c in type(err).__mro__):
            return True
        err = err.__cause__
    return False
