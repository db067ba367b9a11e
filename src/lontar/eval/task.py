"""Tasks: one YAML file each, with language as a dimension.

A task says where its items come from, how they are built and asked, what is taken from the model (text, the likelihood
of choices, the likelihood of the text itself), and how answers are scored. Everything named in it is looked up when the
file is read, so every mistake is reported at once with its line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from lontar import languages
from lontar.backends.base import Sampling
from lontar.core import plugins
from lontar.core.config import Config, load_yaml, nearest, validate
from lontar.core.manifest import canonical_json, sha256_bytes
from lontar.core.records import Message
from lontar.core.registry import Registry
from lontar.errors import ConfigError, LontarError, UnknownNameError
from lontar.eval.items import builder
from lontar.scoring import aggregate, extractor, scorer

_FOLDER = Path(__file__).parent / "tasks"
_SUITES = Path(__file__).parent / "suites"


def _problem(kind: str, err: LontarError) -> PydanticCustomError:
    return PydanticCustomError(kind, "{text}", {"text": err.message + (f" ({err.hint})" if err.hint else "")})


def _known_in(registry: Registry[Any]) -> Callable[[JsonValue], JsonValue]:
    """A check that a field names a registered function, with or without settings; it is stored with all of them."""

    def check(spec: JsonValue) -> JsonValue:
        try:
            use = registry.use(spec)
        except ConfigError as err:
            raise _problem(registry.noun.replace(" ", "_"), err) from err
        stored: JsonValue = {use.name: use.entry.knobs(**use.knobs).model_dump(mode="json")}
        return stored

    return check


BuilderSpec = Annotated[JsonValue, AfterValidator(_known_in(builder))]
ExtractorSpec = Annotated[JsonValue, AfterValidator(_known_in(extractor))]
ScorerSpec = Annotated[JsonValue, AfterValidator(_known_in(scorer))]
AggregateSpec = Annotated[JsonValue, AfterValidator(_known_in(aggregate))]


def _language(code: str) -> str:
    try:
        return languages.get(code).code
    except LontarError as err:
        raise _problem("language", err) from err


LanguageCode = Annotated[str, AfterValidator(_language)]


def _known_skill(name: str) -> str:
    from lontar.samples import skills  # 20 ms of models that `lontar eval --help` does without

    try:
        return skills.known(name)
    except LontarError as err:
        raise _problem("skill", err) from err


class Source(Config):
    """Where items come from: exactly one of `heldout`, `sample`, `stories`, `skill`, `jsonl` and `pack`."""

    heldout: bool = False
    """held-out documents of the corpus that is being evaluated on; packaged sentences where there is no corpus"""
    sample: str | None = None
    """held-out text that comes with the package: `parallel`, `parity`, `paragraphs`"""
    stories: int | None = Field(default=None, ge=1)
    """held-out stories among so many that are written from templates: combinations that no training story has"""
    skill: Annotated[str, AfterValidator(_known_skill)] | None = None
    """a micro-task of the package: questions with values that stand in no training question"""
    count: int = Field(default=100, ge=1)
    """with `skill`: at most so many questions per language"""
    jsonl: str | None = None
    """rows with `id`, and `lang` unless the path holds {lang}; relative to the task's file"""
    pack: bool = False
    """rows of a task pack; such tasks are made by importing, not written"""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        kinds = ("heldout", "sample", "stories", "skill", "jsonl", "pack")
        given = [name for name in kinds if getattr(self, name)]
        if len(given) != 1:
            text = "give exactly one of " + ", ".join(kinds) + (f" (given: {', '.join(given)})" if given else "")
            raise PydanticCustomError("source", "{text}", {"text": text})
        return self


def _source(value: Any) -> Any:
    return {"heldout": True} if value == "heldout" else value


def _blocks(value: Any) -> Any:
    if isinstance(value, list):
        return {str(code): {} for code in value}
    if isinstance(value, Mapping):
        return {code: {} if block is None else block for code, block in value.items()}
    return value


Template = str | tuple[Message, ...]


class LanguageBlock(Config):
    """What differs in one language."""

    prompt: Template | None = None
    source: Annotated[Source, BeforeValidator(_source)] | None = None


class JudgeSpec(Config):
    """What a judge is asked about each answer."""

    prompt: str = Field(min_length=1)
    """with {answer}, and where wanted {question}, {reference} and {criterion}"""
    criteria: tuple[str, ...] = ()
    """one question for each; an item may have `criteria` of its own. None: one question about the whole answer"""
    max_tokens: int = Field(default=1024, ge=1)
    """of the judge's answer"""


class Task(Config):
    """One thing to measure, in one or more languages."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_]*$|^[a-z0-9][a-z0-9-]*/[A-Za-z0-9][A-Za-z0-9_.+-]*$")
    """letters, digits and `_`; those of a pack are `pack/name`"""
    version: int = Field(ge=1)
    competency: str = Field(min_length=1)
    description: str = ""
    source: Annotated[Source, BeforeValidator(_source)]
    languages: Annotated[dict[LanguageCode, LanguageBlock], BeforeValidator(_blocks)] = Field(default_factory=dict)
    """a list of codes, or a block per code; empty: every language that has items"""
    build: tuple[BuilderSpec, ...] = ()
    """builders, applied in order"""
    prompt: Template = ""
    """text to go on with, or a chat; {fields} of the item are filled in"""
    reference: str = "{text}"
    """what a perfect answer says"""
    output: Literal["text", "choices", "likelihood", "label"]
    """write an answer, compare the choices by likelihood, give the likelihood of the reference, or (`label`) write up
    to the answer tag and give the likelihood of the reference there"""
    extract: ExtractorSpec = "whole"
    judge: JudgeSpec | None = None
    """another model is asked about each answer, and the scorer reads what it says: `judged_scale`"""
    scorer: ScorerSpec
    aggregate: AggregateSpec = "mean"
    chance: float | None = None
    """what answering without knowledge scores; none: there is no such figure"""
    better: Literal["higher", "lower"] = "higher"
    unit: str = ""
    sampling: Sampling = Sampling(max_tokens=64)
    changes: dict[str, str] = Field(default_factory=dict)
    """version: what changed, from version 2 on"""
    _origin: Path = PrivateAttr(default_factory=Path)

    @model_validator(mode="after")
    def _told(self) -> Self:
        if missing := [str(v) for v in range(2, self.version + 1) if str(v) not in self.changes]:
            raise PydanticCustomError("changes", "{text}", {"text": f"`changes` does not tell of version {missing[0]}"})
        return self

    @property
    def scorer_name(self) -> str:
        """Name of the scorer."""
        return str(scorer.split(self.scorer)[0])

    @property
    def digest(self) -> str:
        """Hash of the meaning of the file: comments and spacing do not count."""
        return sha256_bytes(canonical_json(self))

    @property
    def folder(self) -> Path:
        """Where its relative paths begin."""
        return self._origin.parent

    def prompt_in(self, lang: str) -> Template:
        """The prompt template of a language."""
        block = self.languages.get(lang)
        return self.prompt if block is None or block.prompt is None else block.prompt

    def source_in(self, lang: str) -> Source:
        """The source of a language."""
        block = self.languages.get(lang)
        return self.source if block is None or block.source is None else block.source


class SuiteEntry(Config):
    """A task in a suite."""

    limit: int | None = Field(default=None, ge=1)
    """at most so many samples per language"""


class Suite(Config):
    """Tasks that are run together."""

    name: str
    description: str = ""
    tasks: dict[str, SuiteEntry]


def load_task(path: Path) -> Task:
    """Read a task file.

    Raises:
        ConfigError: listing everything that is wrong, with lines.
    """
    parsed = load_yaml(path)
    task = validate(Task, parsed.value, parsed)
    task._origin = path
    return task


def task_files() -> dict[str, Path]:
    """Every task file that has a name of its own: of the package, then of `$LONTAR_HOME/tasks`.

    Raises:
        ConfigError: two files carry the same name.
    """
    found: dict[str, Path] = {}
    for folder in (_FOLDER, plugins.home() / "tasks"):
        for path in sorted(folder.rglob("*.yaml")) if folder.is_dir() else []:
            if path.stem in found:
                raise ConfigError(f"two tasks are called {path.stem!r}: {found[path.stem]} and {path}")
            found[path.stem] = path
    return found


def find_task(name: str) -> Task:
    """The task called `name`, or the one in the file `name`.

    Raises:
        UnknownNameError: there is none; ConfigError: its file is wrong.
    """
    if name.endswith((".yaml", ".yml")):
        return load_task(Path(name).expanduser())
    files = task_files()
    if name not in files:
        raise UnknownNameError(f"unknown task {name!r}", hint=nearest(name, files))
    task = load_task(files[name])
    if task.name != name:
        raise ConfigError(f"{files[name]}: the task is called {task.name!r}", hint="name and file name must be equal")
    return task


def all_tasks() -> list[Task]:
    """Every task, sorted by name."""
    return [find_task(name) for name in sorted(task_files())]


def suite_files() -> dict[str, Path]:
    """Every suite by name: of the package, then of `$LONTAR_HOME/suites`."""
    folders = (_SUITES, plugins.home() / "suites")
    return {path.stem: path for folder in folders if folder.is_dir() for path in sorted(folder.glob("*.yaml"))}


def find_suite(name: str) -> Suite:
    """The suite called `name`: of the package or of `$LONTAR_HOME/suites`, or a file.

    Raises:
        UnknownNameError: there is none; ConfigError: its file is wrong.
    """
    files = suite_files()
    path = Path(name).expanduser() if name.endswith((".yaml", ".yml")) else files.get(name)
    if path is None:
        raise UnknownNameError(f"unknown suite {name!r}", hint=nearest(name, files))
    parsed = load_yaml(path)
    return validate(Suite, parsed.value, parsed)


_FIELD = re.compile(r"\{(\w+)\}")


def fields_of(template: Template) -> Iterator[str]:
    """Names of the fields that a template uses."""
    for text in (template,) if isinstance(template, str) else tuple(message.content for message in template):
        yield from _FIELD.findall(text)


def fill(template: str, fields: Mapping[str, JsonValue]) -> str:
    """Fill in `{name}`; other braces stay as they are.

    Raises:
        KeyError: there is no such field.
    """
    return _FIELD.sub(lambda match: str(fields[match[1]]), template)
