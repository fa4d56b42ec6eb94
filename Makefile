# The everyday commands. Each first makes the environment that it needs, in .venv.
#
# Where the package index of this machine has a CPU build of torch, that is what comes; elsewhere
# PIP_INDEX_URL or PIP_EXTRA_INDEX_URL chooses the index, and TORCH= the version.
PYTHON ?= python3
VENV ?= .venv
TORCH ?= torch==2.13.0
# Alone: it would bring torchvision, which its networks do not need.
TIMM ?= timm==1.0.31
BIN = $(VENV)/bin

.PHONY: help demo test check docs coverage regenerate

help:
	@echo 'make demo        install x3dspec, without torch, and see the first answer'
	@echo 'make test        install all that the tests need, and run them'
	@echo 'make check       lint, types, documentation and generated code, as CI does'
	@echo 'make docs        the site, in site/'
	@echo 'make regenerate  rewrite what comes from the code: generated/, specs/schema.json, docs/'

demo: $(VENV)/.demo
	$(BIN)/x3dspec budget --target 4.7GFLOPs --emit net.py

test: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --durations 20

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python docs/generate.py --check
	$(BIN)/x3dspec schema | diff - specs/schema.json
	$(BIN)/x3dspec emit --out generated/ --check

docs: $(VENV)/.test
	$(BIN)/pip install --quiet -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

coverage: $(VENV)/.test
	$(BIN)/coverage run -m pytest -n 0
	$(BIN)/coverage report

regenerate: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python docs/generate.py
	$(BIN)/x3dspec schema > specs/schema.json.new && mv specs/schema.json.new specs/schema.json
	$(BIN)/x3dspec emit --out generated/

$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@touch $@

# torch first, by itself: what needs it takes what is there.
$(VENV)/.test: $(VENV)/.made pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check '$(TORCH)'
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps '$(TIMM)'
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@
