# make demo and make test are all that a newcomer needs; make help lists the rest.
# Everything lives in this folder: the environment in .venv, caches in .cache, results in runs.

PYTHON ?= python3
# SCATTER=0 leaves torch-scatter out of the set-up for the tests.
SCATTER ?= 1
# What to hand on, for example: make test ARGS="-k layout", make demo ARGS="--epochs 12"
ARGS ?=

VENV := .venv/bin
SETUP = command -v "$(PYTHON)" >/dev/null || { \
	echo "There is no $(PYTHON) here; name one: make PYTHON=/path/to/python3.12 $@" >&2; exit 1; }; \
	SCATTER="$(SCATTER)" "$(PYTHON)" tools/setup_venv.py

# Runs Python with a temporary folder of its own that is gone afterwards: PyTorch Geometric leaves files there.
RUN = TMPDIR=$$(mktemp -d) && export TMPDIR && trap 'rm -rf "$$TMPDIR"' EXIT INT TERM && $(VENV)/python

# Caches that tools would otherwise put into the home or temporary folder.
CACHE := $(CURDIR)/.cache
export MPLCONFIGDIR := $(CACHE)/matplotlib
export TORCH_HOME := $(CACHE)/torch
export TORCH_EXTENSIONS_DIR := $(CACHE)/torch-extensions
export TORCHINDUCTOR_CACHE_DIR := $(CACHE)/inductor
export TRITON_CACHE_DIR := $(CACHE)/triton
export NO_MKDOCS_2_WARNING := 1
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help demo test kernels triton setup lint format docs bench clean

help: ## list these targets
	@echo "make demo and make test work from a fresh clone; the first call sets up .venv."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "Another Python: make PYTHON=/path/to/python3.12 demo"

demo: ## train a teacher and spiking networks on made-up skeletons, draw them into runs/demo
	@$(SETUP) demo
	@$(RUN) -m sgnkit demo $(ARGS)

test: ## run the quick tests (ARGS="-m slow" for the slow ones)
	@$(SETUP) test
	@$(RUN) -m pytest $(ARGS)
	@$(if $(ARGS),,$(RUN) -m pytest -m elsewhere tests)

kernels: triton ## test the kernels for CUDA, without a GPU (Linux)
	@export PYTHONPATH="$(CACHE)/triton-package"; $(RUN) -m pytest $(ARGS) tests/nn/neuron/test_kernels.py

# It comes with the CUDA builds of PyTorch, in the version that belongs to them; others get one beside .venv.
triton:
	@$(SETUP) test
	@$(VENV)/python -c "import triton" 2>/dev/null || [ -d "$(CACHE)/triton-package/triton" ] || \
		$(VENV)/python -m pip install --quiet --no-deps --target "$(CACHE)/triton-package" triton==3.6.0

setup: ## set up .venv with everything for the other targets, and nothing else
	@$(SETUP) test

lint: ## check formatting, style and types
	@$(SETUP) test
	$(VENV)/python -m ruff format --check .
	$(VENV)/python -m ruff check .
	$(VENV)/python -m mypy

format: ## format the code and mend what ruff can mend
	@$(SETUP) test
	$(VENV)/python -m ruff check --fix .
	$(VENV)/python -m ruff format .

docs: ## build the documentation into site
	@$(SETUP) docs
	$(VENV)/python -m mkdocs build --strict

bench: ## time the parts against their references
	@$(SETUP) test
	@$(RUN) -m benchmarks $(ARGS)

clean: ## remove caches and the built documentation; .venv and runs stay
	rm -rf .cache site build *.egg-info
