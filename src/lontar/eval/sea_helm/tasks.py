"""Tasks of a pack as tasks of an evaluation: prompts, samples, and how each family is scored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from lontar import languages
from lontar.backends.base import Sampling
from lontar.core.config import JsonObject, made, nearest
from lontar.core.records import Message
from lontar.errors import DataError, LontarError, UnknownNameError
from lontar.eval.config import EvalConfig
from lontar.eval.parts import Part, Plan, Skipped
from lontar.eval.sea_helm.pack import Pack
from lontar.eval.task import Task
from lontar.scoring import Sample
from lontar.scoring.families import Rule, rule_of
from lontar.scoring.official.copy import Task as OfficialTask
from lontar.scoring.official.copy import Template
from lontar.scoring.official.prompts import BASE_STOP, examples_for, messages

# Fields that hold the passage of a question, in the official templates: questions about one passage are no independent
# observations. Passages shorter than this are mostly the question itself.
_PASSAGES = ("text", "context", "passage", "premise")
_QUESTIONS = ("question", "question1", "query")
_LEAST_PASSAGE = 80


@dataclass(frozen=True)
class PackTasks:
    """An opened pack, ready to be planned."""

    pack: Pack

    def plan(self, config: EvalConfig, *, judge: bool) -> Plan:
        """The parts that a configuration wants of the pack, in the pack's order.

        Raises:
            UnknownNameError: the pack has no such task or suite.
        """
        wanted, suite = self._wanted(config)
        parts: list[Part] = []
        spoken = {lang for _, lang in wanted}
        skipped = [
            Skipped(" ".join(config.from_pack), code, "not asked in this language")
            for code in sorted({*config.languages} - spoken)
        ]
        for name, lang in wanted:
            why = self._why_not(name, lang, config, judge=judge)
            part = None if why else self._part(name, lang, config)
            if part is None:
                skipped.append(Skipped(self.full(name), lang, why or "no rows"))
            else:
                parts.append(part)
        return Plan(tuple(parts), tuple(skipped), suite)

    def full(self, name: str) -> str:
        """Name of a task in scores: with the pack's."""
        return f"{self.pack.name}/{name}"

    def _wanted(self, config: EvalConfig) -> tuple[list[tuple[str, str]], dict[str, list[str]]]:
        found: dict[tuple[str, str], None] = {}
        suite: dict[str, list[str]] = {}
        for full in config.from_pack:
            owner, _, name = full.partition("/")
            if owner != self.pack.name:
                raise UnknownNameError(f"{full!r}: the pack is called {self.pack.name!r}", hint="write its name first")
            if config.tasks:
                found |= dict.fromkeys((task, lang) for task in self._tasks(name) for lang in self._spoken(task))
            else:
                suite = self.pack.suite(name)
                found |= dict.fromkeys((task, lang) for lang, listed in suite.items() for task in listed)
        codes = set(config.languages)
        kept = [(task, lang) for task, lang in found if not codes or lang in codes]
        return kept, {lang: listed for lang, listed in suite.items() if not codes or lang in codes}

    def _tasks(self, name: str) -> list[str]:
        """The task of that name, or those of that group."""
        known = self.pack.copy.tasks
        members = [task.name for task in known.values() if task.group == name]
        if name not in known and not members:
            raise UnknownNameError(f"the pack {self.pack.name!r} has no task {name!r}", hint=nearest(name, known))
        return [name] if name in known else members

    def _spoken(self, task: str) -> Sequence[str]:
        return self.pack.copy.task(task).languages

    def _why_not(self, name: str, lang: str, config: EvalConfig, *, judge: bool) -> str:
        if name not in self.pack.copy.tasks:
            return "the official files name this task in the suite and do not define it"
        own = self.pack.copy.task(name)
        if lang not in own.languages:
            return f"the task has no language {lang!r}"
        try:
            rule_of(own.metric_family)
            languages.get(lang)
        except LontarError as err:
            return err.message
        if config.base_model and name in (self.pack.copy.suites.get("constants") or {}).get(
            "base_models_skip_tasks", ()
        ):
            return "base models do not take this task"
        if lang not in self.pack.languages(name):
            return self.pack.why(name, lang) or "the pack has no rows"
        if own.metric_family.startswith("judge_") and not judge:
            return "it needs a judge: give one with --judge"
        if own.metric_family.startswith("judge_"):
            try:
                self.pack.copy.judge(name)
            except DataError as err:
                return err.message
        return ""

    def _part(self, name: str, lang: str, config: EvalConfig) -> Part | None:
        own, rows = self.pack.copy.task(name), self.pack.rows(name, lang)
        rows = rows[: config.limit]
        if not rows:
            return None
        template = self.pack.copy.template(name, lang)
        shots = config.shots if config.shots is not None else own.shots(base=config.base_model)
        pool = self.pack.examples(name, lang) if shots else []
        prompts = _Prompts(self.pack, name, lang, template, pool, shots, config.base_model)
        rule = rule_of(own.metric_family)
        labels = self.pack.labels(name, lang) if rule.extract == "label" else []
        shared: JsonObject = {
            "answer_tag": template.answer_tag,
            "separator": template.separator,
            "family": own.metric_family,
            "task": name,
        }
        if labels:
            shared["labels"] = [*labels]
        if strata := sorted({phenomenon for row in rows if (phenomenon := _phenomenon(row))}):
            shared["strata"] = [*strata]
        if own.metric_family == "sea_ifeval":
            shared["ifeval"] = cast(JsonObject, self.pack.copy.facts.ifeval)
        names = _unique([str(row["id"]) for row in rows])
        samples = tuple(
            _sample(name, row, lang, prompts.of(row), shared) for name, row in zip(names, rows, strict=True)
        )
        task = _task(self.full(name), own, rule, config.base_model, lang, len(labels))
        once = own.logprobs or (own.settings.get("max_n_runs") == 1 and not config.thinking_budget)
        return Part(
            task,
            lang,
            samples,
            runs=1 if once else config.runs,
            tag=template.answer_tag if config.base_model and task.output == "text" else "",
            judged=own.metric_family.startswith("judge_"),
            official=cast(JsonObject, {**own.settings, "answer_tag": template.answer_tag}),
        )


@dataclass(frozen=True)
class _Prompts:
    """Turns of the rows of a task in a language."""

    pack: Pack
    name: str
    lang: str
    template: Template
    pool: Sequence[Mapping[str, Any]]
    shots: int
    base: bool

    def of(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        """One per turn: a chat, or for a base model plain text."""
        fields = row.get("prompts") or ()
        examples = examples_for(self.name, row, self.pool, self.shots) if self.shots else []
        if len(examples) < self.shots and not examples and self.shots:
            raise DataError(
                f"task {self.name!r}, language {self.lang!r}: {self.shots} examples are wanted and the pack has none",
                hint="shots=0 asks without them; examples come with the data or from the hub",
            )
        turns: list[Any] = []
        for turn in range(len(fields)):
            made = messages(
                self.pack.copy, self.name, self.lang, fields, examples=examples, shots=self.shots, turn=turn,
                history=[""] * turn,
            )  # fmt: skip
            new = made if turn == 0 else made[-1:]
            turns.append(_plain(new) if self.base else tuple(_message(m["role"], m["content"]) for m in new))
        return tuple(turns)


@lru_cache(maxsize=4096)
def _message(role: str, content: str) -> Message:
    # Examples are the same in every prompt of a task.
    return Message(role=cast(Any, role), content=content)


def _plain(found: Iterable[Mapping[str, Any]]) -> str:
    """A conversation for a model that knows none: texts with an empty line between them, and one at the end."""
    return "".join(f"{str(message['content']).strip()}\n\n" for message in found)


def _unique(names: Sequence[str]) -> list[str]:
    """Names as they are; one that has come before gets a number. Some official files give an id to several rows."""
    seen: dict[str, int] = {}
    taken, found = set(names), []
    for name in names:
        seen[name] = number = seen.get(name, 0) + 1
        given = name
        while number > 1 and given in taken:
            given, number = f"{name}#{number}", number + 1
        taken.add(given)
        found.append(given)
    return found


def _sample(name: str, row: Mapping[str, Any], lang: str, turns: tuple[Any, ...], shared: JsonObject) -> Sample:
    label = row.get("label")
    references = () if label is None else tuple(map(str, label)) if isinstance(label, list) else (str(label),)
    # Rows were checked when the pack was made: checking twenty thousand again takes a second.
    return made(
        Sample,
        {
            "id": name,
            "lang": lang,
            "turns": turns,
            "references": references,
            "choices": (),
            "group": passage_of(row) or name,
            "facts": {"row": row, **shared},
        },
    )


def passage_of(row: Mapping[str, Any]) -> str:
    """A name for the passage that a question is about; empty where the row has none."""
    prompts = row.get("prompts") or [{}]
    fields = prompts[0] if isinstance(prompts[0], Mapping) else {}
    if not any(name in fields for name in _QUESTIONS):
        return ""
    text = next((fields[name] for name in _PASSAGES if isinstance(fields.get(name), str)), "")
    if len(text) < _LEAST_PASSAGE:
        return ""
    return "passage-" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _phenomenon(row: Mapping[str, Any]) -> str:
    metadata = row.get("metadata")
    return str(metadata.get("linguistic_phenomenon") or "") if isinstance(metadata, Mapping) else ""


def _task(full: str, own: OfficialTask, rule: Rule, base: bool, lang: str, n_labels: int) -> Task:
    stop = (BASE_STOP,) if base and not own.logprobs else ()
    # A budget of tokens may depend on the language, so each language of a task has its own Task.
    return Task.model_validate(
        {
            "name": full,
            "version": 1,
            "competency": own.competency,
            "description": f"official task {own.name}, version {own.settings.get('version')}: {rule.note}",
            "source": {"pack": True},
            "languages": [lang],
            "output": "label" if own.logprobs else "text",
            "extract": rule.extract,
            "scorer": rule.scorer,
            "aggregate": rule.aggregate_for(n_labels),
            "chance": None if rule.chance is None else 0.0,
            "better": rule.better,
            "unit": rule.unit,
            "sampling": Sampling(max_tokens=own.max_tokens(lang), temperature=None, stop=stop).model_dump(mode="json"),
        }
    )
