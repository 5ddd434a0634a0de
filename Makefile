# `make run` shows the main job, `make test` is what CI does. Both make the environment they need.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install -q -c constraints.txt
# One thread a process: the work is parallel over processes.
export OMP_NUM_THREADS ?= 1

.PHONY: run test format clean
.DELETE_ON_ERROR:

run: $(VENV)/run.stamp
	$(BIN)/leyden study run dendrites --members 10 --splits 2 -o runs/dendrites

test: $(VENV)/test.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy src
	$(BIN)/pytest -n 2

format: $(VENV)/test.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) runs build dist

# torch comes first and alone, so that nothing installed later chooses another build of it.
$(VENV)/torch.stamp: constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) torch
	touch $@

$(VENV)/run.stamp: $(VENV)/torch.stamp pyproject.toml
	$(PIP) -e .
	touch $@

$(VENV)/test.stamp: $(VENV)/torch.stamp pyproject.toml
	$(PIP) -e ".[dev]"
	touch $@ $(VENV)/run.stamp
