# Chancery. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

# `make up FEEDS="my.opml https://example.org/rss"` watches those instead of the demo's feeds.
FEEDS ?=
UP ?=

.PHONY: help setup up test test-fast check format bench kafka lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The venvs are made anew when the lock changes. The package itself is installed in place, without fetching anything.
.venv/run: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Chancery needs Python 3.11 to 3.13; name one with: make PYTHON=python3.12"; exit 1; }
	@echo "setting up .venv (once; about a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev: .venv/run requirements-dev.lock
	@echo "adding what the tests need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

setup: .venv/dev ## make .venv with everything, hash-checked

up: .venv/run ## run everything on this machine and print alerts (FEEDS=file.opml watches real feeds)
	@$(BIN)/chancery up $(if $(FEEDS),$(foreach feed,$(FEEDS),--feeds $(feed)),--demo) $(UP)

test: .venv/dev ## run every test; says what it skipped and why
	@$(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder

test-fast: .venv/dev ## run the tests that need no broker
	@$(BIN)/pytest -n 2 -m "not integration"

check: .venv/dev ## format, lint, types, import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: .venv/dev ## format and mend what can be mended by machine
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.venv/bench: .venv/dev requirements-bench.lock
	@echo "adding what the benchmarks compare with"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $@

bench: .venv/bench ## run the benchmarks; each prints its own table
	@$(BIN)/python -m benchmarks.speed
	@$(BIN)/python -m benchmarks.polling

kafka: ## run Apache Kafka on 127.0.0.1:9092 (Java 17+ and mvn; no Docker)
	@deploy/kafka/run.sh --port 9092

lock: ## resolve the dependencies anew (needs uv)
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra build pyproject.toml -o requirements.lock
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra build --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra bench -c requirements-dev.lock pyproject.toml -o requirements-bench.lock

clean: ## remove .venv, caches and what `make up` kept
	@rm -rf .venv .chancery .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist deploy/kafka/jars* deploy/kafka/data
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
