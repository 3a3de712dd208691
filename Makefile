# Two commands do everything on a fresh machine: make run, make test.
.DEFAULT_GOAL := help
.PHONY: help run replay train test check deploy-check format bench load nightly soak lock clean \
	check-types check-sql check-advisors check-template check-code

# Where this is set, each process that a test starts compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
MINUTES ?= 10
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --no-input
# A shim may exist and fail, so each candidate is run before it is chosen.
PYTHON ?= $(shell for candidate in python3.12 python3.13 python3.11 python3; do \
	$$candidate -c 'import sys, ensurepip; assert (3, 11) <= sys.version_info[:2] < (3, 14)' \
	2>/dev/null && echo $$candidate && break; done)

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/installed-run ## Guard real positions on real price data, here (ARGS="--once" and others)
	@$(BIN)/stopward up $(ARGS)

test: $(VENV)/installed-dev ## Run every test but the nightly ones
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not nightly" $(ARGS)

# Two at a time: what each prints is kept together where make can do that (4.0 and later).
CHECKS := check-types check-sql check-advisors check-template check-code
check: $(VENV)/installed-dev ## Lint, types, import rules, SQL, Supabase's advisors, template
	@$(MAKE) --no-print-directory -j2 $(if $(filter output-sync,$(.FEATURES)),--output-sync) $(CHECKS)

check-types:
	$(BIN)/mypy

check-sql:
	$(BIN)/squawk supabase/migrations/*.sql
	$(BIN)/python -m tests.repo.lint_sql

check-advisors:
	$(BIN)/python -m tests.repo.advisors

check-template:
	$(BIN)/cfn-lint template.yaml infra/sweep.yaml

check-code:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

deploy-check: $(VENV)/installed-dev $(VENV)/installed-deploy ## Build what is deployed and call it as Lambda does
	@$(BIN)/python -m tests.deploy

replay: $(VENV)/installed-replay ## Replay positions over bars (ARGS="--bars FILE --positions FILE")
	@$(BIN)/stopward replay $(ARGS)

train: $(VENV)/installed-train ## Train a model on closed trades (ARGS="--csv FILE")
	@$(BIN)/stopward model train $(ARGS)

format: $(VENV)/installed-dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/installed-bench $(VENV)/installed-deploy ## Print the benchmarks and write benchmarks/results/*.json
	$(BIN)/python -m benchmarks

load: $(VENV)/installed-dev ## Run a fleet of 1,000 accounts: nothing lost, nothing doubled (ARGS="--minutes 3")
	$(BIN)/python -m benchmarks.load $(ARGS)

nightly: $(VENV)/installed-dev ## Run the long tests that `make test` leaves out
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m nightly $(ARGS)

soak: $(VENV)/installed-dev ## Break ticks at random: MINUTES fast, MINUTES of the stack, and a day
	$(BIN)/python -m tests.faults.soak --minutes $(MINUTES)
	$(BIN)/python -m tests.faults.soak --minutes $(MINUTES) --stack
	$(BIN)/python -m tests.faults.day

# httpcore loads it where it is installed, and no function speaks it.
NO_HTTP2 := $(addprefix --no-emit-package ,h2 hpack hyperframe)

lock: ## Compile the pins again (needs uv)
	uv pip compile pyproject.toml --extra local --extra replay --extra train --group dev \
		--universal --generate-hashes --python-version 3.11 --no-header -q -o requirements/dev.txt
	uv pip compile pyproject.toml --extra local --group build --universal --generate-hashes \
		--python-version 3.11 --no-header -q -c requirements/dev.txt -o requirements/local.txt
	uv pip compile pyproject.toml --extra local --extra replay --group build --universal \
		--generate-hashes --python-version 3.11 --no-header -q -c requirements/dev.txt \
		-o requirements/replay.txt
	uv pip compile pyproject.toml --extra local --extra train --group build --universal \
		--generate-hashes --python-version 3.11 --no-header -q -c requirements/dev.txt \
		-o requirements/train.txt
	uv pip compile pyproject.toml --extra local --extra replay --group bench --universal \
		--generate-hashes --python-version 3.11 --no-header -q -c requirements/dev.txt \
		-o requirements/bench.txt
	uv pip compile requirements/data.in --no-deps --universal --generate-hashes \
		--python-version 3.11 --no-header -q -o requirements/data.txt
	uv pip compile pyproject.toml --python-version 3.12 --python-platform x86_64-manylinux_2_28 \
		--generate-hashes --no-header -q -c requirements/dev.txt $(NO_HTTP2) \
		-o layers/deps/requirements.txt
	uv pip compile --group onnx --no-deps --python-version 3.12 \
		--python-platform x86_64-manylinux_2_28 --generate-hashes --no-header -q \
		-c requirements/dev.txt -o layers/onnx/requirements.txt
	uv pip compile pyproject.toml --extra replay --python-version 3.12 \
		--python-platform x86_64-manylinux_2_28 --generate-hashes --no-header -q \
		-c requirements/dev.txt -o requirements/shard.txt
	uv pip compile pyproject.toml --extra train --python-version 3.12 \
		--python-platform x86_64-manylinux_2_28 --generate-hashes --no-header -q \
		-c requirements/dev.txt $(NO_HTTP2) -o requirements/train_model.txt
	uv pip compile --group deploy --universal --generate-hashes --python-version 3.11 \
		--no-header -q -o requirements/deploy.txt
	uv pip compile --group runtime --python-version 3.12 \
		--python-platform x86_64-manylinux_2_28 --generate-hashes --no-header -q \
		-c requirements/dev.txt -o requirements/runtime.txt

clean: ## Remove the virtual environment and what runs left behind
	@if [ -x $(BIN)/stopward ]; then \
		$(BIN)/stopward --folder .stopward db remove --yes || [ $$? -ne 3 ]; fi
	rm -rf $(VENV) .stopward infra/tools/node_modules

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 with venv is needed; none was found" >&2; exit 2; }
	@echo "Setting up $(VENV) with $(PYTHON): once, about a minute" >&2
	@$(PYTHON) -m venv $(VENV)

$(VENV)/installed-run: requirements/local.txt requirements/data.txt pyproject.toml | $(VENV)/bin/python
	@$(PIP) install --no-deps --require-hashes -r requirements/local.txt
	@rm -rf $(VENV)/data && $(PIP) install --no-deps --require-hashes --target $(VENV)/data -r requirements/data.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/installed-replay: requirements/replay.txt $(VENV)/installed-run
	@$(PIP) install --no-deps --require-hashes -r requirements/replay.txt
	@touch $@

$(VENV)/installed-train: requirements/train.txt $(VENV)/installed-run
	@$(PIP) install --no-deps --require-hashes -r requirements/train.txt
	@touch $@

$(VENV)/installed-bench: requirements/bench.txt $(VENV)/installed-dev
	@$(PIP) install --no-deps --require-hashes -r requirements/bench.txt
	@touch $@

$(VENV)/installed-dev: requirements/dev.txt $(VENV)/installed-run
	@$(PIP) install --no-deps --require-hashes -r requirements/dev.txt
	@touch $@

# The tools of AWS pin old versions of what others need: an environment of their own.
$(VENV)/installed-deploy: requirements/deploy.txt | $(VENV)/bin/python
	@echo "Setting up $(VENV)/deploy: once, about two minutes" >&2
	@rm -rf $(VENV)/deploy && $(BIN)/python -m venv $(VENV)/deploy
	@$(VENV)/deploy/bin/python -m pip --disable-pip-version-check --quiet --no-input install \
		--no-deps --require-hashes -r requirements/deploy.txt
	@touch $@
