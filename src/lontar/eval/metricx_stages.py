"""`eval.metricx`: rate the translations of a finished evaluation with a local MetricX model.

chrF++ stays the score of our own; the ratings stand beside it, and the official figure becomes the official one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from lontar.core.artifact import Evaluation
from lontar.core.build import LOCATION
from lontar.core.collector import rare_collections
from lontar.core.config import Config, JsonObject
from lontar.core.job import Job
from lontar.core.shards import write_json, write_lines
from lontar.core.stage import stage
from lontar.errors import DataError
from lontar.eval.answering import Side, row_lines
from lontar.eval.config import LIBRARIES
from lontar.eval.metricx_rows import KEY, PartRatings, Ratings, add_figures, write_ratings
from lontar.eval.rescore_stages import stored_facts, tasks_of
from lontar.eval.rows import Row, read_rows, rows_file, sides_of
from lontar.eval.sea_helm.compat import OfficialFacts, official_scores
from lontar.eval.task import Task
from lontar.eval.writing import SCORES, write_scores, write_tasks
from lontar.models.stages import AdoptConfig, adopt_license, adopt_uses, download
from lontar.scoring import Sure

Parts = Mapping[str, tuple[Task, str]]
_FAMILIES = ("translation", "metricx")
_MODEL, _TOKENIZER = ("*.safetensors", "*.json"), ("tokenizer.json", "spiece.model")


class MetricxConfig(Config):
    """Settings of `eval.metricx`: `path`, or `repository` and `revision`."""

    path: str | None = Field(default=None, json_schema_extra=LOCATION)
    """a local folder with config.json and safetensors weights of a MetricX-24 model"""
    repository: str | None = None
    """ORG/NAME on the hub"""
    revision: str | None = None
    """commit or tag"""
    license: str | None = None
    """SPDX identifier, where the folder does not state it"""
    tokenizer: str | None = Field(default=None, json_schema_extra=LOCATION)
    """a folder with tokenizer.json or spiece.model of mT5; without it that of the model"""
    official: bool = True
    """rate a second time in the official batches, for the official figure"""
    batch: int = Field(default=1, ge=1)
    """texts at a time for our own figure; more than one changes roundings alone"""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        self.source()
        return self

    def source(self) -> AdoptConfig:
        """Where the model comes from."""
        names = ("path", "repository", "revision", "license")
        return AdoptConfig.model_validate({name: getattr(self, name) for name in names})


def metricx_uses(config: MetricxConfig, inputs: dict[str, Any]) -> dict[str, str]:
    """The files of the metric and of its tokenizer."""
    uses = adopt_uses(config.source(), lambda folder: _files(folder, _MODEL))
    if config.tokenizer is not None:
        found = adopt_uses(AdoptConfig(path=config.tokenizer), lambda folder: _files(folder, _TOKENIZER))
        uses |= {f"tokenizer:{name}": digest for name, digest in found.items()}
    return uses


def _files(folder: Path, patterns: Sequence[str]) -> list[Path]:
    every = (*patterns, *_TOKENIZER)
    return sorted({path for pattern in every for path in folder.glob(pattern) if path.is_file()})


@stage("eval.metricx", out=Evaluation, version=1, libraries=LIBRARIES, uses=metricx_uses)
def metricx(job: Job, evaluation: Evaluation, *, config: MetricxConfig) -> None:
    """Rate the translations of an evaluation with MetricX; chrF++ stays beside it."""
    with rare_collections():
        _metricx(job, evaluation, config)


def _metricx(job: Job, evaluation: Evaluation, config: MetricxConfig) -> None:
    before = json.loads((evaluation.path / SCORES).read_text(encoding="utf-8"))
    parts = {f"{task.name}-{lang}": (task, lang) for task, lang in tasks_of(evaluation, "stored")}
    facts = stored_facts(evaluation)
    answered = {name: Side() for name in sides_of(evaluation)}
    for name, side in answered.items():
        for part, (task, lang) in parts.items():
            side.rows[part] = list(read_rows(evaluation.path / rows_file(name, task.name, lang)))
    ratings = _rated(job, parts, answered, facts, config)
    for name, side in answered.items():
        _write_rows(job, name, side, parts, facts, ratings)
    write_tasks(job, parts, facts)
    sure = Sure(before.get("confidence", 0.95), before.get("bootstraps", 1000), evaluation.manifest.seed)
    about: JsonObject = {
        name: before[name] for name in ("models", "runs", "compat", "skipped", "rescored") if name in before
    }
    about[KEY] = {"model": _name(config), "from": evaluation.digest}
    write_scores(job, parts, answered, sure, about, facts)
    write_ratings(job, parts, answered, ratings)
    add_figures(job, SCORES, parts, answered, ratings, sure)


def _write_rows(job: Job, name: str, side: Side, parts: Parts, facts: OfficialFacts, ratings: PartRatings) -> None:
    """Rows as they were, with other official scores; requests that failed are failures here too."""
    for part, (task, lang) in parts.items():
        rows, entry, found = side.rows[part], facts.entry(task.name, lang), ratings.get((name, part))
        runs = max((row.run + 1 for row in rows), default=1)
        for row in rows:
            if row.failed is not None:
                job.fail(f"{name}/{part}/{row.sample.id}" + (f"#{row.run}" if runs > 1 else ""), row.failed)
        if entry:
            side.compat[part] = official_scores(entry, lang, rows, facts, found.official if found else None)
        lines = list(row_lines(rows))
        job.unit(rows_file(name, task.name, lang), lambda path, lines=lines: write_lines(path, lines))  # type: ignore[misc]


# --- rating ----------------------------------------------------------------------------------------------------------


@dataclass
class _Rater:
    """The metric, opened when the first text is rated."""

    job: Job
    config: MetricxConfig
    folder: Path = Path()
    _opened: Any = None
    _seen: dict[str, float] = field(default_factory=dict)

    def exact(self, texts: Sequence[str]) -> list[float]:
        new = [text for text in dict.fromkeys(texts) if text not in self._seen]
        with self._progress("exact", len(new)) as tick:
            found = self._metric().exact(new, tick, self.config.batch) if new else []
        self._seen |= dict(zip(new, found, strict=True))
        return [self._seen[text] for text in texts]

    def official(self, texts: Sequence[str]) -> list[float]:
        with self._progress("official", len(texts)) as tick:
            return list(self._metric().official(texts, tick)) if texts else []

    @contextmanager
    def _progress(self, name: str, n: int) -> Iterator[Any]:
        with self.job.progress.task(name, total=n, unit="translations") as task:
            yield task.advance

    def take_in(self) -> None:
        """Check the model, fetched first where it is not here, and record its terms."""
        from lontar.eval.metricx import check

        source = self.config.source()
        self.folder = Path(source.path) if source.path is not None else download(self.job, source)[0]
        check(self.folder)
        self.job.add_license(adopt_license(source, self.folder), _name(self.config), 1)

    def _metric(self) -> Any:
        if self._opened is None:
            from lontar.eval.metricx import open_metric

            place = self.folder if self.config.tokenizer is None else Path(self.config.tokenizer)
            self._opened = open_metric(self.folder, place, device=self.job.resources.device)
        return self._opened


def _name(config: MetricxConfig) -> str:
    return config.repository or Path(str(config.path)).resolve().name


def _rated(
    job: Job, parts: Parts, answered: Mapping[str, Side], facts: OfficialFacts, config: MetricxConfig
) -> PartRatings:
    """Ratings of every part that translates; each is kept as it is done.

    Raises:
        DataError: no task translates.
    """
    entries = {part: facts.entry(task.name, lang) for part, (task, lang) in parts.items()}
    chosen = [part for part, entry in entries.items() if entry.get("metric_family") in _FAMILIES]
    if not chosen:
        raise DataError("no translation task is in this evaluation", hint="MetricX rates tasks of a pack alone")
    rater, found = _Rater(job, config), PartRatings()
    rater.take_in()
    for name, side in answered.items():
        for part in chosen:
            path = job.unit(
                f"{KEY}/{name}/{part}.json",
                lambda place, rows=side.rows[part], part=part: write_json(place, _rate(rater, rows, entries[part])),  # type: ignore[misc]
                keep=False,
            )
            made = json.loads(path.read_text(encoding="utf-8"))
            found[name, part] = Ratings(made["exact"], made["official"])
    return found


def _rate(rater: _Rater, rows: Sequence[Row], entry: Mapping[str, Any]) -> JsonObject:
    from lontar.eval.metricx import WORST

    asked = [_answered(row) for row in rows]
    ratings = iter(rater.exact([text for text in asked if text is not None]))
    # A translation that is not there is as bad as can be; a request that failed is not rated.
    missing = [None if row.failed is not None else WORST for row in rows]
    exact = [none if text is None else next(ratings) for text, none in zip(asked, missing, strict=True)]
    official = _officially(rater, rows, str(entry.get("answer_tag") or "")) if rater.config.official else None
    return {"exact": [*exact], "official": official}  # type: ignore[dict-item]


def _answered(row: Row) -> str | None:
    answer = row.prediction.answer if row.prediction is not None else None
    return None if not (answer or "").strip() else _text(row, str(answer))


def _officially(rater: _Rater, rows: Sequence[Row], tag: str) -> list[float | None]:
    """Run by run, in the order of the rows: the official code judges every run by itself."""
    from lontar.scoring.official.extract import LINE, extracted

    found: list[float | None] = [None] * len(rows)
    for run in sorted({row.run for row in rows}):
        own = [i for i, row in enumerate(rows) if row.run == run]
        texts = [_text(rows[i], extracted(_first(rows[i]), tag, LINE)) for i in own]
        for i, rating in zip(own, rater.official(texts), strict=True):
            found[i] = rating
    return found


def _first(row: Row) -> str:
    texts = row.prediction.texts if row.prediction is not None else ()
    return texts[0] if texts else ""


def _text(row: Row, candidate: str) -> str:
    from lontar.eval.metricx import text_of

    official: Any = row.sample.facts.get("row")
    prompts = official.get("prompts") if isinstance(official, dict) else None
    first = prompts[0] if isinstance(prompts, list) and prompts and isinstance(prompts[0], dict) else {}
    reference = row.sample.references[0] if row.sample.references else ""
    return text_of(str(first.get("text") or ""), candidate, reference)
