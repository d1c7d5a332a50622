# kindo-models: `make up` builds everything it needs and brings up the stack `local`; `make test` runs every test.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.SILENT:
.PHONY: help setup up status down clean env test test-unit soak bench bench-sizing lint format check

PYTHON := .venv/bin/python
TOOLS := $(PYTHON) -m tools

help: ## this list
	grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.venv: pyproject.toml uv.lock tools/bootstrap.sh
	./tools/bootstrap.sh

setup: .venv ## build the engine, the cluster's parts and the images (skipped where pins have not changed)
	$(TOOLS) setup

up: setup ## everything, then `pulumi up` on the stack local, and one real answer
	$(TOOLS) up

status: .venv ## what runs
	$(TOOLS) status

env: .venv ## shell commands for plain `pulumi --stack local`: eval "$$(make env)"
	$(TOOLS) env

down: .venv ## stop everything; no process, mount, namespace, interface or rule of ours is left
	$(TOOLS) down

clean: .venv ## down, and remove state, images and binaries
	$(TOOLS) clean
	rm -rf .venv .kindo-models .pytest_cache .mypy_cache .ruff_cache .hypothesis

check: .venv ## formatting, lint, types
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

format: .venv
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

test-unit: .venv ## the pure, quick ones
	.venv/bin/pytest -q -m "unit and not process and not soak" -n auto

test: setup check ## every test: what CI runs
	$(TOOLS) test

soak: setup ## the long ones
	$(TOOLS) test --soak

bench: setup ## figures, with the command that gives them
	$(PYTHON) -m tools.bench

bench-sizing: .venv ## the memory model against measured vLLM starts (KINDO_MODELS_MEASURED names the rows)
	$(PYTHON) -m tools.bench.sizing
