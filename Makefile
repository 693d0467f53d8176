# Few targets, and the same ones for people and for continuous integration. Variables work both ways:
# `make run PORT=9000` and `PORT=9000 make run`.
PYTHON ?= python3
PY := .venv/bin/python
# The files name all that is needed, so nothing is left to resolve.
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --no-input --require-hashes --no-deps --no-compile -r
# Left to nobody else: the first start would do it in several processes at once, and pip does it on one core.
COMPILE := $(PY) -m compileall -q -j 0 -x '/(tests?|gis|lexers|pip)/' .venv/lib saga consumers dashboard workshop

.PHONY: run test suite system bench chaos check audit lock clean-state
.DEFAULT_GOAL := run
.DELETE_ON_ERROR:

run: .venv/.run
	@exec $(PY) manage.py run

# All at once that can be: pip and a type check keep one core busy each.
test:
	@$(MAKE) --no-print-directory --jobs 2 check suite

suite: .venv/.dev
	@$(PY) -m tests.chromium
	@$(PY) -m pytest -n 4 --dist loadfile --no-loadscope-reorder

# What takes the whole system, on its real parts, in lessons and with parts of it broken: minutes of it.
system: .venv/.dev
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/system tests/browser/lessons tests/outages

bench: .venv/.dev
	@$(PY) -m tests.bench $(BENCH)

chaos: .venv/.dev
	@$(PY) -m tests.chaos $(CHAOS)

check: .venv/.dev
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

# Not part of `test`: it asks a service on the internet, whose answer changes from day to day.
audit: .venv/.dev .venv/.requirements-audit
	@$(PY) -m tests.package_audit

clean-state:
	@$(PYTHON) -m workshop.state

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock" --output-file
without = $$(sed -n 's/^\([^ ]*\)==.*/--no-emit-package \1/p' $1)
lock:
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/"; exit 1; }
	@$(LOCK) requirements.txt requirements.in
	@$(LOCK) requirements-dev.txt $(call without,requirements.txt) requirements-dev.in
	@$(LOCK) requirements-audit.txt $(call without,requirements.txt requirements-dev.txt) requirements-audit.in

# A stamp says what is installed, so that a start with nothing new never calls pip.
.venv/.run: .venv/.requirements
	@$(COMPILE)
	@touch $@

.venv/.dev: .venv/.requirements .venv/.requirements-dev
	@$(COMPILE)
	@touch .venv/.run $@

# The files have no package in common, so they can be installed at once.
.venv/.requirements .venv/.requirements-dev .venv/.requirements-audit: .venv/.%: %.txt .venv/bin/python
	@echo "Installing $< into .venv (half a minute, once) ..." >&2
	@$(PIP) $<
	@touch $@

NEEDS := Saga Workshop needs Python 3.11 or newer (make PYTHON=python3.12 names another one), but $(PYTHON) is
.venv/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "$(NEEDS) not there."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit("$(NEEDS) " + sys.version.split()[0] + "." if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv --clear .venv
