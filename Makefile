# make demo   crawl a local replica of an art site into a catalog of tiles, and show it
# make test   lint, types, import contract, all tests
# make lock   pin what pyproject.toml asks for, anew

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One environment for both commands; brought up to date when a lock or the package's own metadata changes.
# The demo needs a third of what the tests need.
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev

.PHONY: demo test lint types contract tests lock clean

demo: $(STAMP)
	$(BIN)/python -m demo

test: lint types contract tests

$(STAMP): LOCK := requirements.lock
$(DEV_STAMP): LOCK := requirements-dev.lock
$(STAMP): requirements.lock pyproject.toml
$(DEV_STAMP): requirements-dev.lock pyproject.toml
$(STAMP) $(DEV_STAMP):
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "artquarry needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

lint: $(DEV_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV_STAMP)
	$(BIN)/mypy

contract: $(DEV_STAMP)
	$(BIN)/lint-imports

tests: $(DEV_STAMP)
	$(BIN)/python -m pytest -n auto --dist worksteal

LOCK_WITH := $(PYTHON) -m uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --quiet

lock:
	$(PYTHON) -m pip install --quiet uv
	$(LOCK_WITH) --extra dev --output-file requirements-dev.lock
	$(LOCK_WITH) --extra source --constraint requirements-dev.lock --output-file requirements.lock

clean:
	rm -rf $(VENV) .demo
