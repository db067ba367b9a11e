"""Light at the door: what a fresh interpreter imports, how long it takes, and what works without any extra."""

import json
import os
import subprocess
import sys

import pytest

HEAVY = (
    "torch transformers pyarrow duckdb tokenizers aiohttp starlette uvicorn icu4py regex sacrebleu safetensors "
    "huggingface_hub ray openai"
).split()

WATCH = """
import json, resource, sys
try:
    {code}
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    heavy = sorted(set({heavy!r}) & set(sys.modules))
    print(json.dumps({{"heavy": heavy, "cpu_s": used.ru_utime + used.ru_stime}}), file=sys.stderr)
"""

# As if nothing but the core were installed; a find_spec of such a name says "not there", like a real absence.
BLOCK = """
import importlib.abc, importlib.metadata, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {heavy!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name.partition(".")[0])
sys.meta_path.insert(0, Absent())
"""


def fresh(code, home, *, blocked=False):
    program = BLOCK.format(heavy=HEAVY) if blocked else ""
    program += WATCH.format(code=code, heavy=HEAVY)
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "LONTAR_HOME": str(home), "COVERAGE_PROCESS_START": ""},
        check=False,
    )


def seen(done):
    found = json.loads(done.stderr.splitlines()[-1])
    assert done.returncode == 0, done.stderr
    return found


def cli(*arguments):
    return f"from lontar.cli.main import run; assert run({list(arguments)!r}) == 0"


DOORS = {
    "import lontar": "import lontar",
    "--help": cli("--help"),
    "--version": cli("--version"),
    "list languages": cli("list", "languages"),
    "eval --help": cli("eval", "--help"),
    "run --help": cli("run", "--help"),
}


@pytest.mark.parametrize("door", DOORS)
def test_doors_are_light(door, home):
    """What is imported is what costs; the time itself is not tested, on machines that others share."""
    assert seen(fresh(DOORS[door], home))["heavy"] == []


LIGHT = {
    "list stages": cli("list", "stages"),
    "list filters": cli("list", "filters"),
    "list scorers": cli("list", "scorers"),
    "list tasks": cli("list", "tasks"),
    "list backends": cli("list", "backends"),
    "doctor": cli("doctor", "--json"),
    "train cpt --help": cli("train", "cpt", "--help"),
    "export safetensors --help": cli("export", "safetensors", "--help"),
    "tokenizer extend --help": cli("tokenizer", "extend", "--help"),
    "run nano --plan": cli("run", "nano", "--plan", "--out", "/nowhere/at/all"),
}


@pytest.mark.parametrize("door", LIGHT)
def test_listing_and_checking_work_with_the_core_alone(door, home):
    assert seen(fresh(LIGHT[door], home, blocked=True))["heavy"] == []


def test_every_stages_and_config_module_imports_with_the_core_alone(home):
    code = """
    import importlib, pkgutil, lontar
    names = [i.name for i in pkgutil.walk_packages(lontar.__path__, "lontar.") if not i.name.endswith("__main__")]
    light = [n for n in names if n.rpartition(".")[2] in ("stages", "config", "gates")]
    light += [i.name for i in pkgutil.walk_packages(lontar.__path__, "lontar.") if i.ispkg]
    light += [n for n in names if n.startswith(("lontar.core.", "lontar.cli.", "lontar.text.", "lontar.languages."))]
    for name in light:
        importlib.import_module(name)
    """
    assert seen(fresh(code.strip(), home, blocked=True))["heavy"] == []


def test_artifacts_are_shown_and_verified_with_the_core_alone(home, corpus):
    for verb in ("show", "verify"):
        assert seen(fresh(cli(verb, str(corpus.path)), home, blocked=True))["heavy"] == []


def test_a_stage_without_its_extra_says_what_to_install(home, tmp_path):
    code = f"from lontar.cli.main import run; print(run(['run', 'nano', '--out', {str(tmp_path / 'run')!r}]))"
    done = fresh(code, home, blocked=True)
    assert done.stdout.strip() == "3", done.stderr
    assert "pip install 'lontar[" in done.stderr
    assert "Traceback" not in done.stderr
