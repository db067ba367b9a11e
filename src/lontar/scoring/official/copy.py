"""The user's copy of the official benchmark files: tasks, prompt templates, labels, suites, judges, constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lontar.core.config import JsonObject, Parsed, load_yaml, nearest
from lontar.errors import ConfigError, DataError
from lontar.scoring.official.case import Facts

FILES = ("tasks", "labels", "suites", "judges", "ifeval")
# What the official code takes where a task says nothing of few-shot examples.
INSTRUCT_SHOTS, BASE_SHOTS = 0, 5
_HINT = "the folder should hold tasks.yaml, labels.yaml, suites.yaml, judges.yaml, ifeval.yaml and templates/*.yaml"
_REPAIR = "the copy is damaged or of another version: copy the folder again"


@dataclass(frozen=True)
class Template:
    """Texts of a task in one language, to be filled by `str.format`."""

    preamble: str
    task_template: str
    answer_template: str
    answer_tag: str

    @property
    def separator(self) -> str:
        """What stands between the tag and the label of an answer; one space where the template has not both."""
        _, tag, rest = self.answer_template.partition("{answer_tag}")
        between, label, _ = rest.partition("{label}")
        return between if tag and label else " "


@dataclass(frozen=True)
class Task:
    """An entry of tasks.yaml."""

    name: str
    competency: str
    metric: str
    """key of the metric that counts"""
    metric_family: str
    languages: tuple[str, ...]
    template: str
    """`<file>#<index of the block>`"""
    settings: Mapping[str, Any]
    """the whole entry"""

    @property
    def group(self) -> str | None:
        """Aggregation group, where it belongs to one."""
        found = self.settings.get("aggregation_group")
        return None if found is None else str(found)

    @property
    def logprobs(self) -> bool:
        """Whether the right answer's log-probability is measured; the files say `true` or the text "true"."""
        return str(self.settings.get("use_logprobs", False)).lower() == "true"

    def shots(self, *, base: bool) -> int:
        """Few-shot examples for a base or an instruct model; 0 where the files say null."""
        counts = self.settings.get("fewshot") or {}
        found = counts.get("base", BASE_SHOTS) if base else counts.get("instruct", INSTRUCT_SHOTS)
        return int(found or 0)

    def max_tokens(self, lang: str) -> int:
        """Tokens that an answer may have.

        Raises:
            DataError: the task has no number for the language.
        """
        found = self.settings["max_tokens"]
        count = found.get(lang) if isinstance(found, Mapping) else found
        if not isinstance(count, int):
            raise DataError(f"tasks.yaml: task {self.name!r} has no max_tokens for {lang!r}", hint=_REPAIR)
        return count


@dataclass(frozen=True)
class OfficialCopy:
    """What official-compatible evaluation needs of the official repository."""

    folder: Path
    tasks: Mapping[str, Task]
    templates: Mapping[str, Mapping[str, Template]]
    """by `<file>#<index>`, then by language"""
    labels: Mapping[str, Any]
    suites: Mapping[str, Any]
    judges: Mapping[str, Any]
    facts: Facts

    @classmethod
    def read(cls, folder: Path) -> OfficialCopy:
        """Read and check a folder.

        Raises:
            DataError: a file, a task's field or a template is missing or damaged.
        """
        if not folder.is_dir():
            raise DataError(f"{folder}: no folder with a copy of the official files", hint=_HINT)
        docs = {name: _load(folder / f"{name}.yaml") for name in FILES}
        tasks = _tasks(docs["tasks"])
        files = sorted({task.template.partition("#")[0] for task in tasks.values()})
        templates = {
            ref: block for name in files for ref, block in _blocks(folder / "templates" / f"{name}.yaml", name)
        }
        for i, task in enumerate(tasks.values()):
            where = docs["tasks"].where((i, "template"))
            if task.template not in templates:
                raise DataError(f"{where}: task {task.name!r} has the template {task.template!r}, which is not there")
            if missing := [lang for lang in task.languages if lang not in templates[task.template]]:
                raise DataError(
                    f"{where}: task {task.name!r}: template {task.template!r} lacks {', '.join(missing)}", hint=_REPAIR
                )
        return cls(
            folder=folder,
            tasks=tasks,
            templates=templates,
            labels=_mapping(docs["labels"]),
            suites=_mapping(docs["suites"]),
            judges=_mapping(docs["judges"]),
            facts=Facts(ifeval=_mapping(docs["ifeval"])),
        )

    def json(self) -> JsonObject:
        """All of it, checked, in a form that is read a hundred times as fast as the YAML files."""
        return {
            "tasks": [{**task.settings} for task in self.tasks.values()],
            "templates": {ref: {lang: asdict(one) for lang, one in own.items()} for ref, own in self.templates.items()},
            "labels": {**self.labels},
            "suites": {**self.suites},
            "judges": {**self.judges},
            "ifeval": {**self.facts.ifeval},
        }

    @classmethod
    def of_json(cls, folder: Path, value: Mapping[str, Any]) -> OfficialCopy:
        """From `json`; `folder` is where the YAML files are, for messages."""
        return cls(
            folder=folder,
            tasks={entry["task"]: _task(entry) for entry in value["tasks"]},
            templates={
                ref: {lang: Template(**one) for lang, one in own.items()} for ref, own in value["templates"].items()
            },
            labels=value["labels"],
            suites=value["suites"],
            judges=value["judges"],
            facts=Facts(ifeval=value["ifeval"]),
        )

    def task(self, name: str) -> Task:
        """A task by its name.

        Raises:
            DataError: there is none.
        """
        if name not in self.tasks:
            raise DataError(f"{self.folder / 'tasks.yaml'}: no task {name!r}", hint=nearest(name, self.tasks))
        return self.tasks[name]

    def template(self, task: str, lang: str) -> Template:
        """Texts of a task in a language.

        Raises:
            DataError: there is no such task, or it lacks the language.
        """
        own = self.task(task)
        # The templates of a block may have more languages than the task.
        if lang not in own.languages:
            raise DataError(
                f"{self.folder / 'tasks.yaml'}: task {task!r} has no language {lang!r}",
                hint=f"it has {', '.join(own.languages)}",
            )
        return self.templates[own.template][lang]

    def judge(self, task: str) -> Mapping[str, Any]:
        """The judge of a task: its model, settings and prompts.

        Raises:
            DataError: there is no such task, or it has no judge.
        """
        name = str(self.task(task).settings.get("judge") or "").rpartition(":")[2]
        found = self.judges.get(name)
        if not isinstance(found, Mapping):
            raise DataError(f"{self.folder / 'judges.yaml'}: no judge for the task {task!r}", hint=_REPAIR)
        return found


def _load(path: Path) -> Parsed:
    if not path.is_file():
        raise DataError(f"{path}: not there", hint=_HINT)
    try:
        return load_yaml(path)
    except ConfigError as err:
        raise DataError(err.message, hint=_REPAIR) from err


def _mapping(doc: Parsed) -> Mapping[str, Any]:
    if not isinstance(doc.value, dict) or not doc.value:
        raise DataError(f"{doc.source}: expected a mapping", hint=_REPAIR)
    return doc.value


def _list(doc: Parsed) -> list[Any]:
    if not isinstance(doc.value, list) or not doc.value:
        raise DataError(f"{doc.source}: expected a list", hint=_REPAIR)
    return doc.value


_FIELDS: Mapping[str, type | tuple[type, ...]] = {
    "task": str,
    "competency": str,
    "metric": str,
    "metric_family": str,
    "languages": list,
    "max_tokens": (int, dict),
    "template": str,
}


def _tasks(doc: Parsed) -> dict[str, Task]:
    found: dict[str, Task] = {}
    for i, entry in enumerate(_list(doc)):
        where = doc.where((i,))
        if not isinstance(entry, dict):
            raise DataError(f"{where}: expected a mapping for each task", hint=_REPAIR)
        for name, kind in _FIELDS.items():
            if not isinstance(entry.get(name), kind):
                task = entry.get("task", f"number {i + 1}")
                raise DataError(f"{where}: task {task!r} has no proper field {name!r}", hint=_REPAIR)
        shots = entry.get("fewshot") or {}
        if not isinstance(shots, dict) or not all(isinstance(n, int | None) for n in shots.values()):
            raise DataError(f"{where}: task {entry['task']!r}: fewshot should be a mapping to numbers", hint=_REPAIR)
        if entry["task"] in found:
            raise DataError(f"{where}: the task {entry['task']!r} is given twice", hint=_REPAIR)
        found[entry["task"]] = _task(entry)
    return found


def _task(entry: Mapping[str, Any]) -> Task:
    return Task(
        name=entry["task"],
        competency=entry["competency"],
        metric=entry["metric"],
        metric_family=entry["metric_family"],
        languages=tuple(str(lang) for lang in entry["languages"]),
        template=entry["template"],
        settings=entry,
    )


def _blocks(path: Path, name: str) -> list[tuple[str, dict[str, Template]]]:
    doc = _load(path)
    found = []
    for i, block in enumerate(_list(doc)):
        languages = block.get("languages") if isinstance(block, dict) else None
        if not isinstance(languages, dict):
            raise DataError(f"{doc.where((i,))}: a block without languages", hint=_REPAIR)
        own = {lang: _template(doc, texts, i, lang) for lang, texts in languages.items()}
        found.append((f"{name}#{i}", own))
    return found


def _template(doc: Parsed, texts: Any, block: int, lang: str) -> Template:
    where = doc.where((block, "languages", lang))
    if not isinstance(texts, dict) or not isinstance(texts.get("task_template"), str):
        raise DataError(f"{where}: {lang}: no task_template", hint=_REPAIR)
    # Tasks without a fixed form of answers have null in place of an answer's template and tag.
    rest = {name: texts.get(name) or "" for name in ("preamble", "answer_template", "answer_tag")}
    for name, text in rest.items():
        if not isinstance(text, str):
            raise DataError(f"{where}: {lang}: {name} should be a text", hint=_REPAIR)
    return Template(task_template=texts["task_template"], **rest)
