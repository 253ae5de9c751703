# make demo   one command, on a bare machine: see the house at work
# make test   the whole suite
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test torture check bench freeze generate clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(STAMP) ## three generations of an app on a real Postgres while its API version is switched
	@$(BIN)/dbkit demo

test: $(STAMP) ## the whole suite, on the embedded server (or DATABASE_URL)
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 $(ARGS)

torture: $(STAMP) ## the stress, crash and random history tests, five times as long (DBKIT_SEED, DBKIT_TORTURE)
	@DBKIT_TORTURE=$${DBKIT_TORTURE:-5} $(BIN)/python -m pytest -n 0 -s tests/events/test_read_all_stress.py \
		tests/events/test_crash.py tests/events/test_state_machine.py \
		tests/events/test_delivery_machine.py tests/worker/test_faults.py \
		tests/cqrs/test_execute_query_stress.py tests/cqrs/test_execute_command_stress.py $(ARGS)

check: $(STAMP) ## lint, format, types, SQL style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/sqlfluff lint --disable-progress-bar sql
	$(BIN)/python -m dbkit.freeze --check

bench: $(STAMP) ## what a routed call costs, as ratios in one run
	@$(BIN)/python -m benchmarks $(ARGS)

freeze: $(STAMP) ## make freeze m="what it does": a revision from what changed in sql/
	@$(BIN)/python -m dbkit.freeze "$(m)"

generate: $(STAMP) ## typed calls, error classes and the error table, from the catalog
	@$(BIN)/python -m dbkit.typegen
	@$(BIN)/python docs/reference/generate.py

clean: ## the virtual environment and what tools left
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
