from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lontar.core.artifact import Model
from lontar.core.plugins import load_all
from lontar.core.shards import read_jsonl
from lontar.errors import BackendError, CapabilityError, DataError
from lontar.eval import stages
from lontar.eval.config import EvalConfig
from lontar.eval.render import score_rows
from lontar.scoring import scorer
from tests.unit.eval.conftest import Faulty, Named, make_corpus, make_endpoint, make_model, read_scores

Pair = tuple[Model, Model]


def config(**more: Any) -> EvalConfig:
    return EvalConfig.model_validate({"backend": "echo", "languages": ["th", "id"], "bootstraps": 100, **more})


def test_the_smoke_suite_on_echo(models: Pair, tmp_path: Path) -> None:
    evaluation = stages.run(tmp_path / "scores", *models, config=config())
    scores = read_scores(evaluation.path)
    assert [(row["task"], row["lang"]) for row in scores["rows"]] == [
        (task, lang) for task in ("bits_per_byte", "continue_in_language", "word_order") for lang in ("id", "th")
    ]
    for row in scores["rows"]:
        assert row["n"] > 10 and row["failed"] == 0
        assert row["low"] <= row["value"] <= row["high"]
        assert row["difference"]["value"] == 0 and row["difference"]["p"] == 1
        # Never a difference among 24 answers: there may be one in up to 1 - 0.025 ** (1 / 24) of others.
        half = 0.0 if row["task"] == "bits_per_byte" else 1 - 0.025 ** (1 / row["groups"])
        assert (row["difference"]["low"], row["difference"]["high"]) == pytest.approx((-half, half))
        assert row["verdict"] == "no difference shown"
    assert evaluation.manifest.complete
    assert evaluation.manifest.metrics["bits_per_byte.th"] == scores["rows"][1]["value"]
    assert evaluation.manifest.metrics["baseline.word_order.id"] == scores["rows"][4]["baseline"]["value"]
    names = sorted(n for n in evaluation.manifest.files if n.startswith("samples/model/"))
    assert names[0] == "samples/model/bits_per_byte-id.jsonl.zst" and len(names) == 6
    row = next(read_jsonl(evaluation.path / "samples/model/continue_in_language-th.jsonl.zst"))[1]
    assert row["prediction"]["texts"] and row["sample"]["turns"], "what was asked and answered can be read"
    assert evaluation.verify() == []


def test_it_is_the_same_every_time(models: Pair, tmp_path: Path) -> None:
    one, two = (stages.run(tmp_path / name, *models, config=config()) for name in ("one", "two"))
    assert one.digest == two.digest
    seeded = stages.run.using(seed=5)(tmp_path / "three", *models, config=config())
    samples = {n: e for n, e in one.manifest.files.items() if n.startswith("samples/")}
    assert samples == {n: e for n, e in seeded.manifest.files.items() if n.startswith("samples/")}
    assert one.digest != seeded.digest, "the seed is that of the intervals"


def test_a_killed_run_goes_on(models: Pair, tmp_path: Path, faulty: type[Faulty]) -> None:
    whole = stages.run(tmp_path / "whole", *models, config=config(backend="faulty", suite="smoke"))
    n = len(faulty.asked)
    faulty.asked = []
    faulty.fail, faulty.error = {"ຝ", "ฝน"}, KeyboardInterrupt()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        stages.run(tmp_path / "cut", *models, config=config(backend="faulty"))
    first = len(faulty.asked)
    faulty.asked, faulty.error = [], None
    again = stages.run(tmp_path / "cut", *models, config=config(backend="faulty"))
    assert again.digest == whole.digest
    assert 0 < first < n and len(faulty.asked) < n


def test_failed_requests_are_counted_bounded_and_asked_again(
    models: Pair, tmp_path: Path, faulty: type[Faulty]
) -> None:
    settings = config(backend="faulty", tasks=["word_order", "bits_per_byte"], languages=["th"], max_failures=0)
    whole = stages.run(tmp_path / "whole", *models, config=settings)
    faulty.fail, faulty.error = {"ฝน"}, DataError("too long")
    with pytest.raises(BackendError, match=r"1 requests failed, max_failures is 0:\n  too long"):
        stages.run(tmp_path / "strict", *models, config=settings)
    tolerant = settings.model_copy(update={"max_failures": 5})
    faulty.asked = []
    partial = stages.run(tmp_path / "scores", *models, config=tolerant)
    assert not partial.manifest.complete
    assert len(partial.manifest.failures) == sum(
        r["failed"] + r["baseline"]["failed"] for r in read_scores(partial.path)["rows"]
    )
    bits, order = read_scores(partial.path)["rows"]
    assert 1 <= order["failed"] <= 5
    assert order["n"] + order["failed"] == 24
    right = order["value"] * order["n"]
    assert order["bounds"] == pytest.approx({"low": right / 24, "high": (right + order["failed"]) / 24})
    assert bits["failed"] >= 1 and bits["bounds"] is None, "bits per byte have no limit"
    shown = [row[-1] for row in score_rows(partial)[1]]
    assert all("failed" in text for text in shown)

    n = len(faulty.asked)
    faulty.error, faulty.asked = None, []
    healed = stages.run(tmp_path / "scores", *models, config=tolerant)
    assert healed.manifest.complete
    assert healed.digest == whole.digest, "as if nothing had happened"
    assert len(faulty.asked) < n / 2, "what was answered is not asked again"


def test_an_unavailable_model_is_an_error_and_not_a_zero(
    models: Pair, tmp_path: Path, faulty: type[Faulty], monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty.fail, faulty.error = {""}, BackendError("HTTP 401: no key")
    with pytest.raises(BackendError, match="401"):
        stages.run(tmp_path / "scores", *models, config=config(backend="faulty"))
    assert not (tmp_path / "scores").exists()


def test_a_missing_ability_names_the_task(models: Pair, tmp_path: Path, faulty: type[Faulty]) -> None:
    faulty.fail, faulty.error = {""}, CapabilityError("cannot score likelihoods")
    with pytest.raises(CapabilityError, match="task 'bits_per_byte': cannot score"):
        stages.run(tmp_path / "scores", *models, config=config(backend="faulty"))


def test_without_a_baseline_nothing_is_compared(models: Pair, tmp_path: Path) -> None:
    evaluation = stages.run(tmp_path / "scores", models[0], config=config(tasks=["word_order"]))
    (first, *_) = read_scores(evaluation.path)["rows"]
    assert (first["baseline"], first["difference"], first["verdict"]) == (None, None, None)
    columns, rows = score_rows(evaluation)
    assert columns == ("task", "language", "unit", "n", "chance", "model", "shown")
    assert all(len(row) == len(columns) for row in rows)


def test_held_out_text_of_a_corpus(models: Pair, tmp_path: Path) -> None:
    sentence = "ฝนตกทั้งคืนและถนนน้ำท่วม "
    texts = {"th": [sentence * 40, *(f"{sentence}{i}" for i in range(9))], "lo": ["ຝົນຕົກໝົດຄືນ"]}
    corpus = make_corpus(tmp_path / "corpus", config=Named(texts=texts))
    settings = EvalConfig(backend="echo", tasks=("bits_per_byte",), bootstraps=100)
    evaluation = stages.run(tmp_path / "scores", models[0], None, corpus, config=settings)
    lao, thai = read_scores(evaluation.path)["rows"]
    assert (lao["lang"], lao["n"], lao["low"]) == ("lo", 1, None)
    assert thai["groups"] == 10 and thai["n"] > 10, "passages of one document are one group"
    assert not any(name.startswith("sample:") for name in evaluation.manifest.uses), "packaged text plays no part"
    with pytest.raises(DataError, match=r"'bits_per_byte' has no items in 'id'"):
        wrong = settings.model_copy(update={"languages": ("id",)})
        stages.run(tmp_path / "other", models[0], None, corpus, config=wrong)


def test_what_the_fingerprint_sees(models: Pair) -> None:
    seen = stages.run.derivation({"model": models[0]}, config()).fingerprint
    assert seen == stages.run.derivation({"model": models[0]}, config(concurrency=1, max_failures=9)).fingerprint
    assert seen != stages.run.derivation({"model": models[1]}, config()).fingerprint
    assert seen != stages.run.derivation({"model": models[0]}, config(limit=3)).fingerprint
    uses = stages.run_uses(config(languages=["th"]), {})
    assert {n for n in uses if n.startswith(("sample:", "language:"))} == {"sample:parallel/th.jsonl", "language:th"}
    tasks = ("bits_per_byte", "word_order", "continue_in_language")
    assert {n for n in uses if n.startswith("task:")} == {f"task:{task}" for task in tasks}


SCORER = """
from lontar.scoring import RowScore, scorer

@scorer("shout")
def shout(sample, prediction, lang, /) -> RowScore:
    "1 for an answer in capitals."
    return RowScore(value=float((prediction.answer or "").isupper()))
"""
TASK = """
name: shouting
version: 1
competency: nlg
source: {sample: parallel}
prompt: "{text}"
output: text
scorer: shout
"""


def test_a_scorer_and_a_task_from_outside(models: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    for folder, name, text in (("plugins", "shout.py", SCORER), ("tasks", "shouting.yaml", TASK)):
        (home / folder).mkdir(parents=True)
        (home / folder / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("LONTAR_HOME", str(home))
    monkeypatch.setattr(scorer, "_entries", dict(scorer._entries))
    load_all()
    settings = config(tasks=["shouting"])
    evaluation = stages.run(tmp_path / "scores", models[0], config=settings)
    assert [row["value"] for row in read_scores(evaluation.path)["rows"]] == [0, 0]
    before = stages.run_uses(settings, {})
    assert "plugin:scorer:shout" in before and "task:shouting" in before
    (home / "plugins" / "shout.py").write_text(SCORER + "\n", encoding="utf-8")
    assert stages.run_uses(settings, {}) != before, "a changed plug-in is another evaluation"


def test_an_endpoint_is_asked_over_http_and_its_answers_are_kept(tmp_path: Path) -> None:
    pytest.importorskip("aiohttp")
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    asked: list[str] = []

    class Server(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(body["prompt"])
            choice = {"index": 0, "text": body["prompt"], "finish_reason": "stop"}
            raw = f"data: {json.dumps({'choices': [choice]})}\n\ndata: [DONE]\n\n".encode()
            self.send_response(200 if len(asked) != 20 else 404)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        endpoint = make_endpoint(tmp_path / "e", config=Named(name=f"http://127.0.0.1:{server.server_port}/v1"))
        settings = EvalConfig(tasks=("continue_in_language",), languages=("th",), bootstraps=100, concurrency=1)
        with pytest.raises(BackendError, match="404"):
            stages.run(tmp_path / "scores", endpoint, config=settings)
        evaluation = stages.run(tmp_path / "scores", endpoint, config=settings)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    (row,) = read_scores(evaluation.path)["rows"]
    assert row["value"] == pytest.approx(1.0)
    assert len(asked) == row["n"] + 1, "19 answers were kept from the first attempt"


def test_the_stage_needs_no_heavy_library(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from tests.unit.eval.conftest import make_model, Named\n"
        "from lontar.eval.stages import run; from lontar.eval.config import EvalConfig\n"
        f"base = Path({str(tmp_path)!r})\n"
        "model = make_model(base / 'm', config=Named())\n"
        "run(base / 's', model, config=EvalConfig(backend='echo', languages=('th',), bootstraps=100))\n"
        "heavy = ('torch', 'transformers', 'tokenizers', 'pyarrow', 'aiohttp', 'sacrebleu')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_models_are_named_by_content(tmp_path: Path) -> None:
    model = make_model(tmp_path / "m", config=Named(name="x"))
    evaluation = stages.run(tmp_path / "s", model, config=config(tasks=["word_order"]))
    assert read_scores(evaluation.path)["models"] == {"model": {"kind": "model", "digest": model.digest, "name": "m"}}
