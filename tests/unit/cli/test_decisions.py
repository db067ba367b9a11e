"""`lontar show --decisions`."""

import pytest

from lontar.cli.decisions import decisions_of, decisions_table, table_of, what
from lontar.core.artifact import Artifact
from lontar.data import BuildConfig, build
from lontar.errors import NotAnArtifactError


@pytest.fixture
def cleaned(tmp_path):
    config = {"sources": [{"sample": "dirty", "langs": ["en", "km"]}], "filters": ["mojibake"], "decisions": "all"}
    return build(tmp_path / "run" / "cleaned", config=BuildConfig.model_validate(config))


def test_as_a_table(cli, cleaned):
    out = cli("show", cleaned.path, "--decisions").out
    assert "cleaned: 109 documents" in out
    for words in ("id", "lang", "what", "text", "mojibake", "zwsp 8", "not_selected", "â€œI donâ€™t know"):
        assert words in out
    assert "d001" not in out  # it stayed as it was


def test_as_json(cli, cleaned):
    rows = cli("show", cleaned.path, "--decisions", "--json").json
    assert len(rows) == 109
    assert rows[0] | {"id": "d001", "lang": "en", "kept": True, "reason": None, "edits": {}} == rows[0]


def test_of_a_whole_run(cli, cleaned, tmp_path):
    build(tmp_path / "run" / "plain", config=BuildConfig.model_validate({"sources": [{"sample": "parallel"}]}))
    assert "cleaned: 109 documents" in cli("show", tmp_path / "run", "--decisions").out
    both = BuildConfig.model_validate({"sources": [{"sample": "parallel", "langs": ["th"]}], "decisions": "dropped"})
    build(tmp_path / "run" / "thai", config=both)
    assert sorted(cli("show", tmp_path / "run", "--decisions", "--json").json) == ["cleaned", "thai"]


def test_a_corpus_without_a_record_says_how_to_get_one(cli, tmp_path):
    made = build(tmp_path / "plain", config=BuildConfig.model_validate({"sources": [{"sample": "parallel"}]}))
    result = cli("show", made.path, "--decisions")
    assert result.code == 4 and result.out == ""
    assert "keeps no record of decisions" in result.err and "decisions: all" in result.err


def row(**given):
    return {"id": "1", "lang": "th", "kept": True, "reason": None, "edits": {}, "excerpt": "x", **given}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "kept"),
        ({"edits": {"zwsp": 3, "phone": 1}}, "phone 1, zwsp 3"),
        ({"kept": False, "reason": "zawgyi"}, "zawgyi"),
        ({"kept": False, "reason": "duplicate", "of": "d1"}, "duplicate of d1"),
    ],
)
def test_a_decision_in_words(given, said):
    assert what(row(**given)) == said


def test_a_long_table_says_what_is_not_in_it():
    rows = [row(id=str(i), kept=False, reason="zawgyi") for i in range(7)] + [row()]
    made = table_of("c", rows, most=5)
    assert made.row_count == 5
    assert made.title == "c: 8 documents, 7 dropped, 0 changed, 1 kept as they were (5 of these 7 below)"


def test_some_of_each_kind_can_be_shown():
    rows = [row(id=str(i), kept=False, reason="zawgyi") for i in range(7)] + [row(id="e", edits={"zwsp": 1})]
    made = table_of("c", rows, of_a_kind=2)
    assert list(made.columns[0].cells) == ["0", "1", "e"]


def test_for_the_demo(cleaned):
    assert decisions_table(Artifact.open(cleaned.path)).row_count > 50
    with pytest.raises(NotAnArtifactError):
        decisions_of([Artifact.open(cleaned.path.parent / "cleaned")][:0] or [_without(cleaned)])


def _without(cleaned):
    (cleaned.path / "decisions.jsonl.zst").unlink()
    return cleaned
