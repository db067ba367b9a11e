"""Results of others, and items that a model may have seen.

`eval.adopt_results` makes an evaluation of published official results. `eval.contamination` looks for the items of an
evaluation in a corpus, and says what the scores are without those that stand there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from lontar import languages
from lontar.core.artifact import Corpus, Evaluation, Report, TaskPack
from lontar.core.build import LOCATION
from lontar.core.config import Config, JsonObject, JsonValue
from lontar.core.job import Job
from lontar.core.license import UNKNOWN
from lontar.core.manifest import sha256_bytes, sha256_file
from lontar.core.shards import write_json, write_jsonl
from lontar.core.stage import stage
from lontar.errors import DataError, LontarError
from lontar.eval.contamination import CHARS, LEAST, WORDS, Checker, Found, Hit, Item, Tally, item_texts
from lontar.eval.layouts.official import COMPAT, Known, Published, PublishedFile, read_official
from lontar.eval.layouts.source import PartFile, Source, by_sample
from lontar.eval.rows import MODEL, Row, rows_file
from lontar.scoring import RowScore, Sure, aggregate, bootstrap

_PACK = "sea-helm"
_LAYOUT: JsonObject = {"mean": {}}


# --- results of others


class AdoptResultsConfig(Config):
    """Settings of `eval.adopt_results`."""

    path: str = Field(json_schema_extra=LOCATION)
    """folder of a model in the official layout, with run_0 and so on in it"""
    license: str = UNKNOWN
    """SPDX identifier of the published answers"""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """share of resampled figures inside an interval"""
    bootstraps: int = Field(default=1000, ge=100)
    """resamples per interval"""


def adopt_uses(config: AdoptResultsConfig, inputs: dict[str, Any]) -> dict[str, str]:
    """The files that are read, by their place in the folder of the model, in one hash."""
    published = Published.find(Path(config.path))
    lines = sorted(f"{path.resolve().relative_to(published.folder)} {sha256_file(path)}" for path in published.used)
    return {"results": sha256_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))}


@stage("eval.adopt_results", out=Evaluation, version=1, libraries=("numpy",), uses=adopt_uses)
def adopt_results(job: Job, pack: TaskPack | None = None, *, config: AdoptResultsConfig) -> None:
    """Take in published results in the official layout, to be compared with ours sample by sample."""
    published = Published.find(Path(config.path))
    told, entries = _Told(pack), published.entries()
    sure = Sure(config.confidence, config.bootstraps, job.seed)
    competencies = _competencies(published.metrics())
    rows: list[JsonValue] = []
    for (task, lang), files in published.tasks().items():
        full = f"{told.name}/{task}"
        entry = entries.get(task) or told.entry(task)
        known = told.known(task, lang)
        found = list(_written(job, full, lang, files, known))
        competency = str(entry.get("competency") or competencies.get((task, lang), ""))
        rows.append(_score(full, lang, competency, found, sure))
    models: JsonObject = {MODEL: {"kind": "results", "digest": "", "name": published.model}}
    facts: JsonObject = {"confidence": config.confidence, "bootstraps": config.bootstraps, "models": models}
    write_json(job.dir / "scores.json", {**facts, "runs": len(published.runs), "rows": rows})
    _write_compat(job, published, entries, told)
    job.add_license(config.license, published.model, len(rows))


class _Told:
    """What a task pack tells of tasks; without one, nothing."""

    def __init__(self, artifact: TaskPack | None) -> None:
        from lontar.eval.sea_helm.pack import Pack

        self._pack = None if artifact is None else Pack.open(artifact)
        self.digest = "" if artifact is None else artifact.digest

    @property
    def name(self) -> str:
        """Name of the pack, which stands before those of its tasks."""
        return self._pack.name if self._pack else _PACK

    def entry(self, task: str) -> JsonObject:
        """Official settings of a task."""
        if self._pack is None or task not in self._pack.copy.tasks:
            return {}
        return dict(self._pack.copy.tasks[task].settings)

    def known(self, task: str, lang: str) -> Known:
        """Answer tag and labels; those of a task that the pack lacks are empty."""
        own = self._pack.copy.tasks.get(task) if self._pack else None
        if self._pack is None or own is None or lang not in own.languages:
            return Known()
        template = self._pack.copy.template(task, lang)
        labels = self._pack.labels(task, lang)
        return Known(template.answer_tag, template.separator, labels, own.metric_family)

    def official(self, found: Iterable[tuple[str, str]]) -> JsonObject | None:
        """`official.json` of an evaluation: what scoring again needs."""
        from lontar.eval.sea_helm.compat import OfficialFacts

        if self._pack is None:
            return None
        tasks: dict[str, dict[str, JsonObject]] = {}
        for task, lang in found:
            if entry := self.entry(task):
                tag = self.known(task, lang).answer_tag
                tasks.setdefault(f"{self.name}/{task}", {})[lang] = {**entry, "answer_tag": tag}
        pack: JsonObject = {"name": self.name, "revision": self._pack.revision, "digest": self.digest}
        return OfficialFacts(tasks, self._pack.copy.facts.ifeval, {}, pack).json()


def _written(job: Job, task: str, lang: str, files: Sequence[PublishedFile], known: Known) -> Iterator[Row]:
    """Rows of a task in a language, all of them also written."""
    kept: list[Row] = []

    def lines() -> Iterator[JsonObject]:
        for row in read_official(files, known):
            kept.append(row)
            yield row.model_dump(mode="json", exclude_defaults=True)

    write_jsonl(job.dir / rows_file(MODEL, task, lang), lines())
    yield from kept


def _score(task: str, lang: str, competency: str, rows: Sequence[Row], sure: Sure) -> JsonObject:
    """A row of `scores.json`: the mean of what the files give for each answer."""
    figures = _figures(_LAYOUT, rows, sure)
    groups = {row.sample.group for row in rows if row.score is not None}
    predictions = [row.prediction for row in rows if row.prediction is not None]
    return {
        **{"task": task, "version": 1, "competency": competency, "lang": lang, "unit": "", "better": "higher"},
        **{"aggregate": _LAYOUT, "chance": None, "above_chance": None, **figures, "groups": len(groups)},
        "nulls": sum(row.score is not None and row.score.value is None for row in rows),
        "failed": sum(row.score is None for row in rows),
        "bounds": None,
        "tokens_in": sum(one.tokens_in for one in predictions),
        "tokens_out": sum(one.tokens_out for one in predictions),
        **{"baseline": None, "difference": None, "verdict": None},
    }


def _figures(spec: JsonValue, rows: Sequence[Row], sure: Sure) -> JsonObject:
    """Count, value and interval of the rows that have a score."""
    use = aggregate.use(spec)
    scored = [(row.score, row.sample.group or row.sample.id) for row in rows if row.score is not None]
    scores: list[RowScore] = [score for score, _ in scored]
    # A file without scores is no file of zeros.
    value = float(use(scores)) if any(score.value is not None for score in scores) else math.nan
    interval = bootstrap(use, scores, [group for _, group in scored], **sure.options)
    known = math.isfinite(value)
    return {
        "n": len(scores),
        "value": value if known else None,
        "low": interval.low if known else None,
        "high": interval.high if known else None,
    }


def _competencies(metrics: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    return {
        (task, lang): competency
        for run in metrics
        for lang, competencies in run.items()
        for competency, entries in competencies.items()
        for task in entries
    }


def _write_compat(job: Job, published: Published, entries: Mapping[str, JsonObject], told: _Told) -> None:
    """Write the published metrics as an evaluation of ours holds them, and what scoring again needs."""
    if official := told.official(published.tasks()):
        write_json(job.dir / "official.json", official)
    metrics = published.metrics()
    names = sorted({task for task, _ in published.tasks()})
    listed = [entries.get(name) or told.entry(name) for name in names]
    if any(metrics) and all(listed):
        runs: list[JsonValue] = [*metrics]
        tasks: list[JsonValue] = [*listed]
        write_json(job.dir / COMPAT, {"runs": runs, "tasks": tasks, "suite": None, "problems": []})


# --- contamination


class ContaminationConfig(Config):
    """Settings of `eval.contamination`."""

    words: int = Field(default=WORDS, ge=3)
    """words of an n-gram in languages with spaces"""
    chars: int = Field(default=CHARS, ge=10)
    """characters of an n-gram where spaces do not part words"""
    least: int = Field(default=LEAST, ge=20)
    """characters that a text needs to be looked for as a whole"""
    min_share: float = Field(default=0.5, gt=0, le=1)
    """share of an item's n-grams from which it counts as contaminated"""
    split: Literal["train", "heldout", "both"] = "train"
    """documents that are looked through"""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """share of resampled figures inside an interval"""
    bootstraps: int = Field(default=1000, ge=100)
    """resamples per interval"""


@stage("eval.contamination", out=Report, version=1, libraries=("numpy",))
def contamination(job: Job, evaluation: Evaluation, corpus: Corpus, *, config: ContaminationConfig) -> None:
    """Look for the items of an evaluation in a corpus, and score without those that stand there."""
    source = Source.open(evaluation)
    parts = [part for side in source.sides() for part in source.parts(side)]
    items = _items(parts)
    if not items:
        raise DataError(f"{evaluation.path}: the evaluation has no samples", hint="nothing can be looked for")
    checker = Checker(items, words=config.words, chars=config.chars, least=config.least)
    documents = _look(job, checker, corpus, config)
    found = list(checker.found())
    write_jsonl(job.dir / "contamination.jsonl", _hits(found, config.min_share))
    tallies = _tallies(found, config.min_share)
    sure = Sure(config.confidence, config.bootstraps, job.seed)
    rows: list[JsonValue] = [_row(name, tally, parts, source, sure) for name, tally in sorted(tallies.items())]
    about: JsonObject = {"documents": documents, "corpus": corpus.digest, "evaluation": evaluation.digest}
    settings = config.model_dump(mode="json")
    write_json(job.dir / "contamination.json", {**about, "config": settings, "rows": rows, "notes": [*_notes(config)]})
    flagged = sum(len(tally.flagged) for tally in tallies.values())
    job.metric(items=len(items), flagged=flagged, unchecked=sum(not one.checked for one in found), documents=documents)


def _items(parts: Iterable[PartFile]) -> list[Item]:
    """Every item once, whichever side and run it was asked on."""
    found: dict[tuple[str, str, str], Item] = {}
    for part in parts:
        spaced = _spaced(part.lang)
        for name, rows in by_sample(part.rows()).items():
            sample = rows[0].sample
            item = Item(part.task, part.lang, name, item_texts(sample), sample.group, spaced)
            found.setdefault(item.name, item)
    return list(found.values())


def _spaced(lang: str) -> bool:
    try:
        return languages.get(lang).spaced
    except LontarError:  # published results may be in a language that we do not have
        return True


def _look(job: Job, checker: Checker, corpus: Corpus, config: ContaminationConfig) -> int:
    """Go through the documents; returns how many there are."""
    splits: tuple[Literal["train", "heldout"], ...] = ("train", "heldout")
    chosen = [split for split in splits if config.split in (split, "both")]
    n = 0
    with job.progress.task("documents", unit="documents") as task:
        for split in chosen:
            for document in corpus.documents(split):
                checker.add(document.id, document.text)
                n += 1
                task.advance()
    return n


def _kinds(found: Found, min_share: float) -> dict[str, Hit]:
    """Kinds of contamination, and where."""
    kinds = {"exact": found.exact, "ngram": found.ngram if found.share >= min_share else None}
    return {kind: hit for kind, hit in kinds.items() if hit is not None}


def _hits(found: Iterable[Found], min_share: float) -> Iterator[JsonObject]:
    for one in found:
        for kind, hit in _kinds(one, min_share).items():
            # A document may hold half of a surrogate pair only where somebody made it by hand.
            excerpt = hit.excerpt.encode("utf-8", "replace").decode("utf-8")
            yield {
                **{"task": one.item.task, "lang": one.item.lang, "id": one.item.id, "kind": kind},
                **{"share": round(one.share, 4), "document": hit.document, "excerpt": excerpt},
            }


def _tallies(found: Iterable[Found], min_share: float) -> dict[tuple[str, str], Tally]:
    tallies: dict[tuple[str, str], Tally] = {}
    for one in found:
        tally = tallies.setdefault((one.item.task, one.item.lang), Tally())
        kinds = _kinds(one, min_share)
        tally.n += 1
        tally.checked += one.checked
        tally.counts.update(list(kinds))
        if kinds:
            tally.flagged.add(one.item.id)
    return tallies


def _row(name: tuple[str, str], tally: Tally, parts: Iterable[PartFile], source: Source, sure: Sure) -> JsonObject:
    scores: JsonObject = {}
    for part in parts:
        if (part.task, part.lang) == name:
            scores[part.side] = _split_scores(source.score_row(part).get("aggregate") or _LAYOUT, part, tally, sure)
    counts: JsonObject = {"n": tally.n, "unchecked": tally.n - tally.checked, "flagged": len(tally.flagged)}
    kinds: JsonObject = {f"flagged_{kind}": tally.counts[kind] for kind in ("exact", "ngram")}
    return {"task": name[0], "lang": name[1], **counts, **kinds, "scores": scores}


def _split_scores(spec: JsonValue, part: PartFile, tally: Tally, sure: Sure) -> JsonObject:
    """Score of all items, of those that do not stand in the corpus, and of those that do."""
    rows = part.rows()
    clean = [row for row in rows if row.sample.id not in tally.flagged]
    flagged = [row for row in rows if row.sample.id in tally.flagged]
    return {name: _figures(spec, of, sure) for name, of in (("all", rows), ("clean", clean), ("flagged", flagged))}


def _notes(config: ContaminationConfig) -> list[str]:
    return [
        f"exact: a text of the item of {config.least} characters or more stands in a document as a whole, case, "
        "punctuation and spaces aside",
        f"ngram: {config.min_share:.0%} or more of the item's n-grams stand in the corpus ({config.words} words, or "
        f"{config.chars} characters where spaces do not part words)",
        "items that were not checked are too short for either; they count as clean",
        "a passage in the corpus flags its questions too, whether or not their answers stand there",
        "translations, paraphrases and text that a filter changed are not found",
        "a difference between clean and flagged items may also be one of difficulty: it does not show memorization",
    ]
