"""llama.cpp as a tokenizer: the vocabulary of a folder in a GGUF file without weights, and the ids it gives there.

llama.cpp normalizes no text, so ours is brought into the tokenizer's own form (NFC) before, as in front of a server.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lontar.core.extras import need
from lontar.errors import DataError
from lontar.models.files import open_tokenizer_file
from lontar.models.gguf import Source, write_gguf
from lontar.models.gguf_arch import Architecture
from lontar.models.gguf_vocab import read_vocabulary

__all__ = ["llamacpp_ids", "write_vocabulary"]

_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json", "config.json")


def write_vocabulary(folder: Path, path: Path) -> None:
    """Write a GGUF file with the vocabulary of a folder and no tensor; a config.json is not needed.

    Raises:
        DataError: llama.cpp would give other ids, or none; says why.
        MissingExtraError: `gguf` or `tokenizers` is not installed.
    """
    rows = 1 + max(open_tokenizer_file(folder).get_vocab(with_added_tokens=True).values(), default=-1)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        (place / "config.json").write_text("{}", encoding="utf-8")  # for a tokenizer without a model
        for name in _FILES:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, place / name)
        try:
            vocabulary = read_vocabulary(place, rows)
        except DataError as err:
            raise DataError(err.message.replace(str(place), str(folder)), hint=err.hint) from err
    shape = Architecture("llama", 1, 1, 1, True, rows, {})
    write_gguf(Source(folder, shape, vocabulary, (), ()), path, "F32", {"general.name": "vocabulary"})


def llamacpp_ids(folder: Path, texts: Sequence[str]) -> list[list[int]]:
    """Ids of each text in llama.cpp, with what the tokenizer puts before and after a text.

    Args:
        folder: tokenizer.json and its companions.
        texts: in whole characters.

    Raises:
        DataError: the vocabulary has no form in GGUF in which llama.cpp gives the same ids; says why.
        MissingExtraError: `llama_cpp`, `gguf` or `tokenizers` is not installed.
    """
    library = need("llama_cpp", extra="llamacpp")
    normalizer = open_tokenizer_file(folder).normalizer
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "vocabulary.gguf"
        write_vocabulary(folder, path)
        with _opened(library, path) as vocabulary:
            shown = (normalizer.normalize_str(text) if normalizer else text for text in texts)
            return [_tokenized(library, vocabulary, text.encode("utf-8")) for text in shown]


@contextmanager
def _opened(library: Any, path: Path) -> Iterator[Any]:
    """The vocabulary of a file; without a context, which the library's own class makes, with warnings, for any file."""
    logging.getLogger("llama-cpp-python").setLevel(logging.CRITICAL)  # it tells every key of a file otherwise
    settings = library.llama_model_default_params()
    settings.vocab_only = True
    model = library.llama_model_load_from_file(str(path).encode(), settings)
    if not model:
        raise DataError(f"{path}: llama.cpp cannot load it")
    try:
        yield library.llama_model_get_vocab(model)
    finally:
        library.llama_model_free(model)


def _tokenized(library: Any, vocabulary: Any, data: bytes) -> list[int]:
    size = len(data) + 2  # a token has a byte at least, but for those that frame a text
    ids = (library.llama_token * size)()
    n = library.llama_tokenize(vocabulary, data, len(data), ids, size, True, True)
    if n < 0:
        raise DataError(f"llama.cpp has no tokens for {data[:40]!r}")
    return list(ids[:n])
