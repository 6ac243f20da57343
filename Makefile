# Two commands for newcomers: `make demo` shows the product, `make test` runs everything. `make help` lists the rest.
# Rule 1: one optimised Rust profile serves the wheel, the tests and the figures, in one target directory.
# Rule 2: tools and tests run from .venv in this checkout; nothing is installed into the system but by `make test` as root.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

CAPTURE ?= $(wildcard vectors/demo/*.pcap vectors/demo/*.pcapng)
SECONDS ?= 60
TARGET := $(or $(CARGO_TARGET_DIR),target)
RUST_SOURCES := $(shell find crates -name '*.rs' -o -name 'Cargo.toml' 2>/dev/null) Cargo.toml Cargo.lock

.PHONY: help demo test check bench soak wheel fuzz docs build environment clean

help: ## List the commands.
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

environment: .venv/locked

.venv/locked: requirements/dev.txt
	@PYTHON=$(PYTHON) scripts/environment.sh

build/core: .venv/locked pyproject.toml src/ringfence/_core.pyi $(RUST_SOURCES)
	@mkdir -p build
	maturin develop --release --quiet
	@touch $@

build: build/core ## Build the compiled core into the checkout.

demo: build ## Analyse a mixed plant (or CAPTURE=FILE) and write a report.
	@CAPTURE="$(CAPTURE)" scripts/demo.sh

test: build ## Run everything: Rust and Python tests, browser, oracle. Installs Debian packages when root.
	@scripts/test.sh

check: build ## The fast loop, in order of speed.
	@scripts/check.sh

bench: build ## Measure the core over CAPTURE=FILE; its gates too where CAPTURE is one file (see bench/README.md).
	python bench/core.py $(CAPTURE)
ifeq ($(words $(CAPTURE)),1)
	-python bench/compare.py workers $(CAPTURE)
	-python bench/compare.py growth
	-python bench/compare.py peers $(CAPTURE)
endif

soak: build ## Long runs: full sizes, not in CI.
	RINGFENCE_SOAK=1 python -m pytest -m slow tests
	@if [ -d fuzz ]; then $(MAKE) fuzz SECONDS=600; fi

fuzz: .venv/locked ## Fuzz dissectors, readers and engine, SECONDS=60 each.
	@if [ -x scripts/fuzz.sh ]; then SECONDS_EACH=$(SECONDS) scripts/fuzz.sh; \
	else echo "make fuzz: there is no fuzz target in this checkout"; exit 2; fi

wheel: environment ## Build the abi3 wheel into dist/.
	maturin build --release --quiet --out dist
	@ls -l dist/*.whl

docs: build ## Write the generated reference pages.
	python scripts/generate_docs.py

clean: ## Remove what was built, but not the environment.
	rm -rf build dist $(TARGET)
