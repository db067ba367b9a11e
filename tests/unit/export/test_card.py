"""The card needs no model library: it is made of manifests."""

import json

import yaml

from lontar.core.artifact import Corpus, Model
from lontar.core.config import Config
from lontar.core.job import Job
from lontar.core.stage import stage
from lontar.data import BuildConfig, build
from lontar.export.card import card


class FromConfig(Config):
    source: str = "hf:org/base@main"


@stage("test.adopted", out=Model, version=1)
def adopted(job: Job, *, config: FromConfig = FromConfig()) -> None:  # noqa: B008 - frozen
    """Stand in for an adopted base."""
    (job.dir / "config.json").write_text("{}", encoding="utf-8")
    job.add_license("Apache-2.0", "org/base")


@stage("test.adapted", out=Model, version=1)
def adapted(job: Job, model: Model, corpus: Corpus) -> None:
    """Stand in for training."""
    (job.dir / "config.json").write_text("{}", encoding="utf-8")
    job.metric(**{"bits_per_byte.lo": 1.5})


def test_a_card_tells_languages_base_lineage_terms_and_figures(tmp_path):
    rows = [
        {"id": "1", "lang": "lo", "text": "ສະບາຍດີ ພາສາລາວ ງາມຫຼາຍ", "license": "CC-BY-SA-4.0", "source": "ours"},
        {"id": "2", "lang": "id", "text": "selamat pagi", "license": "CC0-1.0", "source": "ours"},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    config = BuildConfig.model_validate({"sources": [{"jsonl": str(tmp_path / "a.jsonl")}], "heldout": {"share": 0}})
    model = adapted(tmp_path / "model", adopted(tmp_path / "base"), build(tmp_path / "corpus", config=config))
    text = card("Lao", model.lineage())
    _, head, body = text.split("---\n", 2)
    assert yaml.safe_load(head) == {
        "license": "other",
        "license_name": "see-below",
        "language": ["lo", "id"],
        "base_model": "org/base",
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["lontar"],
    }
    for said in (
        "Lao (ພາສາລາວ), Indonesian (Bahasa Indonesia)",
        "- `test.adapted`",
        "  - corpus: `data.build`",
        "  - model: `test.adopted`",
        "| bits_per_byte.lo | 1.5 |",
        "Apache-2.0 AND CC-BY-SA-4.0 AND CC0-1.0. Obligations: attribution, notice, share-alike.",
        "| ours | CC-BY-SA-4.0 | 1 |",
    ):
        assert said in body, body
    assert card("Lao", model.lineage()) == text
