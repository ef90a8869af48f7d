PYTHON ?= python3
BIN := .venv/bin
DEMO := runs/coloring
INSTALL := $(BIN)/python -m pip install -c constraints.txt

.PHONY: demo demo-digits test lint bench notebooks docs clean

demo: .venv/.run
	$(BIN)/python -m gram_pyro.train $(if $(wildcard $(DEMO)/checkpoint-*.pt),--resume $(DEMO),--task coloring --out $(DEMO))
	$(BIN)/python -m gram_pyro.evaluate $(DEMO)

demo-digits: .venv/.run
	$(BIN)/python -m gram_pyro.train --continue --task digits --out runs/digits
	$(BIN)/python -m gram_pyro.evaluate runs/digits --problems 255 --samples 4 --steps 64
	$(BIN)/python -m gram_pyro.sample runs/digits --samples 64 --out runs/digits

test: .venv/.dev
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

lint: .venv/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict gram_pyro benchmarks

notebooks: .venv/.dev
	$(BIN)/python notebooks/run.py

docs: .venv/.dev
	$(BIN)/mkdocs build --strict

bench: .venv/.run
	$(BIN)/python -m benchmarks.step --repeats 20
	$(BIN)/python -m benchmarks.sample --short
	$(BIN)/python -m benchmarks.scaling --short --repeats 5

clean:
	rm -rf .venv build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -m venv .venv

.venv/.run: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) -e .
	touch $@

.venv/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) -e '.[dev]'
	touch .venv/.run $@
