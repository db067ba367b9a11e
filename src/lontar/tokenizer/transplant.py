"""Move a model to another tokenizer: which rows are copied, what its special ids become, and the files around them.

Tokens are the same when they stand for the same bytes, special tokens when they have the same text. A special token of
another name takes over the row of the one that plays its part (end, begin, padding), since the model knows the part.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lontar.core.config import JsonObject, JsonValue
from lontar.core.shards import write_json, write_text
from lontar.errors import ArtifactError
from lontar.models.files import read_chat_template, read_json, read_settings, text_config
from lontar.tokenizer.base import Bpe, open_base
from lontar.tokenizer.check import differences, texts_of_all_languages
from lontar.tokenizer.resize import STALE, TOKENIZER_FILES, Growth, padded, with_rows
from lontar.tokenizer.resize_config import TransplantConfig
from lontar.tokenizer.rows import Change
from lontar.tokenizer.sparse import MOST_ATOMS, donated

ROLES = ("bos", "eos", "pad", "unk")
# Where one new token plays several parts, it takes the row of the last of these: ending a text is what must be learned.
_PRECEDENCE = ("unk", "pad", "bos", "eos")


def plan(model: Path, tokenizer: Path, old: Bpe, new: Bpe, multiple: int | None = None) -> Growth:
    """Which rows are copied, and the old pieces of every other token.

    Raises:
        ArtifactError: config.json has no vocab_size, or the tokenizers share no token.
    """
    rows = text_config(read_json(model / "config.json")).get("vocab_size")
    if not isinstance(rows, int):
        raise ArtifactError(f"{model}: config.json has no vocab_size (got {rows!r})")
    kept = _shared(old, new) | _roles(model, tokenizer, old, new)
    if not kept:
        raise ArtifactError(f"{tokenizer}: shares no token with the tokenizer of {model}")
    pieces = {
        i: old.encode(token) if token in new.specials else old.old_pieces(token)
        for token, i in new.ids.items()
        if i not in kept
    }
    return Growth(rows, padded(new.size, rows > old.size, multiple), pieces, kept=kept)


def _shared(old: Bpe, new: Bpe) -> dict[int, int]:
    """New id to old id of tokens that both have, but for those that the old tokenizer never makes of their own text."""
    kinds = [(token, i) for token, i in new.ids.items() if (token in new.specials) == (token in old.specials)]
    both = {token: i for token, i in kinds if token in old.ids}
    made = {token: old.old_pieces(token) == [old.ids[token]] for token in both if token not in old.specials}
    return {i: old.ids[token] for token, i in both.items() if made.get(token, True)}


def _roles(model: Path, tokenizer: Path, old: Bpe, new: Bpe) -> dict[int, int]:
    """New id to old id of special tokens that play the same part under another name."""
    before, after = (_named(folder, bpe) for folder, bpe in ((model, old), (tokenizer, new)))
    texts = {i: token for token, i in new.ids.items()}
    both = sorted((role for role in ROLES if role in before and role in after), key=_PRECEDENCE.index)
    return {after[role]: before[role] for role in both if texts[after[role]] not in old.ids}


def _named(folder: Path, bpe: Bpe) -> dict[str, int]:
    """Ids of the special tokens that tokenizer_config.json names, by part."""
    path = folder / "tokenizer_config.json"
    settings = read_json(path) if path.is_file() else {}
    found: dict[str, int] = {}
    for role in ROLES:
        value = settings.get(f"{role}_token")
        text = value.get("content") if isinstance(value, dict) else value
        if isinstance(text, str) and text in bpe.ids:
            found[role] = bpe.ids[text]
    return found


def mapped(value: JsonValue, role: str, ids: Mapping[int, int], named: Mapping[str, int]) -> JsonValue:
    """A special id of a config, or a list of them, under the new tokenizer; None where there is no such token."""
    if isinstance(value, list):
        found = [ids[i] for i in value if isinstance(i, int) and i in ids]
        return [*dict.fromkeys([*found, *([named[role]] if role in named else [])])]
    return ids.get(value, named.get(role)) if isinstance(value, int) else value


def with_ids(config: JsonObject, ids: Mapping[int, int], named: Mapping[str, int]) -> JsonObject:
    """A config with every `..._token_id` mapped, in its text part too.

    Args:
        config: of a model or of its generation.
        ids: old id to new id of special tokens.
        named: ids of the new tokenizer's special tokens by part.
    """
    changed: JsonObject = {}
    for key, value in config.items():
        if key.endswith("_token_id"):
            changed[key] = mapped(value, key.removesuffix("_token_id"), ids, named)
        else:
            changed[key] = with_ids(value, ids, named) if key == "text_config" and isinstance(value, dict) else value
    return changed


def start_id(model: Path, tokenizer: Path, old: Bpe, new: Bpe) -> int | None:
    """The token that texts begin with under the new tokenizer; None where the model has none."""
    start = read_settings(model).start_id
    if start is None:
        return None
    text = next((token for token, i in old.ids.items() if i == start), None)
    named = _named(tokenizer, new)
    return new.ids.get(str(text), named.get("bos", named.get("eos")))


def template_of(model: Path, tokenizer: Path, new: Bpe, config: TransplantConfig) -> str | None:
    """The chat template that the result gets.

    Raises:
        ArtifactError: the model has one whose special tokens the new tokenizer lacks, and the tokenizer has none.
    """
    if config.chat_template == "none":
        return None
    if (own := read_chat_template(tokenizer)) is not None:
        return own
    template = read_chat_template(model)
    lacking = [t for t in open_base(model).specials if template and t in template and t not in new.specials]
    if lacking:
        raise ArtifactError(
            f"{tokenizer}: has no chat template, and that of {model} writes {lacking[0]!r}, which is no token of it",
            hint="give the tokenizer a template and its special tokens, or set chat_template=none",
        )
    return template


def write_files(target: Path, change: Change, files: Sequence[str], tokenizer: Path, template: str | None) -> None:
    """Configs with the new ids, the tokenizer's files, and everything else of the model as it is.

    Raises:
        ArtifactError: no token would end a text.
    """
    source, rows = change.source, change.growth.rows
    ours = {*TOKENIZER_FILES, *STALE, "config.json", "generation_config.json", "lontar.json", "special_tokens_map.json"}
    for name in files:
        if name not in ours and not name.endswith((".safetensors", ".safetensors.index.json")):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, target / name)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        if (tokenizer / name).is_file():
            shutil.copyfile(tokenizer / name, target / name)
    if template is not None:
        write_text(target / "chat_template.jinja", template)
    ids = {old: new for new, old in (change.growth.kept or {}).items()}
    named = _named(tokenizer, change.new)
    write_json(target / "config.json", with_ids(with_rows(read_json(source / "config.json"), rows), ids, named))
    if (source / "generation_config.json").is_file():
        found = with_ids(read_json(source / "generation_config.json"), ids, named)
        write_json(target / "generation_config.json", found)
    if read_settings(source).eos_ids and not read_settings(target).eos_ids:
        raise ArtifactError(
            f"{tokenizer}: no token ends a text: it lacks the model's, and names none",
            hint="name an eos_token in tokenizer_config.json",
        )
    own = source / "lontar.json"
    about = read_json(own) if own.is_file() else {"format": "safetensors"}
    write_json(target / "lontar.json", {**about, "normalization": [*change.normalization]})


def check_loading(folder: Path) -> None:
    """Check that the class of the model loads the tokenizer with the ids of its file.

    Raises:
        ArtifactError: naming a text.
    """
    if found := differences(folder, texts_of_all_languages(), config=folder / "config.json"):
        raise ArtifactError(
            f"{len(found)} texts have other ids when the result is loaded; first {found[0]}",
            hint="the model's class rebuilds its own tokenizer (model_type qwen2 does): take a base of another type",
        )


def donor_rows(change: Change, donor: Path, config: TransplantConfig) -> dict[str, Any]:
    """Rows by what they are made of in a model that has the new tokenizer (`sparse.donated`).

    Raises:
        ArtifactError: the donor has another tokenizer.
    """
    other = open_base(donor)
    if other.ids != change.new.ids:
        raise ArtifactError(f"{donor}: the donor's tokenizer is not the one that the model moves to")
    rows = text_config(read_json(donor / "config.json")).get("vocab_size")
    theirs = Change(donor, other, other, Growth(int(str(rows)), 0, {}), None, ()).matrices()
    ours, kept = change.matrices(), change.growth.kept or {}
    shared, fresh = sorted(kept)[:MOST_ATOMS], sorted(change.growth.pieces)
    found = {}
    for side, matrix in ours.items():
        given = theirs.get(side, theirs["input"])
        found[side] = donated(matrix[[kept[i] for i in shared]], given[shared], given[fresh], config.atoms)
    return found
