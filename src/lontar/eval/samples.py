"""From a task and a language to the samples that a model is asked: items from the source, built, rendered, chosen.

Which items are taken under a limit depends on their ids alone: fewer of them are a subset of more, and every model and
machine is asked the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import lontar
from lontar import languages
from lontar.core.artifact import Corpus, Split
from lontar.core.config import JsonObject, JsonValue
from lontar.core.records import Message
from lontar.core.shards import read_jsonl
from lontar.errors import DataError
from lontar.eval.items import Item, build_all, builder
from lontar.eval.task import Task, fill
from lontar.scoring import Sample, Turn

PACKAGED = "parallel"
HELDOUT: Split = "heldout"
# Of packaged text, what no training may see and no choice was made on (`dev` is for choices).
KEPT_BACK = ("heldout", "test")


def packaged_folder(name: str) -> Path:
    """Folder of text that comes with the package."""
    return Path(lontar.__file__).parent / "samples" / name


def source_files(task: Task, corpus: Corpus | None, codes: Iterable[str]) -> dict[str, Path]:
    """Files that a task reads in these languages besides the corpus, by a name that is the same on every machine."""
    found: dict[str, Path] = {}
    codes = sorted(codes)
    if any(task.source_in(code).skill for code in codes):  # words of all languages stand in a skill's answers
        found |= {f"sample:skills/{p.name}": p for p in sorted(packaged_folder("skills").glob("*.yaml"))}
    for code in codes:
        source, path = task.source_in(code), _file(task, code, corpus)
        if path is not None and path.is_file():
            place = source.jsonl.replace("{lang}", code) if source.jsonl else f"{path.parent.name}/{path.name}"
            found[f"{task.name if source.jsonl else 'sample'}:{place}"] = path
    return found


def _file(task: Task, code: str, corpus: Corpus | None) -> Path | None:
    """The file that items come from, or that they are written from; None when they come from the corpus."""
    source = task.source_in(code)
    if source.stories or source.skill:
        return packaged_folder("stories" if source.stories else "skills") / f"{code}.yaml"
    if source.jsonl:
        return task.folder / source.jsonl.replace("{lang}", code)
    if source.heldout and corpus is not None:
        return None
    return packaged_folder(source.sample or PACKAGED) / f"{code}.jsonl"


def available(task: Task, corpus: Corpus | None) -> list[str]:
    """Languages for which a task may have items, sorted."""
    return sorted(code for code in _codes(task) if _has_source(task, code, corpus))


def _codes(task: Task) -> list[str]:
    return sorted(task.languages) or [language.code for language in languages.all_languages()]


def _has_source(task: Task, code: str, corpus: Corpus | None) -> bool:
    path = _file(task, code, corpus)
    return path.is_file() if path is not None else corpus is not None and code in corpus.langs(HELDOUT)


def make_samples(task: Task, code: str, corpus: Corpus | None = None, limit: int | None = None) -> list[Sample]:
    """Samples of a task in one language, sorted by id; at most `limit`.

    Raises:
        DataError: a row or a template is wrong, or an id comes twice; names file, line, field.
    """
    language = languages.get(code)
    builders = [builder.use(spec) for spec in task.build]
    seed = f"{task.name}\0{task.version}"
    samples: dict[str, Sample] = {}
    for item in sorted(_items(task, code, corpus), key=lambda item: (_rank(seed, item), item.id)):
        if limit is not None and len(samples) >= limit:
            break
        for made in build_all(item, language, builders, seed):
            if made.id in samples:
                raise DataError(f"task {task.name}, {code}: the id {made.id!r} comes twice")
            samples[made.id] = _sample(task, made)
    listed = list(samples.values()) if limit is None else list(samples.values())[:limit]
    return sorted(listed, key=lambda sample: sample.id)


def _rank(seed: str, item: Item) -> bytes:
    return hashlib.sha256(f"{seed}\0{item.id}".encode("utf-8", "surrogatepass")).digest()


def _items(task: Task, code: str, corpus: Corpus | None) -> Iterator[Item]:
    path, source = _file(task, code, corpus), task.source_in(code)
    if source.stories:
        yield from _stories(code, source.stories)
    elif source.skill:
        yield from _questions(code, source.skill, source.count)
    elif path is not None:
        packaged = task.source_in(code).jsonl is None
        yield from (i for i in _rows(path, code) if not packaged or i.fields.get("split") in KEPT_BACK)
    elif corpus is not None:
        for document in corpus.documents(HELDOUT, [code]):
            yield Item(document.id, code, document.text, group=document.id)


def _stories(code: str, count: int) -> Iterator[Item]:
    from lontar.samples import stories

    for row in stories.generate(code, count):
        if row["split"] == HELDOUT:
            yield Item(str(row["id"]), code, str(row["text"]), str(row["scene"]))


def _questions(code: str, skill: str, count: int) -> Iterator[Item]:
    """Fields `question`, `answer` (the number of a choice where there are choices), `expected`, `choices`."""
    from lontar.samples import skills

    for row in skills.generate(code, skill, count, HELDOUT):
        chat, choices, answer = cast(Any, row["messages"]), cast(list[JsonValue], row["choices"]), row["answer"]
        fields: dict[str, JsonValue] = {"question": chat[0]["content"], "expected": answer, "skill": skill}
        if choices:
            fields |= {"choices": choices, "answer": choices.index(answer)}
        yield Item(str(row["id"]), code, str(chat[0]["content"]), str(row["group"]), fields)


def _rows(path: Path, code: str) -> Iterator[Item]:
    for line, row in read_jsonl(path):
        if row.get("lang", code) != code:
            continue
        where = f"{path}:{line}"
        known = {name: _text(row, name, where) for name in ("id", "text", "group")}
        if not known["id"]:
            raise DataError(f"{where}: field 'id' is required")
        rest = {key: value for key, value in row.items() if key not in ("id", "text", "group", "lang")}
        yield Item(known["id"], code, known["text"], known["group"] or known["id"], rest)


def _text(row: JsonObject, name: str, where: str) -> str:
    value = row.get(name, "")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise DataError(f"{where}: field {name!r} must be text (got {value!r})")
    return str(value)


def _sample(task: Task, item: Item) -> Sample:
    fields: dict[str, JsonValue] = {**item.fields, "id": item.id, "text": item.text}
    try:
        return Sample(
            id=item.id,
            lang=item.lang,
            turns=(_turn(task, item.lang, fields),),
            references=_references(task, fields),
            choices=_choices(task, fields, item),
            group=item.group or item.id,
            facts={key: value for key, value in sorted(item.fields.items()) if key not in ("choices", "references")},
        )
    except KeyError as err:
        raise DataError(
            f"task {task.name}, {item.lang}, item {item.id!r}: the template names {{{err.args[0]}}}, "
            "which the item does not have",
            hint="fields of this item: " + ", ".join(sorted(fields)),
        ) from err


def _turn(task: Task, code: str, fields: dict[str, JsonValue]) -> Turn:
    template = task.prompt_in(code)
    if isinstance(template, str):
        return fill(template, fields)
    return tuple(Message(role=message.role, content=fill(message.content, fields)) for message in template)


def _references(task: Task, fields: dict[str, JsonValue]) -> tuple[str, ...]:
    listed = fields.get("references")
    if isinstance(listed, list):
        return tuple(str(text) for text in listed)
    return (fill(task.reference, fields),)


def _choices(task: Task, fields: dict[str, JsonValue], item: Item) -> tuple[str, ...]:
    choices, answer = fields.get("choices"), fields.get("answer")
    if task.output != "choices":
        return ()
    if not isinstance(choices, list) or len(choices) < 2:
        raise DataError(f"task {task.name}, {item.lang}, item {item.id!r}: `choices` must list two texts or more")
    if not isinstance(answer, int) or not 0 <= answer < len(choices):
        raise DataError(
            f"task {task.name}, {item.lang}, item {item.id!r}: `answer` must be the number of a choice, "
            f"0 to {len(choices) - 1} (got {answer!r})"
        )
    return tuple(str(choice) for choice in choices)
