"""The results layout of the official code, written and read.

``<out>/<model>/run_<n>/`` holds ``inferences/<lang>/<group or task>/<model>_<task>_<lang>.jsonl`` (the official rows
with what was asked, answered and scored), ``results/`` (metrics with totals), ``configs/`` and ``logs/``. A field of
the model is a list with one entry per turn; an answer that never came is null.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml

from lontar.core.config import JsonObject
from lontar.core.records import Message
from lontar.core.shards import read_jsonl, write_jsonl, write_text
from lontar.errors import ConfigError, DataError
from lontar.eval.layouts.source import PartFile, Source, read_object
from lontar.eval.layouts.tables import first_score
from lontar.eval.rows import MODEL, Row
from lontar.scoring import Likelihood, Prediction, RowScore, Sample
from lontar.scoring.official.aggregate import run_totals

COMPAT = "compat.json"
# Columns that the official code adds to a row; the rest is the row as it was before.
ADDED = frozenset(
    {
        *("conversations", "responses", "finish_reasons", "reasoning_contents", "custom_ids", "token_usages"),
        *("function_calls", "tool_calls", "logprobs", "errors", "tokenized_prompts", "response_tokens"),
        *("stop_reasons", "cumulative_logprobs", "cleaned_responses", "individual_scores"),
    }
)
_CACHE = re.compile(r"_turn\d+_(?:judge_)?batch(?:_response)?$")
_RUN = re.compile(r"run_(\d+)")


# --- writing


def write_official(source: Source, folder: Path, side: str) -> list[str]:
    """Write every run; returns the folders of the runs.

    Raises:
        DataError: the evaluation holds no official tasks.
        ConfigError: the side is not the model: official metrics are of the model alone.
    """
    if side != MODEL:
        raise ConfigError("the official layout is of the model alone", hint="evaluate the baseline as a model")
    path = source.evaluation.path / COMPAT
    if not path.is_file():
        raise DataError(
            f"{source.evaluation.path}: the evaluation holds no official tasks",
            hint="evaluate tasks of a task pack, or take --format csv, parquet or lm-eval",
        )
    compat = read_object(path)
    entries = {str(entry["task"]): entry for entry in compat.get("tasks") or ()}
    model = _basename(source.model())
    runs = [_Run(source, folder, model, number, entries) for number in range(len(compat.get("runs") or ()))]
    for part in source.parts(MODEL):
        rows = part.rows()
        if rows and isinstance(rows[0].sample.facts.get("row"), dict):
            for run in runs:
                run.write_rows(part, [row for row in rows if row.run == run.number])
    for run, metrics in zip(runs, compat.get("runs") or (), strict=True):
        run.write_results(metrics, compat)
    return [run.name for run in runs]


@dataclass(frozen=True)
class _Run:
    """One run of a model, being written."""

    source: Source
    folder: Path
    model: str
    number: int
    entries: Mapping[str, Mapping[str, Any]]

    @property
    def name(self) -> str:
        return f"{self.model}/run_{self.number}"

    def write_rows(self, part: PartFile, rows: Sequence[Row]) -> None:
        """Write the rows of a task; a task that was not asked in this run has no file."""
        if not rows:
            return
        task = official_name(part, rows[0])
        place = self.entries.get(task, {}).get("aggregation_group") or task
        name = f"{self.model}_{task}_{part.lang}.jsonl"
        write_jsonl(self._path("inferences", part.lang, str(place), name), map(inference_row, rows))

    def write_results(self, metrics: Mapping[str, Any], compat: Mapping[str, Any]) -> None:
        """Write metrics with their totals, the configuration and a log."""
        totals = run_totals(metrics, self.entries.values(), compat.get("suite"))
        stamp = self.source.stamp
        text = json.dumps(totals.metrics, ensure_ascii=False, indent=2) + "\n"
        write_text(self._path("results", f"{self.model}_seahelm_results_{stamp}.json"), text)
        config = yaml.safe_dump(self._config(), allow_unicode=True, sort_keys=False)
        write_text(self._path("configs", f"{self.model}_run_config_{stamp}.yaml"), config)
        notes = [f"exported by lontar from the evaluation {self.source.evaluation.digest}"]
        notes += [*map(str, compat.get("problems") or ()), *totals.problems]
        write_text(self._path("logs", f"logfile_{stamp}.log"), "".join(f"{note}\n" for note in notes))

    def _config(self) -> JsonObject:
        """What the official code knows of a run; null is what an evaluation of ours does not say."""
        manifest = self.source.evaluation.manifest
        settings = manifest.config
        environment = manifest.environment.model_dump(mode="json")
        return {
            "tasks": {name: {**entry} for name, entry in self.entries.items()},
            "seed": manifest.seed,
            "run_number": self.number,
            "run_env": environment,
            "run_args": {
                "model_name": self.source.model(),
                "inference_strategy": "lontar",
                "is_base_model": bool(settings.get("base_model", False)),
                "is_vision_model": False,
                "is_reasoning_model": bool(settings.get("thinking_budget")),
                "fewshot_as_multiturn": True,
                "tokenize_prompts": None,
                "skip_task": [],
                "limit": settings.get("limit"),
                "no_batching": None,
                "sandbox_type": None,
            },
        }

    def _path(self, *parts: str) -> Path:
        return self.folder.joinpath(self.model, f"run_{self.number}", *parts)


def official_name(part: PartFile, row: Row) -> str:
    """Official name of a task: that in the facts, else ours without the pack's name."""
    return str(row.sample.facts.get("task") or part.task.rpartition("/")[2])


def inference_row(row: Row) -> JsonObject:
    """An official row with what a model did."""
    sample, found, compat = row.sample, row.prediction, row.compat or {}
    turns = len(sample.turns)
    texts = _filled(found.texts if found else (), turns)
    official = sample.facts.get("row")
    result: JsonObject = dict(official) if isinstance(official, dict) else {"id": sample.id}
    result |= {
        "conversations": _conversation(sample, texts),
        "responses": texts,
        "finish_reasons": _filled(found.finish if found else (), turns),
        "reasoning_contents": [text or None for text in _filled(found.thinking if found else (), turns)],
        "custom_ids": [f"{sample.id}_turn{turn + 1}" for turn in range(turns)],
        "token_usages": _usages(found, turns),
        "function_calls": [None] * turns,
        "tool_calls": [None] * turns,
        "logprobs": [None] * turns,
        "errors": [row.failed] * turns,
        "cleaned_responses": compat.get("answer"),
        "individual_scores": compat.get("scores"),
    }
    if found is not None and found.likelihoods:
        result["cumulative_logprobs"] = [found.likelihoods[0].logprob]
    return result


def _filled(values: Sequence[str], turns: int) -> list[Any]:
    """One value per turn, null where there is none."""
    return [*values[:turns], *[None] * (turns - len(values))]


def _conversation(sample: Sample, texts: Sequence[str | None]) -> list[Any]:
    """All that was said until the last turn was asked."""
    said: list[Any] = []
    for index, turn in enumerate(sample.turns):
        if index:
            said.append({"role": "assistant", "content": texts[index - 1] or ""})
        messages = (Message(role="user", content=turn),) if isinstance(turn, str) else turn
        said += [{"role": message.role, "content": message.content} for message in messages]
    return said


def _usages(found: Prediction | None, turns: int) -> list[Any]:
    """Tokens: ours are of all turns together and stand with the last one."""
    if found is None:
        return [None] * turns
    counts = {"prompt_tokens": found.tokens_in, "completion_tokens": found.tokens_out}
    return [*[None] * (turns - 1), {**counts, "total_tokens": found.tokens_in + found.tokens_out}][:turns]


def _basename(model: str) -> str:
    name = re.sub(r"[\x00-\x1f/\\]", "_", model.rstrip("/\\").replace("\\", "/").rpartition("/")[2])
    return name if name.strip(". ") else "model"


# --- reading


@dataclass(frozen=True)
class PublishedFile:
    """Official inferences of a task in a language in a run."""

    task: str
    lang: str
    run: int
    path: Path


@dataclass(frozen=True)
class Published:
    """Somebody's official results of one model."""

    model: str
    folder: Path
    runs: Sequence[Path]
    files: Sequence[PublishedFile] = field(repr=False)

    @classmethod
    def find(cls, folder: Path) -> Published:
        """Find the runs: in the folder of a model or of a run, or in one with a single model.

        Raises:
            DataError: there are none, or those of several models.
        """
        runs = _runs(folder)
        if not runs:
            raise DataError(
                f"{folder}: no official results",
                hint="give the folder of a model: it holds run_0 and so on, each with inferences/<lang>/<task>/*.jsonl",
            )
        homes = sorted({run.resolve().parent for run in runs})
        if len(homes) > 1:
            names = ", ".join(home.name for home in homes[:5])
            raise DataError(f"{folder}: results of several models ({names})", hint="give the folder of one")
        model = homes[0].name
        files = [file for number, run in enumerate(runs) for file in _files(run, number, model)]
        if not files:
            raise DataError(f"{runs[0]}: no file inferences/<lang>/<task>/{model}_<task>_<lang>.jsonl")
        return cls(model, homes[0], runs, files)

    def tasks(self) -> dict[tuple[str, str], list[PublishedFile]]:
        """Files of each task and language, by run."""
        found: dict[tuple[str, str], list[PublishedFile]] = {}
        for file in self.files:
            found.setdefault((file.task, file.lang), []).append(file)
        return dict(sorted(found.items()))

    def entries(self) -> dict[str, JsonObject]:
        """Entries of the tasks as the configuration of the first run gives them; empty where there is none."""
        path = _newest(self.runs[0] / "configs", "*_run_config_*.yaml")
        value = _yaml(path) if path else {}
        tasks = value.get("tasks") if isinstance(value, dict) else None
        found = tasks if isinstance(tasks, dict) else {}
        return {name: {"task": name, **entry} for name, entry in found.items() if isinstance(entry, dict)}

    def metrics(self) -> list[dict[str, Any]]:
        """Official metrics of each run by language, competency and task, without groups and totals."""
        tasks = {file.task for file in self.files}
        found = []
        for run in self.runs:
            path = _newest(run / "results", "*_seahelm_results_*.json")
            found.append(_only_tasks(read_object(path), tasks) if path else {})
        return found

    @property
    def used(self) -> list[Path]:
        """Every file that is read."""
        more = [
            path
            for run in self.runs
            for path in (
                _newest(run / "configs", "*_run_config_*.yaml"),
                _newest(run / "results", "*_seahelm_results_*.json"),
            )
        ]
        return [*(file.path for file in self.files), *(path for path in more if path)]


def _runs(folder: Path) -> list[Path]:
    here = [folder] if _RUN.fullmatch(folder.resolve().name) and (folder / "inferences").is_dir() else []
    found = here or [path.parent for depth in ("*", "*/*") for path in folder.glob(f"{depth}/inferences")]
    runs = [run for run in found if _RUN.fullmatch(run.resolve().name)]
    return sorted(runs, key=lambda run: (run.parent, int(run.resolve().name.removeprefix("run_"))))


def _files(run: Path, number: int, model: str) -> Iterator[PublishedFile]:
    for path in sorted((run / "inferences").glob("*/*/*.jsonl")):
        lang = path.parent.parent.name
        start, end = f"{model}_", f"_{lang}"
        stem = path.stem
        if _CACHE.search(stem) or not (stem.startswith(start) and stem.endswith(end)):
            continue
        yield PublishedFile(stem[len(start) : -len(end)], lang, number, path)


def _newest(folder: Path, pattern: str) -> Path | None:
    """The last by name, which ends in a date."""
    return max(folder.glob(pattern), default=None)


def _yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as err:
        raise DataError(f"{path}: cannot read: {err}", hint="results can be read without configs/ too") from err


def _only_tasks(metrics: Mapping[str, Any], tasks: set[str]) -> dict[str, Any]:
    return {
        lang: {
            competency: {name: entry for name, entry in found.items() if name in tasks and isinstance(entry, dict)}
            for competency, found in competencies.items()
            if isinstance(found, dict)
        }
        for lang, competencies in metrics.items()
        if isinstance(competencies, dict)
    }


@dataclass(frozen=True)
class Known:
    """What a task pack knows of a task in a language, besides its rows."""

    answer_tag: str = ""
    separator: str = " "
    labels: Sequence[str] = ()
    family: str = ""


def read_official(files: Iterable[PublishedFile], known: Known) -> Iterator[Row]:
    """Rows of a task in a language, run by run.

    Raises:
        DataError: a file is damaged, or a row lacks what was asked or answered; names file and line.
    """
    for file in files:
        seen: dict[str, int] = {}
        for number, row in read_jsonl(file.path, surrogates=True):
            name = str(row.get("id", row.get("question_id", number)))
            seen[name] = seen.get(name, 0) + 1
            name = name if seen[name] == 1 else f"{name}#{seen[name]}"
            yield _row(_clean(row), name, file, known, f"{file.path}:{number}")


def _row(row: JsonObject, name: str, file: PublishedFile, known: Known, where: str) -> Row:
    responses = _listed(row, "responses", where)
    official = {key: value for key, value in row.items() if key not in ADDED}
    sample = _sample(official, name, file, known, _turns(row, len(responses), where))
    scores = row.get("individual_scores")
    answer = row.get("cleaned_responses")
    compat: JsonObject | None = None if answer is None and scores is None else {"answer": answer, "scores": scores}
    logprobs = [value for value in _maybe(row, "cumulative_logprobs") if isinstance(value, int | float)]
    if responses and all(text is None for text in responses) and not logprobs:
        why = next((str(error) for error in _maybe(row, "errors") if error), "the request failed")
        return Row(sample=sample, run=file.run, failed=why, compat=compat)
    value = first_score(scores)
    score = RowScore(value=value, reason=None if value is not None else "the file gives no score")
    return Row(
        sample=sample, run=file.run, prediction=_prediction(row, responses, logprobs), score=score, compat=compat
    )


def _sample(official: JsonObject, name: str, file: PublishedFile, known: Known, turns: tuple[Any, ...]) -> Sample:
    from lontar.eval.sea_helm.tasks import passage_of

    label = official.get("label")
    references = () if label is None else tuple(map(str, label)) if isinstance(label, list) else (str(label),)
    facts: JsonObject = {
        "row": official,
        "answer_tag": known.answer_tag,
        "separator": known.separator,
        "labels": [*known.labels],
        "family": known.family,
        "task": file.task,
    }
    group = passage_of(official) or name
    return Sample(id=name, lang=file.lang, turns=turns, references=references, group=group, facts=facts)


def _turns(row: JsonObject, n: int, where: str) -> tuple[Any, ...]:
    """What was asked, turn by turn: the last answers of the conversation part them, earlier ones are examples."""
    listed = _listed(row, "conversations", where)
    try:
        messages = [
            Message(role=cast(Any, item)["role"], content=_content(cast(Any, item)["content"])) for item in listed
        ]
    except (KeyError, TypeError, ValueError) as err:
        raise DataError(f"{where}: field 'conversations' is no list of messages ({type(err).__name__})") from err
    answers = [index for index, message in enumerate(messages) if message.role == "assistant"]
    borders = answers[len(answers) - (n - 1) :] if 1 < n <= len(answers) + 1 else []
    starts = [0, *(index + 1 for index in borders)]
    ends = [*borders, len(messages)]
    return tuple(tuple(messages[start:end]) for start, end in zip(starts, ends, strict=True))


def _content(content: Any) -> str:
    """Text of a message; of one with images its texts."""
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if part.get("type") == "text")
    return str(content)


def _prediction(row: JsonObject, responses: Sequence[Any], logprobs: Sequence[Any]) -> Prediction:
    answer = row.get("cleaned_responses")
    usages = [usage for usage in _maybe(row, "token_usages") if isinstance(usage, dict)]
    thinking = [str(text or "") for text in _maybe(row, "reasoning_contents")]
    finish = [str(reason or "") for reason in _maybe(row, "finish_reasons")]
    texts = tuple("" if text is None else str(text) for text in responses)
    return Prediction(
        texts=texts if any(text is not None for text in responses) else (),
        thinking=tuple(thinking) if any(thinking) else (),
        finish=tuple(finish) if any(finish) else (),
        answer=answer if isinstance(answer, str) else None,
        likelihoods=tuple(Likelihood(logprob=float(value), n_tokens=0) for value in logprobs[:1]),
        tokens_in=sum(_count(usage, "prompt_tokens") for usage in usages),
        tokens_out=sum(_count(usage, "completion_tokens") for usage in usages),
    )


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return int(value) if isinstance(value, int | float) else 0


def _listed(row: JsonObject, name: str, where: str) -> list[Any]:
    value = row.get(name)
    if not isinstance(value, list):
        raise DataError(f"{where}: field {name!r} should be a list (got {type(value).__name__})")
    return value


def _maybe(row: JsonObject, name: str) -> list[Any]:
    value = row.get(name)
    return value if isinstance(value, list) else [] if value is None else [value]


def _clean(value: Any) -> Any:
    """Halves of surrogate pairs, which our files cannot hold, become U+FFFD."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return value
