from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from lontar.core.artifact import Evaluation
from lontar.core.config import Config
from lontar.core.job import Job
from lontar.core.records import Message
from lontar.core.shards import read_jsonl, write_json, write_jsonl
from lontar.core.stage import stage
from lontar.errors import ConfigError, DataError, DriftError
from lontar.eval.import_stages import ImportConfig, import_
from lontar.eval.layouts.tables import csv_text, first_score
from lontar.eval.result_commands import export, import_results
from lontar.eval.rows import MODEL, Row, read_rows, rows_file, sides_of
from lontar.scoring import Likelihood, Prediction, RowScore, Sample
from tests.unit.eval.official_files import FEELING, data_folder, specification
from tests.unit.eval.published import publish, published_row

TEXTS = ("=SUM(A1)\nline two", 'say "hi", he said', "-5", "'quoted", "a\x00b", "ไทย 🙂")


def official_row(number: int) -> dict[str, Any]:
    row = {"id": number, "label": "ya" if number % 2 else "tidak", "prompts": [{"text": f"Soal nomor {number}"}]}
    return {**row, "metadata": {"subject": "pasar"}}


def official_sample(number: int, turns: int = 1) -> Sample:
    row = official_row(number)
    asked = [(Message(role="user", content=f"Giliran {t} soal {number}"),) for t in range(turns)]
    if turns == 1:  # with an example before the question
        shot = (Message(role="user", content="Contoh"), Message(role="assistant", content="ya"))
        asked = [(*shot, *asked[0])]
    facts = {
        "row": row,
        "answer_tag": "",
        "separator": " ",
        "labels": [],
        "family": "",
        "task": "dialog" if turns > 1 else "pasar",
    }
    return Sample(
        id=str(number), lang="id", turns=tuple(asked), references=(row["label"],), group=str(number), facts=facts
    )  # fmt: skip


def official_rows(run: int, turns: int = 1) -> list[Row]:
    rows = []
    for number in range(8):
        sample = official_sample(number, turns)
        if number == 7:
            rows.append(Row(sample=sample, run=run, failed="timeout"))
            continue
        score: Any = [7, None] if turns > 1 else float(number % 2)
        found = Prediction(
            texts=tuple(TEXTS[(number + t) % len(TEXTS)] for t in range(turns)),
            finish=("stop",) * turns,
            answer="ya" if turns == 1 else None,
            tokens_in=10,
            tokens_out=number,
        )
        compat = {"answer": "ya" if turns == 1 else None, "scores": {"normalized_accuracy": score}}
        value = first_score(compat["scores"])
        rows.append(Row(sample=sample, run=run, prediction=found, score=RowScore(value=value), compat=compat))
    return rows


def score_row(task: str, lang: str) -> dict[str, Any]:
    return {
        "task": task, "version": 1, "competency": "nlu", "lang": lang, "unit": "%", "better": "higher",
        "aggregate": {"mean": {}}, "chance": None, "above_chance": None, "n": 7, "value": 0.5, "low": 0.1, "high": 0.9,
        "bounds": {"low": 0.4, "high": 0.6}, "compat": {"metric": "normalized_accuracy", "value": 43.0},
        "baseline": {"n": 7, "value": 0.25}, "difference": {"value": 0.25, "low": 0, "high": 0.5, "p": 0.1},
        "verdict": "no difference shown",
    }  # fmt: skip


class Kind(Config):
    official: bool = True


@stage("test.laid_out", out=Evaluation, version=1)
def make_evaluation(job: Job, *, config: Kind) -> None:
    """An evaluation of official tasks, or of a task of choices."""
    if config.official:
        parts = {"sea-helm/pasar": 1, "sea-helm/dialog": 2}
        for task, turns in parts.items():
            rows = [row for run in range(2) for row in official_rows(run, turns)]
            write(job.dir, "model", task, rows)
        write(job.dir, "baseline", "sea-helm/pasar", official_rows(0))
        entries = [
            {"task": "pasar", "metric": "normalized_accuracy", "languages": ["id"], "competency": "nlu"},
            {"task": "dialog", "metric": "normalized_accuracy", "languages": ["id"], "competency": "multi-turn",
             "aggregation_group": "chats"},
        ]  # fmt: skip
        metrics = {
            "id": {
                "nlu": {"pasar": {"normalized_accuracy": 40.0}},
                "multi-turn": {"dialog": {"normalized_accuracy": 60.0}},
            }
        }
        write_json(job.dir / "compat.json", {"runs": [metrics, metrics], "tasks": entries, "suite": None})
    else:
        parts = {"pilihan-baru": 1}
        sample = Sample(id="a", lang="id", turns=("Pilih:",), choices=("satu", "dua"), facts={"answer": 1}, group="a")
        found = Prediction(likelihoods=(Likelihood(logprob=-2.5, n_tokens=1), Likelihood(logprob=-1.0, n_tokens=1)))
        write(job.dir, "model", "pilihan-baru", [Row(sample=sample, prediction=found, score=RowScore(value=1.0))])
    models = {"model": {"name": "org/Merbau-7B", "digest": "0" * 64}, "baseline": {"digest": "1" * 64}}
    write_json(job.dir / "scores.json", {"models": models, "rows": [score_row(task, "id") for task in parts]})


def write(folder: Path, side: str, task: str, rows: list[Row]) -> None:
    write_jsonl(folder / rows_file(side, task, "id"), (r.model_dump(mode="json", exclude_defaults=True) for r in rows))


@pytest.fixture
def evaluation(tmp_path: Path) -> Evaluation:
    return make_evaluation(tmp_path / "evaluation", config=Kind())


def test_official_results_come_back_as_they_were(evaluation: Evaluation, tmp_path: Path) -> None:
    export(evaluation.path, out=tmp_path / "official", format="official")
    home = tmp_path / "official" / "Merbau-7B"
    results = json.loads(next((home / "run_1" / "results").iterdir()).read_text("utf-8"))
    assert results["id"]["nlu"]["total"] == 40 and results["id"]["multi-turn"]["chats"] == 60 and results["total"] == 50
    path = home / "run_0/inferences/id/chats/Merbau-7B_dialog_id.jsonl"
    first = json.loads(path.read_text("utf-8").splitlines()[0])
    assert [m["role"] for m in first["conversations"]] == ["user", "assistant", "user"]
    assert first["id"] == 0 and first["responses"] == [TEXTS[0], TEXTS[1]]
    import_results(tmp_path / "official", out=tmp_path / "again")
    again = Evaluation.open(tmp_path / "again")
    assert again.verify() == [] and sides_of(again) == [MODEL]
    for task in ("sea-helm/pasar", "sea-helm/dialog"):
        name = rows_file(MODEL, task, "id")
        assert list(read_rows(again.path / name)) == list(read_rows(evaluation.path / name))
    scores = json.loads((again.path / "scores.json").read_text("utf-8"))
    assert [(row["task"], row["n"], row["failed"]) for row in scores["rows"]] == [
        ("sea-helm/dialog", 14, 2),
        ("sea-helm/pasar", 14, 2),
    ]
    assert scores["rows"][1]["value"] == pytest.approx(3 / 7) and scores["rows"][1]["competency"] == "nlu"
    assert scores["models"]["model"]["name"] == "Merbau-7B"
    compat = json.loads((again.path / "compat.json").read_text("utf-8"))
    assert compat["runs"] == json.loads((evaluation.path / "compat.json").read_text("utf-8"))["runs"]
    export(again.path, out=tmp_path / "twice", format="official")
    files = [p.relative_to(tmp_path / "official") for p in (tmp_path / "official").rglob("inferences/**/*.jsonl")]
    assert len(files) == 4
    for file in files:
        assert (tmp_path / "official" / file).read_bytes() == (tmp_path / "twice" / file).read_bytes()


def test_nothing_is_replaced_unless_told(evaluation: Evaluation, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for form in ("official", "csv", "lm-eval"):
        export(evaluation.path, out=out, format=form)
        (out / "mine.txt").write_text("kept", "utf-8")
        before = sorted(out.rglob("*"))
        with pytest.raises(ConfigError, match="is there already"):
            export(evaluation.path, out=out, format=form)
        export(evaluation.path, out=out, format=form, force=True)
        assert sorted(out.rglob("*")) == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".tmp")]


def test_what_cannot_be_exported(evaluation: Evaluation, tmp_path: Path) -> None:
    own = make_evaluation(tmp_path / "own", config=Kind(official=False))
    with pytest.raises(DataError, match="holds no official tasks"):
        export(own.path, out=tmp_path / "x", format="official")
    with pytest.raises(ConfigError, match="of the model alone"):
        export(evaluation.path, out=tmp_path / "x", format="official", side="baseline")
    with pytest.raises(ConfigError, match="unknown"):
        export(evaluation.path, out=tmp_path / "x", format="xlsx")
    with pytest.raises(ConfigError, match="no side"):
        export(own.path, out=tmp_path / "x", side="baseline")
    with pytest.raises(ConfigError, match="name a folder"):
        export(own.path, out=tmp_path / "x.csv")
    assert not (tmp_path / "x").exists()


def uncell(text: str) -> str:
    return text[1:] if text.startswith("'") else text


def test_csv(evaluation: Evaluation, tmp_path: Path) -> None:
    flags = tmp_path / "found"
    hit = {"task": "sea-helm/pasar", "lang": "id", "id": "3", "kind": "exact"}
    write_jsonl(flags / "contamination.jsonl", [hit])
    write_json(flags / "contamination.json", {})
    export(evaluation.path, out=tmp_path / "t", contamination=flags / "contamination.json")
    with (tmp_path / "t/samples.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 8 * 5
    mine = [row for row in rows if (row["task"], row["side"], row["run"]) == ("sea-helm/pasar", "model", "0")]
    assert [tuple(json.loads(row["answers"])) for row in mine[:6]] == [(text,) for text in TEXTS]
    assert mine[7]["failed"] == "timeout" and mine[7]["value"] == ""
    assert [row["id"] for row in rows if row["contaminated_exact"] == "true"] == ["3"] * 3
    with (tmp_path / "t/scores.csv").open(encoding="utf-8", newline="") as stream:
        scores = list(csv.DictReader(stream))
    assert [(row["side"], row["value"], row["compat_value"], row["difference_p"]) for row in scores[:2]] == [
        ("model", "0.5", "43.0", "0.1"),
        ("baseline", "0.25", "", ""),
    ]


@pytest.mark.parametrize("text", [*TEXTS, "=1+1", "+1", "@x", "\t=1", "  =1", "\ta", "\ra", "", "plain", "''"])
def test_no_cell_is_a_formula_and_every_text_comes_back(text: str) -> None:
    cell = csv_text(text)
    assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r") and not cell.strip().startswith("=")
    assert uncell(cell) == text.replace("\x00", "\\x00")


def test_hostile_text_in_cells() -> None:
    assert csv_text("\ud800x\x07") == "\\ud800x\\x07"
    assert len(csv_text(" " * 10_000_000)) == 10_000_000


def test_parquet(evaluation: Evaluation, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs lontar[data]")
    export(evaluation.path, out=tmp_path / "t", format="parquet")
    table = parquet.read_table(tmp_path / "t/samples.parquet")
    assert table.num_rows == 40
    texts = [json.loads(text) for text in table["answers"].to_pylist() if text]
    assert texts.count([TEXTS[0]]) == 6 and table["contaminated_exact"].null_count == 40
    assert parquet.ParquetFile(tmp_path / "t/samples.parquet").metadata.row_group(0).column(0).compression == "ZSTD"
    assert parquet.read_table(tmp_path / "t/scores.parquet")["side"].to_pylist() == ["model", "baseline"] * 2


def lines_of(folder: Path, pattern: str) -> list[Any]:
    (path,) = folder.glob(pattern)
    return [row for _, row in read_jsonl(path)]


def test_lm_eval(evaluation: Evaluation, tmp_path: Path) -> None:
    out = tmp_path / "h"
    export(evaluation.path, out=out, format="lm-eval")
    lines = lines_of(out, "samples_sea_helm_pasar_id_*.jsonl")
    assert [line["doc_id"] for line in lines] == list(range(8))
    one = lines[1]
    assert one["resps"] == [[TEXTS[1]] * 2] and one["filtered_resps"] == ["ya", "ya"] and one["target"] == "ya"
    assert one["doc"] == official_row(1) and one["metrics"] == ["normalized_accuracy"]
    assert one["normalized_accuracy"] == 1 and lines[7]["normalized_accuracy"] is None
    assert json.loads(one["arguments"]["gen_args_0"]["arg_0"])[-1]["content"] == "Giliran 0 soal 1"
    assert all(len(one[f"{what}_hash"]) == 64 for what in ("doc", "prompt", "target"))
    results = json.loads(next(out.glob("results_*.json")).read_text("utf-8"))
    assert results["results"]["sea_helm_pasar_id"]["normalized_accuracy,none"] == 0.5
    assert results["versions"]["sea_helm_dialog_id"] == 1
    assert results["n-samples"]["sea_helm_dialog_id"] == {"original": 8, "effective": 8}
    own = make_evaluation(tmp_path / "own", config=Kind(official=False))
    export(own.path, out=tmp_path / "own-h", format="lm-eval")
    (choice,) = lines_of(tmp_path / "own-h", "samples_pilihan*.jsonl")
    assert choice["resps"] == [[["-2.5", "False"]], [["-1.0", "False"]]]
    assert choice["arguments"]["gen_args_1"] == {"arg_0": "Pilih:", "arg_1": "dua"} and choice["target"] == "1"


# --- results of others


def adopted(tmp_path: Path) -> list[Row]:
    import_results(tmp_path / "in", out=tmp_path / "out")
    return list(read_rows(tmp_path / "out" / rows_file(MODEL, "sea-helm/pasar", "id")))


def test_odd_published_rows(tmp_path: Path) -> None:
    rows = [
        published_row(responses=["half \ud83d of a pair"], cumulative_logprobs=[-1.5]),
        published_row(individual_scores=None),
        published_row(responses=[None], errors=["429"]),
        published_row(individual_scores=0.25, token_usages=[{"prompt_tokens": 3, "completion_tokens": None}]),
    ]
    publish(tmp_path / "in", rows)
    publish(tmp_path / "in", rows[:1], run=3)
    publish(tmp_path / "in", rows, name="Lain_pasar_id_turn1_batch_response.jsonl")
    publish(tmp_path / "in", [{"no": "row"}], name="Lain_pasar_id_turn1_judge_batch.jsonl")
    found = adopted(tmp_path)
    assert [row.sample.id for row in found] == ["x", "x#2", "x#3", "x#4", "x"]
    assert [row.run for row in found] == [0, 0, 0, 0, 1]
    first = found[0].prediction
    assert first is not None and first.texts == ("half \ufffd of a pair",) and first.likelihoods[0].logprob == -1.5
    assert found[1].score == RowScore(value=None, reason="the file gives no score")
    assert found[2].failed == "429" and found[2].prediction is None
    assert found[3].score == RowScore(value=0.25) and found[3].prediction.tokens_in == 3  # type: ignore[union-attr]
    assert found[0].sample.facts["row"] == {"id": "x", "label": "baik", "prompts": [{"text": "Apa kabar?"}]}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"responses": "baik"}, "jsonl:1: field 'responses' should be a list"),
        ({"conversations": ["hi"]}, "jsonl:1: field 'conversations' is no list of messages"),
        ({"conversations": [{"role": "nobody", "content": ""}]}, "jsonl:1: field 'conversations'"),
    ],
)
def test_damaged_published_rows(tmp_path: Path, more: dict[str, Any], words: str) -> None:
    publish(tmp_path / "in", [published_row(**more)])
    with pytest.raises(DataError, match=words):
        adopted(tmp_path)


def test_folders_without_results(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(DataError, match="no official results"):
        adopted(tmp_path)
    publish(tmp_path / "in", [published_row()], name="Other_pasar_id.jsonl")
    with pytest.raises(DataError, match="no file inferences"):
        adopted(tmp_path)
    publish(tmp_path / "in", [published_row()])
    other = tmp_path / "in" / "Other" / "run_0" / "inferences"
    other.mkdir(parents=True)
    with pytest.raises(DataError, match="several models"):
        adopted(tmp_path)


def test_a_pack_tells_tags_and_labels(tmp_path: Path) -> None:
    spec, data = specification(tmp_path / "spec"), data_folder(tmp_path / "data")
    import_(tmp_path / "pack", config=ImportConfig(path=str(spec), data=str(data)))
    known = {**published_row(label=FEELING[0]), "cleaned_responses": FEELING[0]}
    file = publish(tmp_path / "in", [known], name="Lain_feeling_id.jsonl")
    publish(tmp_path / "in", [published_row()], name="Lain_unheard-of_id.jsonl")
    import_results(tmp_path / "in", out=tmp_path / "out", pack=tmp_path / "pack")
    made = Evaluation.open(tmp_path / "out")
    tasks = {row["task"]: row for row in json.loads((made.path / "scores.json").read_text("utf-8"))["rows"]}
    name = next(task for task in tasks if task.endswith("/feeling"))
    (row,) = read_rows(made.path / rows_file(MODEL, name, "id"))
    facts = row.sample.facts
    assert facts["labels"] == sorted(FEELING) and facts["family"] == "label_choice" and facts["answer_tag"]
    assert tasks[name]["competency"] and row.prediction is not None and row.prediction.answer == FEELING[0]
    official = json.loads((made.path / "official.json").read_text("utf-8"))
    assert official["tasks"][name]["id"]["metric_family"] == "label_choice" and len(official["tasks"]) == 1
    moved = tmp_path / "elsewhere"
    (tmp_path / "in").rename(moved)
    import_results(moved, out=tmp_path / "out", pack=tmp_path / "pack")  # the same files: nothing is made anew
    path = moved / file.relative_to(tmp_path / "in")
    path.write_text(path.read_text("utf-8") * 2, "utf-8")
    with pytest.raises(DriftError):
        import_results(moved, out=tmp_path / "out", pack=tmp_path / "pack")
