"""`lontar eval import-sea-helm`: a specification or a checkout becomes a task pack; bad rows are named."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lontar.cli.main import cli
from lontar.core.artifact import TaskPack
from lontar.errors import ConfigError, DataError
from lontar.eval.import_stages import ImportConfig, import_
from lontar.eval.sea_helm.checkout import write_yaml
from lontar.eval.sea_helm.importing import kind_of, write_official
from lontar.eval.sea_helm.pack import Pack, listed_labels
from lontar.eval.sea_helm.places import licenses_of
from lontar.scoring.official.copy import OfficialCopy
from tests.unit.eval.official_files import (
    TEXTS,
    checkout,
    data_folder,
    feeling,
    specification,
    write_lines,
)

SHARED = Path(__file__).parents[4] / "shared"
CHECKED_OUT = Path(os.environ.get("SEA_HELM_CHECKOUT") or "no checkout")


def imported(tmp_path: Path, **more: Any) -> Pack:
    """A pack of the small benchmark."""
    spec = tmp_path / "spec"
    if not spec.exists():
        specification(spec)
    data = tmp_path / "data"
    if not data.exists():
        data_folder(data)
    made = import_(tmp_path / "pack", config=ImportConfig(path=str(spec), data=str(data), **more))
    return Pack.open(TaskPack.open(made.path))


def test_official_files_are_copied_byte_for_byte(tmp_path: Path) -> None:
    pack = imported(tmp_path)
    for name in ("tasks.yaml", "labels.yaml", "templates/nlu__feeling.yaml"):
        assert (pack.folder / "official" / name).read_bytes() == (tmp_path / "spec" / name).read_bytes()


def test_a_pack_tells_its_tasks_languages_rows_and_revision(tmp_path: Path) -> None:
    pack = imported(tmp_path)
    assert pack.tasks()[:2] == ["feeling", "feeling-logprobs"]
    assert pack.languages("feeling") == ["id"]
    assert pack.rows("feeling", "id") == feeling("id")
    assert pack.examples("feeling", "id") == feeling("id", 2)
    assert pack.rows("feeling", "th") == []
    assert pack.why("feeling", "th") == "not here: --hub fetches it"
    assert pack.entries["feeling"]["th"]["hub"] == {
        "path": "aisingapore/Own-Feeling",
        "config": "th",
        "split": "eval",
        "examples_split": "examples",
    }
    assert pack.revision == "0123abc"


def test_tasks_of_log_probabilities_have_the_rows_of_their_task(tmp_path: Path) -> None:
    pack = imported(tmp_path)
    assert pack.rows("feeling-logprobs", "id") == pack.rows("feeling", "id")
    assert not (pack.folder / "rows" / "feeling-logprobs").exists()


def test_translation_the_other_way_is_made_by_swapping(tmp_path: Path) -> None:
    row = imported(tmp_path).rows("translation-xx-en", "id")[0]
    assert (row["label"], row["prompts"]) == ("Rain falls.", [{"text": "Hujan turun."}])


def test_terms_come_from_the_table_of_sources(tmp_path: Path) -> None:
    pack = imported(tmp_path)
    assert pack.license == "CC-BY-4.0 AND CC0-1.0 AND LicenseRef-unknown AND MIT"
    assert pack.entries["feeling"]["id"]["license"] == "CC0-1.0"


def test_noncommercial_rows_only_on_request(tmp_path: Path) -> None:
    pack = imported(tmp_path, noncommercial=True)
    assert pack.languages("feeling") == ["id", "th"]
    assert "CC-BY-NC-4.0" in pack.license


def test_suites_are_expanded(tmp_path: Path) -> None:
    pack = imported(tmp_path)
    assert pack.suite("own") == {"id": ["feeling"], "th": ["feeling", "thai_exam_ic", "nothing"]}
    assert pack.suite("whole")["id"] == ["feeling", "feeling-logprobs", "translation-en-xx", "translation-xx-en"]
    with pytest.raises(DataError, match="no suite 'ow'"):
        pack.suite("ow")


def test_labels_are_those_listed_else_those_of_the_rows(tmp_path: Path) -> None:
    pack = imported(tmp_path)
    assert pack.labels("feeling", "th") == ["dull", "fine"]
    assert pack.labels("thai_exam_ic", "th") == ["A", "B", "C", "D", "E"]
    assert pack.labels("translation-en-xx", "id") == ["Hujan turun."]
    with pytest.raises(DataError, match="no language 'vi'"):
        pack.labels("feeling", "vi")


def test_keys_of_labels_that_stand_for_many_tasks() -> None:
    entry = {"en": {"labels": ["1", "2"]}}
    labels = {"musr_*": entry, "cuisine_task1|2": {"*": {"labels": ["A"]}}, "mmlu_<subject>": entry}
    assert listed_labels(labels, "musr_team-logprobs", "en") == (["1", "2"], False)
    assert listed_labels(labels, "cuisine_task2", "th") == (["A"], False)
    assert listed_labels(labels, "cuisine_task3", "th") == ([], False)
    assert listed_labels(labels, "mmlu_law", "en") == (["1", "2"], False)


def test_rows_of_turns_serve_the_judge_where_they_have_criteria(tmp_path: Path) -> None:
    row = {"question_id": 7, "prompts": [{"text": "One."}, {"text": "Two."}], "metadata": {"language": "th"}}
    write_lines(tmp_path / "data" / "mt-bench" / "th.jsonl", [{**row, "criteria": [["short"], []]}])
    pack = imported(tmp_path)
    assert pack.rows("mt-bench-judge", "th")[0]["id"] == 7
    write_lines(tmp_path / "data" / "mt-bench" / "th.jsonl", [row])
    again = import_(tmp_path / "other", config=ImportConfig(path=str(tmp_path / "spec"), data=str(tmp_path / "data")))
    assert Pack.open(again).languages("mt-bench-judge") == []


def test_the_same_material_elsewhere_gives_the_same_pack(tmp_path: Path) -> None:
    first = import_(
        tmp_path / "one",
        config=ImportConfig(path=str(specification(tmp_path / "a")), data=str(data_folder(tmp_path / "b"))),
    )
    second = import_(
        tmp_path / "two",
        config=ImportConfig(path=str(specification(tmp_path / "c")), data=str(data_folder(tmp_path / "d"))),
    )
    assert first.digest == second.digest
    assert first.manifest.fingerprint == second.manifest.fingerprint


# --- bad rows --------------------------------------------------------------------------------------------------------


def _change(**fields: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda row: {**row, **fields}


BAD = {
    "no id": (lambda row: {k: v for k, v in row.items() if k != "id"}, "id.jsonl:2: field 'id'"),
    "id of another type": (_change(id=[1]), "field 'id'"),
    "no prompts": (_change(prompts=[]), "field 'prompts'"),
    "prompts of texts": (_change(prompts=["a"]), "field 'prompts'"),
    "metadata": (_change(metadata="id"), "field 'metadata'"),
    "no label": (lambda row: {k: v for k, v in row.items() if k != "label"}, "field 'label'"),
    "label of another type": (_change(label=3), "field 'label'"),
    "empty label": (_change(label=" "), "field 'label'"),
    "kwargs": (_change(kwargs={"a": 1}), "field 'kwargs'"),
    "another language": (_change(metadata={"language": "th"}), "field 'metadata.language': 'th'"),
    "nul": (_change(prompts=[{"text": "a\x00b"}]), r"field 'prompts\[0\].text': holds a NUL"),
    "nul in a name": (_change(prompts=[{"text": "a", "b\x00": ""}]), "holds a NUL"),
    "the row again": (lambda row: feeling("id")[0], "the row of .*id.jsonl:1 again"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_row_is_named_by_file_line_and_field(tmp_path: Path, kind: str) -> None:
    change, message = BAD[kind]
    rows = feeling("id")
    rows[1] = change(rows[1])
    write_lines(data_folder(tmp_path / "data") / "feeling" / "id.jsonl", rows)
    with pytest.raises(DataError, match=message) as caught:
        imported(tmp_path)
    assert "id.jsonl:2" in caught.value.message


RAW = {
    "empty": (b"", "no rows"),
    "blank": (b"\n\n", "no rows"),
    "not json": (b"{", "not JSON"),
    "a list": (b"[1]\n", "JSON object"),
    "not utf-8": (b'{"id": "\xff"}\n', "not UTF-8"),
    "nul byte": (b'{"id": "a\x00"}\n', "not JSON"),
    "half a surrogate pair": (rb'{"id": 1, "prompts": [{"text": "\ud800"}]}', "surrogates not allowed"),
    "nan": (b'{"id": NaN}\n', "not a JSON number"),
    "deep": (b'{"id": ' + b"[" * 100_000 + b"\n", "JSON"),
}


@pytest.mark.parametrize("kind", RAW)
def test_a_bad_file_is_named(tmp_path: Path, kind: str) -> None:
    data, message = RAW[kind]
    (data_folder(tmp_path / "data") / "feeling" / "id.jsonl").write_bytes(data)
    with pytest.raises(DataError, match=message) as caught:
        imported(tmp_path)
    assert "feeling/id.jsonl" in caught.value.message


def test_a_file_named_by_no_language(tmp_path: Path) -> None:
    write_lines(data_folder(tmp_path / "data") / "feeling" / "indonesian.jsonl", feeling("id"))
    with pytest.raises(DataError, match="'indonesian' is no language"):
        imported(tmp_path)


def test_labels_that_are_not_listed_are_problems(tmp_path: Path) -> None:
    rows = [{**row, "label": "wet"} for row in feeling("id", 9)]
    write_lines(data_folder(tmp_path / "data") / "feeling" / "id.jsonl", rows)
    pack = imported(tmp_path)
    assert len(pack.rows("feeling", "id")) == 9
    assert len(pack.problems) == 4
    assert pack.problems[0].startswith("feeling/id.jsonl:1: field 'label': 'wet' is not in labels.yaml")
    assert pack.problems[3].endswith("(and 5 more)")


def test_one_id_for_two_rows_is_a_problem(tmp_path: Path) -> None:
    rows = [{**row, "id": 1} for row in feeling("id", 2)]
    write_lines(data_folder(tmp_path / "data") / "feeling" / "id.jsonl", rows)
    assert "'id': 1 is also that of feeling/id.jsonl:1" in imported(tmp_path).problems[0]


def test_rows_that_do_not_fit_the_template_are_left_out(tmp_path: Path) -> None:
    rows = [{**row, "prompts": [{"sentence": "x"}]} for row in feeling("id")]
    write_lines(data_folder(tmp_path / "data") / "feeling" / "id.jsonl", rows)
    pack = imported(tmp_path)
    assert pack.languages("feeling") == []
    assert "field 'prompts[0]': no text" in pack.problems[0]
    assert "no text" in pack.why("feeling", "id")


def test_null_arguments_of_instructions_are_dropped(tmp_path: Path) -> None:
    rows = [{**row, "kwargs": [{"relation": None, "n": 1}]} for row in feeling("id")]
    write_lines(data_folder(tmp_path / "data") / "feeling" / "id.jsonl", rows)
    assert imported(tmp_path).rows("feeling", "id")[0]["kwargs"] == [{"n": 1}]


def test_large_files_are_read_quickly(tmp_path: Path) -> None:
    rows = [{**row, "prompts": [{"text": "rain " * 60}]} for row in feeling("id", 20_000)]
    write_lines(data_folder(tmp_path / "data") / "feeling" / "id.jsonl", rows)
    pack = imported(tmp_path)
    start = time.perf_counter()
    assert len(pack.rows("feeling", "id")) == 20_000
    assert time.perf_counter() - start < 20.0  # 0.1 s where nothing else runs


def test_a_damaged_pack(tmp_path: Path) -> None:
    pack = imported(tmp_path)
    artifact = TaskPack.open(pack.folder)
    (pack.folder / "rows" / "feeling" / "id.jsonl").write_bytes(b"{\n")
    with pytest.raises(DataError, match=r"id.jsonl:1: not JSON"):
        pack.rows("feeling", "id")
    (pack.folder / "pack.json").write_text("[]", encoding="utf-8")
    with pytest.raises(DataError, match="not an object"):
        Pack.open(artifact)


# --- folders ---------------------------------------------------------------------------------------------------------


def test_a_folder_that_is_neither(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"tasks.yaml"):
        kind_of(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        kind_of(tmp_path / "missing")
    (tmp_path / "objects").mkdir()
    (tmp_path / "HEAD").write_text("ref: refs/heads/main", encoding="utf-8")
    with pytest.raises(DataError, match="git directory") as caught:
        kind_of(tmp_path)
    assert "git -C" in str(caught.value.hint)


def test_a_table_of_licenses(tmp_path: Path) -> None:
    path = tmp_path / "SOURCES.md"
    path.write_text(
        "| set | why |\n|---|---|\n| a | b |\n\n"
        "| file | licence |\n|---|---|\n| x.jsonl | CC BY-SA 4.0 |\n| y | MIT |\n",
        encoding="utf-8",
    )
    assert licenses_of(path) == {"x.jsonl": "CC-BY-SA-4.0", "y": "MIT"}
    assert licenses_of(tmp_path / "none") == {}


# --- checkout --------------------------------------------------------------------------------------------------------


def test_a_checkout_becomes_the_same_layout_and_nothing_is_run(tmp_path: Path) -> None:
    made = import_(tmp_path / "pack", config=ImportConfig(path=str(checkout(tmp_path / "checkout"))))
    pack = Pack.open(made)
    own = pack.copy.task("feeling")
    assert own.languages == ("id", "th")
    assert own.settings["dataset"] == {"id": "seahelm_tasks/nlu/feeling/data/id.jsonl", "th": "own/set"}
    assert (own.max_tokens("id"), own.max_tokens("th")) == (16, 32)
    assert (own.settings["version"], own.metric_family) == (1.1, "label_choice")
    second = pack.copy.task("feeling-logprobs")
    assert second.template == own.template == "nlu__feeling#0"
    assert second.logprobs
    assert second.settings["note"] == "of feeling on"
    assert pack.copy.judge("feeling-logprobs")["judge_model_name"] == "own"
    assert pack.copy.template("feeling", "th").task_template == TEXTS["task_template"]
    assert pack.rows("feeling", "id") == feeling("id")
    assert pack.copy.labels["feeling"]["id"]["labels"] == ["dull", "fine"]
    assert pack.revision == "a" * 40
    assert pack.copy.suites["constants"] == {"few_shot_stop_tokens": ["\n\n"]}


def test_constants_are_read_as_literals(tmp_path: Path) -> None:
    write_official(checkout(tmp_path / "checkout"), tmp_path / "official")
    constants = OfficialCopy.read(tmp_path / "official").facts.ifeval
    assert constants["constrained_options"] == {"id": ["Tidak.", "Ya."]}
    assert constants["relations"] == ["at least", "exactly"]
    assert constants["postscript_markers"] == ["P.S."]
    assert constants["no_word_count_languages"] == ["th"]
    assert constants["word_boundary_languages"] == ["en", "id"]
    assert constants["kwargs_by_instruction"]["length_constraints:number_words"] == ["num_words", "relation"]


def test_constants_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    folder = checkout(tmp_path / "checkout")
    (folder / "seahelm_tasks/instruction_following/ifeval/instruction_checkers.py").write_text(
        "x = (", encoding="utf-8"
    )
    notes = write_official(folder, tmp_path / "official").notes
    assert any("instruction_checkers.py: cannot be read" in note for note in notes)
    assert any("constrained_options could not be read" in note for note in notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("feeling: {competency: '${feeling.competency}'}", "circle"),
        ("feeling: {competency: '${other.name}'}", "leads nowhere"),
        ("feeling: 3", "expected a mapping for the task"),
        ("feeling: {competency: nlu, metric: m, metric_class: F1AccMetric}", "no languages"),
        ("feeling: {metric_class: F1AccMetric, languages: {id: {max_tokens: 3}}}", "no competency"),
        ("feeling: {competency: n, metric: m, languages: {id: {max_tokens: 3}}}", "no prompt_template"),
        ("feeling: {competency: n, metric: m, languages: {id: {}}}", "no max_tokens"),
        ("- a", "expected a mapping"),
        ("a: &b 1", "anchors"),
    ],
)
def test_a_damaged_config_is_named(tmp_path: Path, text: str, message: str) -> None:
    folder = checkout(tmp_path / "checkout")
    (folder / "seahelm_tasks/nlu/feeling/config.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        write_official(folder, tmp_path / "official")
    assert "config.yaml" in caught.value.message


def test_another_revision_than_the_one_asked_for(tmp_path: Path) -> None:
    folder = checkout(tmp_path / "checkout")
    with pytest.raises(ConfigError, match="not bbbb"):
        import_(tmp_path / "pack", config=ImportConfig(path=str(folder), revision="bbbb"))


@pytest.mark.parametrize(
    "text", ["no", "1e5", "12:30", "", "a\nb", " lead", "x: y", "\u2028", "😀", "$[", "~", "010", "- a"]
)
def test_written_yaml_reads_back(tmp_path: Path, text: str) -> None:
    from lontar.core.config import load_yaml

    write_yaml(tmp_path / "a.yaml", {"key": [text, {text or "k": 1}]})
    assert load_yaml(tmp_path / "a.yaml").value == {"key": [text, {text or "k": 1}]}


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_tells_what_is_there_and_what_is_not(tmp_path: Path) -> None:
    specification(tmp_path / "work" / "specs" / "own")
    data_folder(tmp_path / "work" / "data" / "seahelm")
    done = CliRunner().invoke(
        cli,
        ["eval", "import-sea-helm", str(tmp_path / "work/specs/own"), "--out", str(tmp_path / "pack"), "--json"],
        catch_exceptions=False,
    )
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["tasks"]["feeling"]["id"] == {"rows": 4, "examples": 2, "from": "feeling/id.jsonl", "why": ""}
    assert found["tasks"]["stacks"]["th"]["why"].startswith("made for the tokenizer")
    text = CliRunner().invoke(
        cli, ["eval", "import-sea-helm", str(tmp_path / "work/specs/own"), "--out", str(tmp_path / "pack")]
    )
    assert "tasks with rows: 3" in text.stdout
    assert "id 4" in text.stdout


def test_the_real_specification_and_data(tmp_path: Path) -> None:
    spec, data = SHARED / "specs" / "sea-helm", SHARED / "data" / "seahelm"
    if not spec.is_dir() or not data.is_dir():
        pytest.skip("needs ../shared")
    made = import_(tmp_path / "pack", config=ImportConfig(path=str(spec), data=str(data), noncommercial=True))
    pack = Pack.open(made)
    assert len(pack.tasks()) == 487
    assert {"id", "ta", "th", "tl", "vi"} <= set(pack.languages("translation-xx-en"))
    assert len(pack.examples("global_mmlu_lite", "id")) == 215
    assert "CC-BY-NC-SA-4.0" in pack.license
    assert "thai_exam_onet" in pack.suite("seahelm")["th"]


def test_a_real_checkout_says_the_same_as_the_specification(tmp_path: Path) -> None:
    spec = SHARED / "specs" / "sea-helm"
    if not spec.is_dir() or not CHECKED_OUT.is_dir():
        pytest.skip("needs ../shared, and a checkout of the official repository in $SEA_HELM_CHECKOUT")
    write_official(CHECKED_OUT, tmp_path)
    ours, theirs = OfficialCopy.read(tmp_path), OfficialCopy.read(spec)
    assert list(ours.tasks) == list(theirs.tasks)
    assert ours.suites == theirs.suites
    for name, task in theirs.tasks.items():
        assert ours.tasks[name].metric_family == task.metric_family
        for lang in task.languages:
            assert ours.template(name, lang) == theirs.template(name, lang)
