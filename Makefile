# `make rehearse` and `make test` set themselves up: they need make and Python 3.11 or newer, nothing else.

PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
RUN    := $(VENV)/.ready-to-run
DEV    := $(VENV)/.ready-to-develop
SEE    := $(VENV)/.ready-to-browse
FRESH  := $(PYTHON) -m venv --clear $(VENV)

unexport PYTHONPATH PYTHONHOME
# Where a shell forbids it, each of the processes that the tests start would compile every module again.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# An environment knows where it lies; in a checkout that was moved or copied it is made anew.
ifneq ($(shell cat $(VENV)/.made-in 2>/dev/null),$(CURDIR))
$(shell rm -f $(RUN) $(DEV) $(SEE))
endif

.PHONY: help rehearse test lint unit slow screenshot bench lock clean
help:
	@echo "make rehearse   the whole product on this machine, with stand-ins for Slack and Supabase"
	@echo "make test       lint, types, import contracts and the quick tests"
	@echo "make slow       the tests that take long on purpose; what is not installed is skipped, and said"
	@echo "make screenshot renew the picture in the README"
	@echo "make bench      the benchmarks"
	@echo "make lock       renew the lock files from pyproject.toml"
	@echo "make clean      remove the environment and all caches"

rehearse: $(RUN)
	@$(PY) -m bot rehearse $(ARGS)

test: lint unit

lint: $(DEV)
	$(PY) -m ruff check
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

unit: $(DEV)
	$(PY) -m pytest -n 4 --dist worksteal -m "not slow" $(ARGS)

slow: $(DEV) $(SEE)
	$(PY) -m pytest -n 4 --dist worksteal -m slow $(ARGS)

# The browser test presses the real buttons and keeps what it sees.
screenshot: $(DEV) $(SEE)
	STAGEDOOR_SCREENSHOT="$(CURDIR)/docs/images/promotion-card.png" $(PY) -m pytest -m slow tests/browser -k done

bench: $(DEV)
	@set -e; for each in bench/[a-z]*.py; do echo "== $$each"; $(PY) "$$each"; done

# Keeps what is locked unless told otherwise: make lock UPGRADE=--upgrade. uv is needed here alone.
LOCKING := --quiet --universal --generate-hashes --no-emit-index-url --no-annotate $(UPGRADE)
LOCKING += --custom-compile-command "make lock"
lock: $(DEV)
	$(PY) -m pip install --quiet uv
	$(VENV)/bin/uv pip compile $(LOCKING) --extra build --output-file requirements.lock pyproject.toml
	$(VENV)/bin/uv pip compile $(LOCKING) --extra build --extra dev --constraint requirements.lock \
	    --output-file requirements-dev.lock pyproject.toml
	$(PY) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["browser"], sep="\n")' \
	    | $(VENV)/bin/uv pip compile $(LOCKING) --python-version 3.11 --constraint requirements-dev.lock \
	    --output-file requirements-browser.lock -

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Versions and their hashes come from the lock alone; then the project itself, which fetches nothing.
INSTALL = $(PY) -m pip install -qq --require-hashes --requirement
PROJECT = $(PY) -m pip install -qq --no-deps --no-build-isolation --no-index --editable .

$(RUN): requirements.lock pyproject.toml
	@$(MAKE) --no-print-directory .environment
	@echo "Installing what $(VENV) needs to run Stagedoor"
	@$(INSTALL) requirements.lock
	@$(PROJECT)
	@touch $@

$(DEV): requirements-dev.lock pyproject.toml
	@$(MAKE) --no-print-directory .environment
	@echo "Installing what $(VENV) needs to develop Stagedoor"
	@$(INSTALL) requirements-dev.lock
	@$(PROJECT)
	@touch $(RUN) $@

# Playwright has no wheel for every system. Without it the browser tests say why they are skipped.
$(SEE): requirements-browser.lock $(DEV)
	@echo "Installing what $(VENV) needs to drive a browser"
	@$(INSTALL) requirements-browser.lock && touch $@ || echo "Playwright could not be installed." >&2

.PHONY: .environment
.environment:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "Stagedoor needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo missing)."; \
	    echo "Name another one, for example: make test PYTHON=python3.12"; exit 1; } >&2
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv"; exit 1; } >&2
	@if [ "$$(cat $(VENV)/.made-in 2>/dev/null)" != "$(CURDIR)" ] || ! $(PY) -c 'import pip' 2>/dev/null; then \
	    echo "Making $(VENV)"; $(FRESH) && printf '%s' "$(CURDIR)" > $(VENV)/.made-in; fi
