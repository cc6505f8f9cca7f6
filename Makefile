# Everything a person or CI does with this checkout. Needs python3, make and git; brings uv into the environment itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := $(VENV)
MEXC := workers/tradewind_workers/venues/mexc
STAMP := $(VENV)/.ready

.DEFAULT_GOAL := setup
.PHONY: help setup demo test unit lint format generate generate-check bench coverage lock lock-check clean

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' Makefile

setup: $(STAMP) ## Make the environment (.venv), with every version as pinned

$(STAMP): pyproject.toml core/pyproject.toml operator/pyproject.toml workers/pyproject.toml cli/pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(UV) || $(BIN)/python -m pip install -q uv
	@$(UV) sync -q --inexact
	@touch $@
	@echo "ready: .venv/bin/tradewind --help"

demo: setup ## Trade for 30 seconds against the exchange simulator, then write a report
	@$(BIN)/tradewind up -f examples/momentum --for 30s --report out/demo

test: setup ## Run everything this machine can run
	@$(BIN)/python -m pytest

unit: setup ## Run only what needs no server
	@$(BIN)/python -m pytest tests/unit

lint: setup ## Check style, types and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy core/tradewind workers/tradewind_workers cli/tradewind_cli operator/tradewind_operator
	@$(BIN)/lint-imports
	@$(BIN)/python hack/secrets_scan.py

format: setup ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

generate: setup ## Make the Python of the protobuf contracts anew
	@$(BIN)/python hack/generate.py

generate-check: setup ## Fail if the committed Python is not what the contracts give
	@$(BIN)/python hack/generate.py --check

bench: setup ## Measure, and write out/bench.json
	@$(BIN)/python tests/bench/bench.py

coverage: setup ## Run the tests and tell what they do not reach
	@$(BIN)/python -m pytest -q --cov --cov-report=term

lock: setup ## Resolve every dependency anew and pin it in pyproject.toml
	@$(BIN)/python hack/lock.py

lock-check: setup ## Fail if anything installed is not pinned
	@$(BIN)/python hack/lock.py --check

clean: ## Remove what was made
	rm -rf $(VENV) out .tradewind .mypy_cache .ruff_cache .pytest_cache uv.lock
