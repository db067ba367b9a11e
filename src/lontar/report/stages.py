"""`report.build`: the page of a run. `report.compare`: evaluations side by side."""

from __future__ import annotations

from typing import Any

from lontar import languages
from lontar.core.artifact import Artifact, Evaluation, Report
from lontar.core.job import Job
from lontar.core.manifest import sha256_file
from lontar.core.shards import write_json, write_text
from lontar.core.stage import stage
from lontar.report.config import CompareConfig, ReportConfig

PAGE, FIGURES, COMPARISON = "report.html", "figures.json", "compare.html"


def build_uses(config: ReportConfig, inputs: dict[str, Any]) -> dict[str, str]:
    """What a page depends on besides its inputs: their names, the language files, the sentences it counts tokens on."""
    from lontar.report.tokens import sentence_file

    codes = [language.code for language in languages.all_languages()]
    names = {f"name:{place:02d}": artifact.path.name for place, artifact in enumerate(inputs["artifacts"])}
    files = {f"sample:{code}": sha256_file(path) for code in codes if (path := sentence_file(code))}
    return languages.digests(codes) | files | names


@stage("report.build", out=Report, version=2, libraries=("jinja2", "tokenizers", "numpy"), uses=build_uses)
def build(job: Job, artifacts: tuple[Artifact, ...], *, config: ReportConfig) -> None:
    """Make the page of a run: what went in, what changed, how sure it is, where it comes from, what it cost."""
    from lontar.report import page
    from lontar.report.content import context
    from lontar.report.reading import Run

    made = context(Run.of(artifacts, config.first), config, job.seed)
    write_text(job.dir / PAGE, page.render("report.jinja", made))
    write_json(job.dir / FIGURES, made["figures"])
    job.metric(sections=len(made["sections"]), artifacts=len(artifacts))


def compare_uses(config: CompareConfig, inputs: dict[str, Any]) -> dict[str, str]:
    """What a comparison depends on besides its inputs: their names and the language files."""
    names = {f"name:{place:02d}": artifact.path.name for place, artifact in enumerate(inputs["evaluations"])}
    return languages.digests(language.code for language in languages.all_languages()) | names


@stage("report.compare", out=Report, version=1, libraries=("jinja2", "numpy"), uses=compare_uses)
def compare(job: Job, evaluations: tuple[Evaluation, ...], *, config: CompareConfig) -> None:
    """Compare the models of two or more evaluations item by item: ranks with ties, differences, where they disagree."""
    from lontar.report import comparison, page

    made = comparison.context(evaluations, config, job.seed)
    write_text(job.dir / COMPARISON, page.render("compare.jinja", made))
    write_json(job.dir / FIGURES, made["figures"])
    job.metric(models=len(evaluations), rows=len(made["figures"]["differences"]))
