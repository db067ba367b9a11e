"""`export.card`: everything from the record, valid for the hub, and sealed."""

import json

import pytest
import yaml

from lontar.data import BuildConfig, build
from lontar.errors import ConfigError
from lontar.export import CardConfig, write_card
from lontar.export.card_tables import beyond_chance, table
from tests.conftest import made
from tests.unit.export.test_card import adopted

ROWS = [
    {"id": "1", "lang": "lo", "text": "ສະບາຍດີ ພາສາລາວ ງາມຫຼາຍ", "license": "CC-BY-SA-4.0", "source": "ours"},
    {"id": "2", "lang": "lo", "text": "ສະບາຍດີ ພາສາລາວ ງາມຫຼາຍ", "license": "CC-BY-SA-4.0", "source": "ours"},
    {"id": "3", "lang": "id", "text": "selamat pagi", "license": "CC0-1.0", "source": "ours"},
    {"id": "4", "lang": "th", "text": "สวัสดี", "license": "LicenseRef-mine", "source": "theirs"},
]


def score(task, lang, value, low, high, **more):
    row = {"task": task, "version": 1, "lang": lang, "unit": "share", "better": "higher", "chance": 0.5, "n": 24}
    return {**row, "value": value, "low": low, "high": high, "failed": 0, "verdict": None, **more}


@pytest.fixture
def line(tmp_path):
    """A corpus, a tokenizer, a model, its export and its scores."""
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in ROWS), encoding="utf-8")
    config = BuildConfig.model_validate({"sources": [{"jsonl": str(tmp_path / "a.jsonl")}], "heldout": {"share": 0}})
    corpus = build(tmp_path / "corpus", config=config)
    base = adopted(tmp_path / "base")
    lengths = {"tokens_per_sentence.before.lo": 80.0, "tokens_per_sentence.after.lo": 20.0}
    tokenizer = made(
        tmp_path / "tokenizer", "tokenizer", {"tokenizer.json": b"{}"}, parents={"base": base, "corpus": corpus},
        metrics=lengths, stage="tokenizer.extend",
    )  # fmt: skip
    own = json.dumps({"normalization": ["nfc"], "format": "safetensors"}).encode()
    parents = {"base": base, "corpus": corpus, "tokenizer": tokenizer}
    model = made(
        tmp_path / "model", "model", {"lontar.json": own}, parents=parents, metrics={"train.tokens": 12345.0},
        license_=corpus.manifest.license, stage="train.cpt",
    )  # fmt: skip
    export = made(
        tmp_path / "export", "model", {"lontar.json": own}, parents={"model": model},
        license_=corpus.manifest.license, stage="export.safetensors",
    )  # fmt: skip
    return {"corpus": corpus, "base": base, "tokenizer": tokenizer, "model": model, "export": export}


def scores(path, model, *rows):
    facts = {"confidence": 0.95, "models": {"model": {"kind": "model", "digest": model.digest}}, "rows": list(rows)}
    return made(path, "evaluation", {"scores.json": json.dumps(facts).encode()}, parents={"model": model})


def card_of(artifact):
    text = (artifact.path / "README.md").read_text(encoding="utf-8")
    _, head, body = text.split("---\n", 2)
    return yaml.safe_load(head), body


@pytest.fixture
def full(line, tmp_path):
    difference = {"value": -0.25, "low": -0.4, "high": -0.1, "p": 0.01}
    evaluation = scores(
        tmp_path / "scores", line["model"],
        score("word_order", "lo", 0.75, 0.6, 0.9, baseline={"value": 1.0, "low": None, "high": None},
              difference=difference, verdict="worse"),
        score("word_order", "id", 0.55, 0.4, 0.7, failed=2),
        score("bits_per_byte", "lo", 1.25, 1.2, 1.3, chance=None, better="lower", unit="bits/byte"),
    )  # fmt: skip
    return write_card(
        tmp_path / "card",
        line["export"],
        line["tokenizer"],
        (evaluation,),
        (line["corpus"],),
        config=CardConfig(name="Lao"),
    )


def test_data_by_language_license_and_reason(full):
    _, body = card_of(full)
    assert "| lo | 2 | 1 | 0 | CC-BY-SA-4.0 1 | duplicate 1 |" in body
    assert "| id | 1 | 1 | 0 | CC0-1.0 1 | none |" in body


def test_scores_with_interval_n_and_chance(full):
    _, body = card_of(full)
    assert (
        "| word_order (share, higher is better) | lo | 24 | 0.75 | [0.6, 0.9] | 0.5 | above | 1 "
        "| -0.25 [-0.4, -0.1] | worse |" in body
    )
    assert "| id | 24 (2 failed) | 0.55 | [0.4, 0.7] | 0.5 | not above chance |" in body
    assert "| bits_per_byte (bits/byte, lower is better) | lo | 24 | 1.25 | [1.2, 1.3] | none |  |" in body
    assert "Intervals are 95%" in body


def test_tokens_per_sentence_before_and_after(full):
    assert "| lo | 80.0 | 20.0 | 0.25 |" in card_of(full)[1]


def test_cost_of_every_step(full):
    _, body = card_of(full)
    cost = body[body.index("## Cost") :]
    for stage_name in ("export.safetensors", "train.cpt", "tokenizer.extend", "data.build", "test.adopted"):
        assert f"| {stage_name} | `" in cost
    assert "12,345" in cost and "peak memory (GB)" in cost and "Made on: " in cost


def test_limits_and_conflicts_are_named(full):
    _, body = card_of(full)
    limits = body[body.index("## Limits") : body.index("## Scores")]
    for said in (
        "Trained on, but not measured: th.", "Not above chance: word_order (id).",
        "Worse than the baseline: word_order (lo).", "2 requests of the evaluation failed",
        "License: the terms of LicenseRef-mine are not known here.", "trained on normalized text (nfc)",
    ):  # fmt: skip
        assert said in limits, limits
    assert "To be settled before this model is passed on:" in body
    assert full.manifest.metrics["license.conflicts"] == 1


def test_the_front_matter_is_what_the_hub_reads(full, line):
    head, _ = card_of(full)
    assert head["license"] == "other" and set(head["language"]) == {"lo", "id", "th"}
    assert head["base_model"] == "org/base" and head["library_name"] == "transformers"
    hub = pytest.importorskip("huggingface_hub")
    card = hub.ModelCard.load(full.path / "README.md")
    results = {(r.dataset_config, r.metric_type): r.metric_value for r in card.data.eval_results}
    assert results == {("lo", "share"): 0.75, ("id", "share"): 0.55, ("lo", "bits/byte"): 1.25}
    assert card.data.model_name == "Lao"
    from huggingface_hub.repocard_data import eval_results_to_model_index

    again = eval_results_to_model_index("Lao", card.data.eval_results)
    assert len(again[0]["results"]) == len(head["model-index"][0]["results"])


def test_a_card_from_the_model_alone(line, tmp_path):
    card = write_card(tmp_path / "card", line["export"])
    head, body = card_of(card)
    assert "model-index" not in head
    assert "No evaluation of this model is on record here." in body
    assert "| lo | 1 | 0 |" in body and "## Scores" not in body  # counts come from the lineage
    assert "| lo | 80.0 | 20.0 | 0.25 |" in body


def test_scores_of_an_earlier_model_are_told_apart(line, tmp_path):
    evaluation = scores(tmp_path / "scores", line["base"], score("word_order", "lo", 0.75, 0.6, 0.9))
    head, body = card_of(write_card(tmp_path / "card", line["export"], evaluations=(evaluation,)))
    assert "model-index" not in head and "An earlier model of this line (`test.adopted`)" in body
    assert "No evaluation of this model is on record here." in body


def test_material_of_another_family_is_refused(line, tmp_path):
    (tmp_path / "b.jsonl").write_text(json.dumps({**ROWS[2], "text": "selamat malam"}), encoding="utf-8")
    config = BuildConfig.model_validate({"sources": [{"jsonl": str(tmp_path / "b.jsonl")}], "heldout": {"share": 0}})
    stranger = build(tmp_path / "other", config=config)
    with pytest.raises(ConfigError, match="this corpus is not in the lineage"):
        write_card(tmp_path / "card", line["export"], corpora=(stranger,))
    model = made(tmp_path / "stranger", "model", {"config.json": b'{"another": 1}'})
    evaluation = scores(tmp_path / "scores", model, score("word_order", "lo", 0.75, 0.6, 0.9))
    with pytest.raises(ConfigError, match="which is not in the lineage"):
        write_card(tmp_path / "card", line["export"], evaluations=(evaluation,))


def test_a_hand_edit_fails_verification(full):
    assert full.verify() == []
    path = full.path / "README.md"
    path.write_text(path.read_text(encoding="utf-8").replace("0.55", "0.95"), encoding="utf-8")
    assert any("README.md: content differs" in problem for problem in full.verify())


def test_a_hand_edit_fails_the_command(full, capsys):
    from lontar.cli.main import run

    assert run(["verify", str(full.path)]) == 0
    with (full.path / "README.md").open("a", encoding="utf-8") as stream:
        stream.write("\nBest model in the region.\n")
    assert run(["verify", str(full.path)]) == 4
    assert "README.md" in "".join(capsys.readouterr())


def test_a_gguf_card_says_how_to_run_it_and_what_was_scored(line, tmp_path):
    own = json.dumps({"normalization": [], "format": "gguf"}).encode()
    files = {"lontar.json": own, "model-F16.gguf": b"GGUF"}
    model = made(tmp_path / "gguf", "model", files, parents={"model": line["export"]}, stage="export.gguf")
    evaluation = scores(tmp_path / "scores", line["model"], score("word_order", "lo", 0.75, 0.6, 0.9))
    head, body = card_of(write_card(tmp_path / "card", model, evaluations=(evaluation,)))
    assert head["library_name"] == "gguf" and "llama-server -m PATH/model-F16.gguf" in body
    assert "Scores are those of the weights before conversion" in body and "This model, " in body


@pytest.mark.parametrize(
    ("row", "beyond"),
    [
        ({"chance": None, "value": 1.0}, None),
        ({"chance": 0.5, "value": 0.9, "low": 0.6, "high": 1.0, "better": "higher"}, True),
        ({"chance": 0.5, "value": 0.9, "low": 0.5, "high": 1.0, "better": "higher"}, False),
        ({"chance": 0.5, "value": 0.1, "low": 0.0, "high": 0.4, "better": "lower"}, True),
        ({"chance": 0.5, "value": 0.9, "low": None, "high": None, "better": "higher"}, False),
    ],
)
def test_against_chance(row, beyond):
    assert beyond_chance(row) is beyond


def test_cells_cannot_break_a_table():
    assert table(("a", "b"), [("x|y", "1\n2")]).splitlines()[-1] == "| x\\|y | 1 2 |"
