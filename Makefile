# make demo : set up, then the demo in three acts.     make test : everything CI runs.
#
# On Linux the default torch wheel brings several GB of CUDA. To get the CPU wheel instead, name its index:
#   make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu
# On macOS, and where the package index already serves a CPU wheel, leave it empty.

PYTHON      ?= python3
VENV        ?= .venv
TORCH_INDEX ?=
RUN         ?= runs/tiny

BIN  := $(VENV)/bin
PIP  := $(BIN)/python -m pip --disable-pip-version-check -qq
TREE := src tests benchmarks scripts

# Counting lines makes tests half as slow again, so it is done where it counts: the tests of the core alone.
CORE  := tests/unit/core tests/property/test_core_properties.py
QUICK := not slow and not gpu and not network and not llamacpp

.DEFAULT_GOAL := help
.PHONY: help setup demo nano test check lint types fmt test-slow test-llamacpp bench langid docs clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: $(VENV)/.ready  ## make .venv and install lontar with everything a laptop needs

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade pip
	$(if $(TORCH_INDEX),$(PIP) install -c constraints.txt --index-url $(TORCH_INDEX) torch,)
	$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup  ## from text to a better model, seen, measured, exported, served: three acts, under ten minutes
	$(BIN)/lontar demo --out $(RUN)

nano: setup  ## the whole chain in under a minute, on toys
	$(BIN)/lontar run nano --progress none

test: check  ## lint, types, import contract and all tests: what CI runs

check: setup lint types
	$(BIN)/python -m pytest -m "$(QUICK)" $(CORE) --cov=lontar.core --cov-report=
	$(BIN)/coverage report --include='src/lontar/core/*' --fail-under=90 --skip-covered
	$(BIN)/python -m pytest -m "$(QUICK)" $(addprefix --deselect=,$(CORE))

lint: setup
	$(BIN)/ruff format --check $(TREE)
	$(BIN)/ruff check $(TREE)
	$(BIN)/lint-imports
	$(BIN)/typos

types: setup
	$(BIN)/mypy

langid: setup  ## train the language model of the package again, on one thread: the same bytes from the same data
	OMP_NUM_THREADS=1 $(BIN)/python scripts/langid/train.py
	$(BIN)/python scripts/langid/measure.py

fmt: setup  ## format and mend what can be mended
	$(BIN)/ruff format $(TREE)
	$(BIN)/ruff check --fix $(TREE)

test-slow: setup  ## the long checks: 20 kills, larger models
	$(BIN)/python -m pytest -m "slow and not gpu and not network and not llamacpp"

test-llamacpp: setup  ## llama.cpp against transformers: the same ids and greedy text (builds it: minutes)
	CMAKE_ARGS="-DGGML_NATIVE=OFF -DLLAVA_BUILD=OFF" $(PIP) install llama-cpp-python
	$(BIN)/python -m pytest -m llamacpp tests/llamacpp

bench: setup  ## ours against named peers, ratios
	for file in benchmarks/bench_*.py; do $(BIN)/python $$file || exit 1; done

clean:  ## remove the environment and caches (runs/ stays)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
