# make demo   crawl a local replica of an art site into a catalog of tiles, and show it
# make test   lint, types, import contract, all tests
# make lock   pin what pyproject.toml asks for, anew

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One environment for both commands; made again when the lock or the package's own metadata changes.
STAMP := $(VENV)/.installed

.PHONY: demo test lint types contract tests lock clean

demo: $(STAMP)
	$(BIN)/python -m demo

test: lint types contract tests

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "artquarry needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(STAMP)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

contract: $(STAMP)
	$(BIN)/lint-imports

tests: $(STAMP)
	$(BIN)/python -m pytest -n auto --dist worksteal

lock:
	$(PYTHON) -m pip install --quiet uv
	$(PYTHON) -m uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) .demo
