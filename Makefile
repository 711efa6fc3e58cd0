# One command a need. The first one sets up .venv from hash-locked requirements; nothing is installed outside this folder.

READY  := .venv/.ready
BIN    := .venv/bin
# Tests on Spark need a Java: without one they are skipped, and Spark is not fetched.
SPARK  := $(if $(shell java -version 2>&1 | grep -i version),.venv/.spark)
# The first Python that is new enough and can make an environment. Another one: make test PYTHON=/path/to/python
PYTHON ?= $(shell for p in python3.11 python3 python3.14 python3.13 python3.12; do \
	$$p -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
WORKERS ?= 2
WEB    := $(shell find web src/headwater/web/components -name node_modules -prune -o -type f -print)
UV     ?= uv

# Tests start hundreds of programs: each would compile the whole package again where Python may not keep what it compiled.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo assets picture screenshots test check verify bench format lock clean

help: ## This list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/make \1\t\2/' | expand -t 14

setup: $(READY) $(SPARK) ## The environment in .venv (every other target makes it when needed)

assets: $(READY) ## The page's scripts and styles (web/ and the components) built into the package
	$(BIN)/python build_assets.py

demo: $(READY) ## A made-up company to look at: draws it, loads it, serves its page (ARGS="--no-serve" and others)
	$(BIN)/headwater demo --dir build/demo $(ARGS)

test: $(READY) $(SPARK) ## Run the tests (ARGS="-k name" to choose)
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal $(ARGS)

picture: $(READY) ## The README's picture, of the demo that `make demo` made (needs chromium)
	$(BIN)/python -m tests.web.screenshots --picture docs/page.png

screenshots: $(READY) ## Every page in light, dark and phone width, into build/screenshots (needs chromium)
	$(BIN)/python -m tests.web.screenshots $(ARGS)

check: $(READY) ## Lint, format, types (also of the browser's code), import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python build_assets.py --types

verify: $(READY) $(SPARK) ## The long checks: property tests with many more examples, and tests marked `verify`
	HEADWATER_VERIFY=1 $(BIN)/python -m pytest -q -n $(WORKERS) -m verify --timeout 3600 $(ARGS)

bench: $(READY) ## Measure speed against the floor
	$(BIN)/python -m bench $(ARGS)

format: $(READY) ## Sort imports and format in place
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

COMPILE := pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command 'make lock' --quiet
lock: ## Compile the locked requirements anew, those of Spark too (needs uv)
	$(UV) $(COMPILE) pyproject.toml requirements/dev.in --extra pandas --only-binary :all: \
		--output-file requirements/dev.txt
	$(UV) $(COMPILE) requirements/spark.in --no-deps --output-file requirements/spark.txt
	$(UV) $(COMPILE) requirements/spark-build.in --no-deps --output-file requirements/spark-build.txt

clean: ## Remove the environment, caches and builds
	rm -rf .venv build dist web/node_modules src/headwater/web/static .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find bench src tests -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# What is imported is compiled then; most of what is installed never is.
PIP    := $(BIN)/python -m pip install -q --no-compile
$(READY): requirements/dev.txt pyproject.toml build_assets.py $(WEB)
	@test -n "$(PYTHON)" || { echo "Headwater needs Python 3.11 or newer with its venv module" \
		"(Debian and Ubuntu: apt install python3-venv). Name one with: make PYTHON=..." >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --require-hashes --only-binary :all: -r requirements/dev.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

# The wheel is built here, from sources that are mostly finished archives: not compressing them again halves the time.
.venv/.spark: requirements/spark.txt requirements/spark-build.txt | $(READY)
	$(PIP) --require-hashes --only-binary :all: -r requirements/spark-build.txt
	$(PIP) --require-hashes --no-deps --no-build-isolation \
		--config-settings=--build-option=--compression=stored -r requirements/spark.txt
	@touch $@
