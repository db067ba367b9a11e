"""`tokenizer.adopt`: take in a tokenizer from a folder, a file or a pinned hub revision, with its license.

The artifact holds `tokenizer.json` at its root. Files of ranks (tiktoken, tekken.json) are converted, and the
conversion is proved on the samples of every language: the same ids as tiktoken gives with the ranks themselves.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lontar.core.artifact import Tokenizer
from lontar.core.config import JsonObject
from lontar.core.job import Job
from lontar.core.shards import write_json, write_text
from lontar.core.stage import stage
from lontar.errors import ArtifactError, DataError
from lontar.models.stages import AdoptConfig, adopt_license, adopt_uses, download

_COMPANIONS = (
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja", "lontar.json"),
    *("README*", "LICENSE*", "NOTICE*", "USE_POLICY*"),
)
_HUB = ("tokenizer.json", *_COMPANIONS)


def _uses(config: AdoptConfig, inputs: dict[str, Any]) -> dict[str, str]:
    return adopt_uses(config, _files)


def _files(place: Path) -> list[Path]:
    """The vocabulary and its companions."""
    from lontar.tokenizer.vocabularies import vocabulary_file

    main = vocabulary_file(place)
    found = {main} | {path for pattern in _COMPANIONS for path in main.parent.glob(pattern) if path.is_file()}
    return sorted(found)


@stage("tokenizer.adopt", out=Tokenizer, version=1, uses=_uses)
def adopt(job: Job, *, config: AdoptConfig) -> None:
    """Take in a tokenizer from outside: check it, copy it, record its terms."""
    from lontar.models.files import read_json
    from lontar.tokenizer.vocabularies import vocabulary_file

    origin: JsonObject = {}
    if config.path is not None:
        main, name = vocabulary_file(Path(config.path)), Path(config.path).resolve().name
    else:
        name = str(config.repository)
        folder, origin = download(job, config, patterns=_HUB, needed="tokenizer.json")
        main = folder / "tokenizer.json"
    spdx = adopt_license(config, main.parent)
    _write(job.dir, main)
    for path in _files(main):
        if path.name not in (main.name, "lontar.json", "origin.json"):
            shutil.copyfile(path, job.dir / path.name)
    own = read_json(main.parent / "lontar.json") if (main.parent / "lontar.json").is_file() else {}
    write_json(job.dir / "lontar.json", {"normalization": own.get("normalization", []), **origin})
    job.add_license(spdx, name, 1)
    tree = json.loads((job.dir / "tokenizer.json").read_text(encoding="utf-8"))
    job.metric(vocabulary=len(tree["model"]["vocab"]), special_tokens=len(tree.get("added_tokens") or []))


def _write(folder: Path, main: Path) -> None:
    """Write tokenizer.json: the file as it is, or made from ranks.

    Raises:
        DataError: it is damaged, or of a kind that cannot become a tokenizer.json.
    """
    from lontar.models.files import open_tokenizer_file
    from lontar.tokenizer.ranks import is_ranks, read_ranks

    if main.name == "tekken.json" or (main.suffix != ".json" and is_ranks(main)):
        ranks = read_ranks(main)
        tree = ranks.tree()
        write_text(folder / "tokenizer.json", json.dumps(tree, ensure_ascii=False, indent=1) + "\n")
        config: JsonObject = {"clean_up_tokenization_spaces": False, "tokenizer_class": "PreTrainedTokenizerFast"}
        write_json(folder / "tokenizer_config.json", config)
        _prove(tree, ranks.ranks, ranks.pattern, ranks.first, main)
        return
    if main.suffix != ".json":
        raise DataError(
            f"{main}: a SentencePiece model or GGUF file; what is adopted has a tokenizer.json",
            hint="save the fast tokenizer of its model: AutoTokenizer.from_pretrained(...).save_pretrained(...)",
        )
    shutil.copyfile(main, folder / "tokenizer.json")
    open_tokenizer_file(folder)


def _prove(tree: Any, ranks: Mapping[bytes, int], pattern: str, first: int, main: Path) -> None:
    """Compare the converted tokenizer with tiktoken on every language.

    Raises:
        ArtifactError: naming the first text that differs.
    """
    from lontar.core.extras import need
    from lontar.models.vocab import from_json
    from lontar.tokenizer.check import texts_of_all_languages

    reference = need("tiktoken", extra="vocabularies").Encoding(
        main.stem, pat_str=pattern, mergeable_ranks={**ranks}, special_tokens={}
    )
    made = from_json(tree)
    for text in texts_of_all_languages():
        expected = [first + rank for rank in reference.encode_ordinary(text)]
        if made.encode(text, add_special_tokens=False).ids != expected:
            raise ArtifactError(f"{main}: {text[:60]!r} has other ids after conversion", hint="please report this file")
