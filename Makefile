# Everything a person or CI does with this checkout. Needs python3, make and git; brings uv into the environment itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := $(VENV)
PINNED_UV = $(shell sed -n 's/^ *"\(uv==[^ "]*\)",$$/\1/p' pyproject.toml)
STAMP := $(VENV)/.ready

.DEFAULT_GOAL := setup
.PHONY: help setup demo test unit e2e e2e-full lint types secrets format generate generate-check crds crds-check charts charts-check cluster cluster-api cluster-down images bench coverage pin lock lock-check clean

help: ## Show this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' Makefile

setup: $(STAMP) ## Make the environment (.venv), with every version as pinned

$(STAMP): pyproject.toml core/pyproject.toml operator/pyproject.toml workers/pyproject.toml cli/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	@test -x $(UV) || $(BIN)/python -m pip install -q --disable-pip-version-check '$(PINNED_UV)'
	@$(UV) sync -q --inexact
	@touch $@
	@echo "ready: .venv/bin/tradewind --help, or first: . .venv/bin/activate"

demo: setup ## Trade for 30 seconds against the exchange simulator, then write a report
	@$(BIN)/tradewind up -f examples/momentum --for 30s --report out/demo --state-dir .tradewind/demo --fresh

test: setup ## Run everything this machine can run
	@$(BIN)/python -m pytest

unit: setup ## Run only what needs no server
	@$(BIN)/python -m pytest tests/unit -q -n logical

e2e: setup ## Run what CI runs on a cluster with nodes, and tell its figures
	@TRADEWIND_E2E=required $(BIN)/python -m pytest tests/e2e -rsP

e2e-full: setup ## That, and what takes minutes: lost nodes, a full volume, lanes, images built twice
	@TRADEWIND_E2E=full $(BIN)/python -m pytest tests/e2e -rsP

lint: setup secrets types ## Check style, types, the direction of imports, the Dockerfile and for secrets
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/hadolint Dockerfile

types: setup ## Check types
	@$(BIN)/mypy core/tradewind workers/tradewind_workers cli/tradewind_cli operator/tradewind_operator hack

# The words that stand for secrets in examples and tests are known; nothing else may look like one.
secrets: setup ## Fail if a tracked file holds what looks like a secret
	@git ls-files -z ':!crds' ':!charts/tradewind-crds/definitions' | xargs -0 $(BIN)/detect-secrets-hook --no-verify \
		--exclude-secrets '^(simulated|wrong|nobody|mx0key|mexc-main|PASSWORD)$$'

format: setup ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

generate: setup ## Make the Python of the protobuf contracts anew
	@$(BIN)/python hack/generate.py

generate-check: setup ## Fail if the committed Python is not what the contracts give
	@$(BIN)/python hack/generate.py --check

crds: setup ## Make the CustomResourceDefinitions anew from the models
	@$(BIN)/python hack/crds.py

crds-check: setup ## Fail if the committed definitions are not what the models give
	@$(BIN)/python hack/crds.py --check

charts: setup ## Make what follows from the charts anew: their READMEs, deploy/platform.yaml
	@$(BIN)/python hack/charts.py

charts-check: setup ## Fail if that is not what the charts give
	@$(BIN)/python hack/charts.py --check

cluster-api: setup ## Start a Kubernetes control plane of processes, without nodes
	@$(BIN)/python hack/cluster.py up

cluster: setup ## Start a Kubernetes with nodes, by kind; starts Docker when none answers and you are root
	@$(BIN)/python hack/kind_cluster.py up

cluster-down: setup ## End both kinds of cluster
	@$(BIN)/python hack/cluster.py down
	@$(BIN)/python hack/kind_cluster.py down

images: setup ## Build the images and load them into kind, if it runs
	@$(BIN)/python hack/images.py

bench: setup ## Measure, and write out/bench.json
	@$(BIN)/python tests/bench/bench.py
	@$(BIN)/python tests/bench/operator_scale.py
	@$(BIN)/python tests/bench/halts.py

coverage: setup ## Run the tests; fail if they reach too little of the code
	@$(BIN)/python hack/coverage_gates.py

pin: setup ## Pin what was added to the dependencies, and move nothing else
	@$(BIN)/python hack/lock.py --keep

lock: setup ## Move every dependency to its newest version and pin it in pyproject.toml
	@$(BIN)/python hack/lock.py

lock-check: setup ## Fail if anything the resolver chooses is not pinned
	@$(BIN)/python hack/lock.py --check

clean: ## Remove what was made
	rm -rf $(VENV) out .tradewind .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage uv.lock
