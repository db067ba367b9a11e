"""MetricX with a tiny random mT5: a rating is what a plain computation gives, and stands beside chrF++."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")
pytest.importorskip("sacrebleu")

from lontar.core.artifact import Evaluation, Model, TaskPack  # noqa: E402
from lontar.core.shards import read_jsonl  # noqa: E402
from lontar.errors import ArtifactError, DataError, LicenseError, NotAnArtifactError  # noqa: E402
from lontar.eval import metricx as engine  # noqa: E402
from lontar.eval import stages  # noqa: E402
from lontar.eval.import_stages import ImportConfig, import_  # noqa: E402
from lontar.eval.metricx_stages import MetricxConfig, metricx  # noqa: E402
from lontar.eval.rescore_stages import RescoreConfig, rescore  # noqa: E402
from tests.unit.eval.conftest import Named, make_model, read_scores  # noqa: E402
from tests.unit.eval.official_files import data_folder, specification, write_lines  # noqa: E402
from tests.unit.eval.test_pack_run import config, model, mouth, pack, rows  # noqa: E402, F401 - fixtures
from tests.unit.eval.tiny_metricx import make_metric  # noqa: E402

METRIC = "normalized_metricx_wmt24_scores"
TEXTS = [f"source: rain {'and rain ' * n}candidate: hujan reference: hujan turun {n}" for n in (3, 0, 7, 1, 1, 5)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_metric(tmp_path_factory.mktemp("metric") / "tiny")


@pytest.fixture(scope="module")
def metric(folder: Path) -> engine.Metric:
    return engine.open_metric(folder, folder, device="cpu")


def tick(n: int) -> None:
    """Count nothing."""


def plain(folder: Path, rows: list[list[int]], mask: list[list[int]]) -> list[float]:
    """The computation as it is described, with the whole model and the whole head."""
    from safetensors.torch import load_file

    weights = load_file(folder / "model.safetensors")
    whole = transformers.MT5ForConditionalGeneration(transformers.MT5Config.from_pretrained(folder)).eval()
    whole.lm_head.weight = torch.nn.Parameter(weights["lm_head.weight"])
    whole.load_state_dict(weights, strict=False)
    whole.encoder.embed_tokens = whole.decoder.embed_tokens = whole.shared
    start = torch.zeros((len(rows), 1), dtype=torch.long)
    with torch.no_grad():
        ids, attention = torch.tensor(rows), torch.tensor(mask)
        logits = whole(input_ids=ids, attention_mask=attention, decoder_input_ids=start).logits
    return [float(one) for one in logits[:, 0, 250089].clamp(0, 25)]


def ids(folder: Path, text: str) -> list[int]:
    return list(tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids)


# --- the engine


def test_a_rating_is_that_of_the_text_by_itself(folder: Path, metric: engine.Metric) -> None:
    cut = [ids(folder, text)[:-1] for text in TEXTS]
    expected = [plain(folder, [row], [[1] * len(row)])[0] for row in cut]
    assert metric.exact(TEXTS, tick) == pytest.approx(expected, abs=1e-4)
    assert len(set(expected)) > 2 and all(0 < one < 25 for one in expected), "the tiny model says something"


def test_order_and_batch_change_nothing(metric: engine.Metric) -> None:
    found = metric.exact(TEXTS, tick)
    assert metric.exact(TEXTS[::-1], tick)[::-1] == pytest.approx(found, abs=1e-4)
    for batch in (2, 5, 100):
        assert metric.exact(TEXTS, tick, batch) == pytest.approx(found, abs=1e-4)


def test_official_ratings_depend_on_the_batch(folder: Path, metric: engine.Metric) -> None:
    tokens = [ids(folder, text) for text in TEXTS]
    width = max(map(len, tokens))
    padded = [row + [0] * (width - len(row)) for row in tokens]
    mask = [[1] * len(row) + [0] * (width - len(row)) for row in tokens]
    expected = plain(folder, [row[:-1] for row in padded], [row[:-1] for row in mask])
    found = metric.official(TEXTS, tick)
    assert found == pytest.approx(expected, abs=1e-4)
    exact, longest = metric.exact(TEXTS, tick), TEXTS.index(max(TEXTS, key=len))
    assert found[longest] == pytest.approx(exact[longest], abs=1e-4)
    assert all(abs(a - b) > 1e-3 for i, (a, b) in enumerate(zip(found, exact, strict=True)) if i != longest)
    assert metric.official([TEXTS[1]], tick) == pytest.approx([exact[1]], abs=1e-4), "alone it is the longest"


def test_official_batches_are_of_32(metric: engine.Metric) -> None:
    seen: list[int] = []
    many = [TEXTS[1]] * 32 + [TEXTS[0]]
    found = metric.official(many, seen.append)
    assert seen == [32, 1]
    assert found == pytest.approx([metric.exact([TEXTS[1]], tick)[0]] * 32 + metric.exact([TEXTS[0]], tick), abs=1e-4)


def test_long_texts_are_cut_before_the_end_token(folder: Path, metric: engine.Metric) -> None:
    long = "rain " * 3000
    assert len(metric._tokens(long)) == 1535 and metric._tokens(long) == ids(folder, long)[:1535]


@pytest.mark.parametrize("text", ["\ud800", "\x00", "ก" * 10_000_000, ""])
def test_any_text_has_a_rating(metric: engine.Metric, text: str) -> None:
    (found,) = metric.exact([engine.text_of(text, text, text)], tick)
    assert 0 <= found <= 25


def test_ratings_are_clamped(metric: engine.Metric) -> None:
    from dataclasses import replace

    assert replace(metric, head=metric.head * 1e6).exact(TEXTS[:1], tick) == [25.0]
    assert replace(metric, head=metric.head * -1e6).exact(TEXTS[:1], tick) == [0.0]
    with pytest.raises(ArtifactError, match="no number"):
        replace(metric, head=metric.head * float("nan")).exact(TEXTS[:1], tick)


def test_folders_that_cannot_rate(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(NotAnArtifactError, match=r"config\.json"):
        engine.check(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}', encoding="utf-8")
    with pytest.raises(DataError, match="model_type 'llama'"):
        engine.check(tmp_path)
    (tmp_path / "config.json").write_text((folder / "config.json").read_text("utf-8"), encoding="utf-8")
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ArtifactError, match="pickled"):
        engine.check(tmp_path)
    from safetensors.torch import save_file

    save_file({"lm_head.weight": torch.zeros(10, 8)}, tmp_path / "model.safetensors")
    with pytest.raises(DataError, match="has no logit"):
        engine.check(tmp_path)
    save_file({"shared.weight": torch.zeros(250112, 8)}, tmp_path / "model.safetensors")
    with pytest.raises(DataError, match="has no logit"):  # a head that transformers has dropped
        engine.check(tmp_path)
    save_file({engine.HEAD: torch.zeros(250112, 8)}, tmp_path / "model.safetensors")
    engine.check(tmp_path)
    with pytest.raises(ArtifactError, match="weights are missing"):
        engine.open_metric(tmp_path, folder, device="cpu")
    with pytest.raises(NotAnArtifactError, match=r"spiece\.model"):
        engine.open_encoder(tmp_path)


def test_pieces_of_sentencepiece(tmp_path: Path) -> None:
    library = pytest.importorskip("sentencepiece")
    (tmp_path / "t.txt").write_text("hujan turun rain falls\n" * 50, encoding="utf-8")
    library.SentencePieceTrainer.train(
        input=str(tmp_path / "t.txt"), model_prefix=str(tmp_path / "spiece"), vocab_size=30, hard_vocab_limit=False
    )
    assert engine.open_encoder(tmp_path)("hujan")


# --- the stage


@pytest.fixture
def translations(tmp_path: Path) -> TaskPack:
    spec, data = specification(tmp_path / "mtspec"), data_folder(tmp_path / "mtdata")
    head, _, listed = (spec / "tasks.yaml").read_text(encoding="utf-8").partition("\n")
    tasks = json.loads(listed)
    for task in tasks:
        if task["task"] == "translation-en-xx":
            task |= {"metric": METRIC, "use_metricx_metric": True, "use_chrf_metric": False}
    (spec / "tasks.yaml").write_text(f"{head}\n{json.dumps(tasks)}", encoding="utf-8")
    pairs = [
        {"id": f"p{i}", "label": f"Hujan turun {i}.", "prompts": [{"text": f"Rain {'falls ' * i}."}], "metadata": {}}
        for i in range(8)
    ]
    write_lines(data / "translation-en-xx" / "id.jsonl", pairs)
    return TaskPack.open(import_(tmp_path / "mtpack", config=ImportConfig(path=str(spec), data=str(data))).path)


def says(name: str, text: str, sampling: Any) -> Any:
    if "Rain ." in text:
        return "So:" if name == "model" else "So: Hujan."
    if "Rain falls ." in text and name == "model":
        return DataError("too long")
    return "So: dull" if "Day" in text else f"So: Hujan {len(text)}."


@pytest.fixture
def run(tmp_path: Path, translations: TaskPack, model: Model, mouth: Any) -> Evaluation:  # noqa: F811
    mouth.answer = staticmethod(says)
    base = make_model(tmp_path / "baseline", config=Named(name="baseline"))
    chosen = config("translation-en-xx", "feeling", languages=["id"], runs=2)
    return stages.run(tmp_path / "s", model, base, None, translations, config=chosen)


def rated(run: Evaluation, out: Path, folder: Path, **more: Any) -> Evaluation:
    chosen = MetricxConfig.model_validate({"path": str(folder), "license": "CC0-1.0", **more})
    return metricx.using(allow_incomplete=True)(out, run, config=chosen)


FAILED = "2 requests failed: the official code counts them as wrong"


def of_task(evaluation: Evaluation, name: str = "sea-helm/translation-en-xx") -> Any:
    return next(row for row in read_scores(evaluation.path)["rows"] if row["task"] == name)


def test_both_scores_stand_beside_chrf(tmp_path: Path, run: Evaluation, folder: Path, metric: engine.Metric) -> None:
    found = rated(run, tmp_path / "m", folder)
    before, after = of_task(run), of_task(found)
    assert (after["value"], after["low"], after["high"]) == (before["value"], before["low"], before["high"])
    assert before["compat"]["metric"] == "normalized_chrf_score" and before["compat"]["problems"]
    made, official = after["metricx"], after["compat"]
    assert (made["n"], made["missing"]) == (14, 0) and made["low"] < made["value"] < made["high"]
    assert made["value"] == pytest.approx(4 * (25 - made["raw"]))
    assert official["metric"] == METRIC and len(official["runs"]) == 2 and official["problems"] == [FAILED]
    assert official["value"] == pytest.approx(made["official"]["value"]) and official["value"] != made["value"]
    assert after["baseline"]["metricx"]["n"] == 16
    lines = {(line["side"], line["id"], line["run"]): line for _, line in read_jsonl(found.path / "metricx.jsonl")}
    assert len(lines) == 32
    assert lines["model", "p0", 0]["raw"] == 25 and lines["model", "p1", 0]["raw"] is None
    assert isinstance(lines["model", "p1", 0]["official"], float), "the official code rates an empty answer"
    row = next(row for row in rows(found, "translation-en-xx") if (row.sample.id, row.run) == ("p5", 1))
    assert row.prediction is not None and row.score is not None
    text = f"source: Rain {'falls ' * 5}. candidate: {row.prediction.answer} reference: Hujan turun 5."
    assert lines["model", "p5", 1]["raw"] == pytest.approx(metric.exact([text], tick)[0], abs=1e-4)


def test_everything_else_stays(tmp_path: Path, run: Evaluation, folder: Path) -> None:
    found = rated(run, tmp_path / "m", folder)
    assert of_task(found, "sea-helm/feeling") == of_task(run, "sea-helm/feeling")
    for side in ("model", "baseline"):
        assert rows(found, "feeling", side) == rows(run, "feeling", side)
        ours, theirs = rows(found, "translation-en-xx", side), rows(run, "translation-en-xx", side)
        assert [(r.sample, r.prediction, r.score) for r in ours] == [(r.sample, r.prediction, r.score) for r in theirs]
    for file in ("official.json", "tasks.json"):
        assert (found.path / file).read_bytes() == (run.path / file).read_bytes()
    assert found.manifest.failures == run.manifest.failures
    compat = json.loads((found.path / "compat.json").read_text(encoding="utf-8"))
    assert METRIC in compat["runs"][0]["id"]["nlu"]["translation-en-xx"]


def test_scoring_again_keeps_them(tmp_path: Path, run: Evaluation, folder: Path) -> None:
    found = rated(run, tmp_path / "m", folder)
    again = rescore.using(allow_incomplete=True)(tmp_path / "r", found, config=RescoreConfig())
    assert read_scores(again.path)["rescored"]["changes"] == []
    assert of_task(again) == of_task(found)
    for file in ("metricx.jsonl", "compat.json"):
        assert (again.path / file).read_bytes() == (found.path / file).read_bytes()
    chosen = rescore.using(allow_incomplete=True)(tmp_path / "o", found, config=RescoreConfig(compat="official"))
    assert of_task(chosen)["value"] == of_task(found)["compat"]["value"]


def test_ratings_of_other_answers_do_not_hold(
    tmp_path: Path, run: Evaluation, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lontar.eval import rescore_stages
    from lontar.scoring.families import Rule

    rule = rescore_stages.rule_of
    monkeypatch.setattr(
        rescore_stages, "rule_of", lambda family: Rule("whole", "chrf", "corpus_chrf", rule(family).note)
    )
    found = rated(run, tmp_path / "m", folder)
    again = rescore.using(allow_incomplete=True)(tmp_path / "r", found, config=RescoreConfig())
    made = of_task(again)["metricx"]
    assert (made["value"], made["n"], made["missing"]) == (None, 0, 14)
    assert of_task(again)["compat"] == of_task(found)["compat"]


def test_the_official_pass_may_be_left_out(tmp_path: Path, run: Evaluation, folder: Path) -> None:
    found = of_task(rated(run, tmp_path / "m", folder, official=False, batch=4))
    assert found["metricx"]["official"] is None and found["compat"]["metric"] == "normalized_chrf_score"


def test_what_is_refused(tmp_path: Path, run: Evaluation, translations: TaskPack, model: Model, folder: Path) -> None:  # noqa: F811
    with pytest.raises(LicenseError):
        rated(run, tmp_path / "m", folder, license=None)
    other = stages.run(tmp_path / "f", model, None, None, translations, config=config("feeling", languages=["id"]))
    with pytest.raises(DataError, match="no translation task"):
        rated(other, tmp_path / "n", folder)
    with pytest.raises(ValueError, match="give a path"):
        MetricxConfig(path="x", repository="a/b", revision="c")


def test_the_tokenizer_may_stand_elsewhere(tmp_path: Path, run: Evaluation, folder: Path) -> None:
    bare, words = tmp_path / "bare", tmp_path / "words"
    for place, names in ((bare, ("config.json", "model.safetensors")), (words, ("tokenizer.json",))):
        place.mkdir()
        for name in names:
            (place / name).symlink_to(folder / name)
    found = rated(run, tmp_path / "m", bare, tokenizer=str(words))
    expected = of_task(rated(run, tmp_path / "n", folder))["metricx"]["value"]
    assert of_task(found)["metricx"]["value"] == pytest.approx(expected, abs=1e-3)
    with pytest.raises(NotAnArtifactError, match=r"tokenizer\.json"):
        rated(run, tmp_path / "o", bare)


def test_help_needs_no_torch() -> None:
    code = (
        "import sys, contextlib, io\nfrom lontar.cli.main import run\n"
        "for words in (['eval', '--help'], ['eval', 'metricx', '--help']):\n"
        "    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()): run(words)\n"
        "print([name for name in ('torch', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
