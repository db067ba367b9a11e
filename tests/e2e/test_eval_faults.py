"""An evaluation is killed again and again while its server fails: scores are those of an undisturbed run."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SERVER = Path(__file__).parent / "faulty_server.py"
CONCURRENCY = 8


def write_task(folder: Path, n: int) -> Path:
    folder.mkdir()
    rows = [{"id": f"q{i}", "lang": "id", "question": f"Pertanyaan nomor {i}?"} for i in range(n)]
    (folder / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "counting.yaml").write_text(
        "name: counting\nversion: 1\ncompetency: test\nsource: {jsonl: items.jsonl}\nlanguages: [id]\n"
        'prompt: [{role: user, content: "{question}"}]\nreference: right\noutput: text\nscorer: exact_match\n',
        encoding="utf-8",
    )
    return folder


@contextmanager
def serving(log: Path, share: float, stall_s: float) -> Iterator[str]:
    command = [sys.executable, str(SERVER), str(log), str(share), str(stall_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.kill()


def start(url: str, task: Path, out: Path, home: Path) -> subprocess.Popen[str]:
    settings = [f"tasks=[{task}]", f"concurrency={CONCURRENCY}", "bootstraps=100"]
    command = [sys.executable, "-m", "lontar", "eval", "run", "--model", url, "--out", str(out), "--progress", "none"]
    environment = {"PATH": "/usr/bin:/bin", "LONTAR_HOME": str(home)}
    return subprocess.Popen(
        [*command, *settings], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def score(out: Path) -> dict[str, Any]:
    row = json.loads((out / "scores.json").read_text(encoding="utf-8"))["rows"][0]
    return {name: row[name] for name in ("n", "value", "low", "high", "failed", "nulls")}


def disturbed(tmp_path: Path, *, n: int, kills: int, share: float, stall_s: float, seed: int) -> None:
    task, home, rng = write_task(tmp_path / "task", n), tmp_path / "home", random.Random(seed)
    with serving(tmp_path / "calm.log", 0.0, 0.0) as url:
        calm = start(url, task, tmp_path / "calm", home)
        said = calm.communicate(timeout=300)
        assert calm.returncode == 0, said
    log = tmp_path / "faulty.log"
    with serving(log, share, stall_s) as url:
        done = 0
        for _ in range(kills):
            process = start(url, task, tmp_path / "out", home)
            goal = done + rng.randrange(n // (2 * kills), n // kills)
            while process.poll() is None and answered(log) < goal:
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            done = answered(log)
        process = start(url, task, tmp_path / "out", home)
        said = process.communicate(timeout=600)
        assert process.returncode == 0, said
    assert score(tmp_path / "out") == score(tmp_path / "calm")
    asked = Counter(log.read_text(encoding="utf-8").split())
    assert len(asked) == n
    assert sum(asked.values()) - n <= kills * CONCURRENCY, "only what was under way is asked again"


def answered(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.is_file() else 0


def test_killed_while_the_server_fails(tmp_path: Path) -> None:
    disturbed(tmp_path, n=240, kills=3, share=0.1, stall_s=1.0, seed=1)


@pytest.mark.slow
def test_killed_ten_times_in_two_thousand(tmp_path: Path) -> None:
    disturbed(tmp_path, n=2000, kills=10, share=0.1, stall_s=60.0, seed=2)
