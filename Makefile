# Two commands do everything on a fresh clone: `make demo` and `make test`.
# They need Python >= 3.11, make and a package index; nothing from the system's package manager.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
ENV    := $(VENV)/.ready
BENCH  := $(VENV)/.bench-ready
JOBS   ?= 2

.PHONY: env demo test check bench docs clean

env: $(ENV)

$(ENV): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,gateway]'
	touch $@

$(BENCH): $(ENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,gateway,bench]'
	touch $@

## A real message, end to end: out/demo.mms, out/demo.eml, out/demo.json and the ledger on the terminal.
demo: $(ENV)
	$(BIN)/python examples/demo.py out

## Lint, types, and the tests.
test: check
	$(BIN)/python -m pytest -n $(JOBS)

check: $(ENV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture

## The tables of the README; results under benchmarks/results/.
bench: $(BENCH)
	$(BIN)/python benchmarks/stills.py

## Every command and link in the documents, run and checked.
docs: $(ENV)
	$(BIN)/python -m pytest tests/test_docs.py

clean:
	rm -rf $(VENV) out dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
