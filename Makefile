PYTHON ?= python3
BIN := .venv/bin
# Environments are made once for each state of their constraints; `make clean` starts afresh.
DEV := .venv/.made
GENERATOR := .venv-generator/.made
PIP_INSTALL := install --quiet --disable-pip-version-check --require-hashes --requirement
VERSION ?=
URL ?=
SPEC ?=
ORIGIN ?=
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-annotate --no-header --upgrade

.DEFAULT_GOAL := help
.PHONY: help regen sync docs report demo record live test lint format types drift wheel golden bench constraints clean

help:
	@sed -n 's/^\([a-z]*\):.*  ## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

$(DEV): constraints.txt pyproject.toml
	@echo "making .venv (once)"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, this is " + sys.version.split()[0] + "; say make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/pip $(PIP_INSTALL) constraints.txt
	@mkdir -p generated/dhis2_bindings
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

$(GENERATOR): scripts/regen/generator.txt
	@echo "making .venv-generator (once)"
	@$(PYTHON) -m venv --clear .venv-generator
	@.venv-generator/bin/pip $(PIP_INSTALL) scripts/regen/generator.txt
	@touch $@

regen: $(DEV) $(GENERATOR)  ## generate the bindings: all versions, or VERSION=42; a new one with URL=https://… or SPEC=file
	@$(BIN)/python -m scripts.regen $(if $(VERSION),--version "$(VERSION)") $(if $(URL),--url "$(URL)") \
		$(if $(SPEC),--spec "$(SPEC)") $(if $(ORIGIN),--origin "$(ORIGIN)")

sync: $(DEV)  ## derive the sync client from the async one
	@$(BIN)/python -m scripts.derive_sync

docs: $(DEV)  ## docs/cli.md and the captures, from the commands themselves
	@$(BIN)/python -m scripts.docs

report: $(DEV)  ## what changed between two versions: make report FROM=41 TO=42
	@$(BIN)/python -m scripts.regen --report "$(FROM)" "$(TO)"

demo: $(DEV)  ## a day through the facade, against a server that comes with it: VERSION=40, 41 or 42
	@$(BIN)/python examples/demo.py $(if $(VERSION),--version "$(VERSION)")

record: $(DEV)  ## record the cassettes anew from a server: URL=https://… VERSION=42 TEST_SERVER=yes OUT=folder
	@[ -n "$(URL)" ] && [ -n "$(VERSION)" ] || { echo "say URL=https://… and VERSION=42" >&2; exit 1; }
	@$(BIN)/python -m scripts.record --url "$(URL)" --version "$(VERSION)" --test-server "$(TEST_SERVER)" \
		$(if $(OUT),--out "$(OUT)")

live: $(DEV)  ## the facade's tests on a server: URL=https://… VERSION=42
	@[ -n "$(URL)" ] && [ -n "$(VERSION)" ] || { echo "say URL=https://… and VERSION=42" >&2; exit 1; }
	@DHIS2_LIVE_URL="$(URL)" DHIS2_LIVE_VERSION="$(VERSION)" $(BIN)/python -m pytest tests/live

test: $(DEV) $(GENERATOR)  ## the tests
	@$(BIN)/python -m pytest $(TESTS)

lint: $(DEV)  ## style, and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache

format: $(DEV)  ## put the hand-written code into shape
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(DEV)  ## mypy --strict over everything, the generated trees too, and basedpyright over the facade
	@$(BIN)/mypy
	@$(BIN)/basedpyright

drift: $(DEV) $(GENERATOR)  ## make what is generated and derived into a second place and compare
	@$(BIN)/python -m scripts.regen --check
	@$(BIN)/python -m scripts.derive_sync --check

wheel: $(DEV)  ## build the wheel, install it in a clean environment, import all of it, check the types of its users
	@$(BIN)/python scripts/check_wheel.py

golden: $(DEV) $(GENERATOR)  ## record the output of the small golden document anew
	@$(BIN)/python -m tests.regen.golden

bench: $(DEV) $(GENERATOR)  ## the figures, as ratios of one run
	@$(BIN)/python -m benchmarks

constraints: $(DEV)  ## pin the newest versions of all tools
	@$(COMPILE) pyproject.toml --all-extras --group dev --output-file constraints.txt
	@$(COMPILE) --group generator --output-file scripts/regen/generator.txt
	@$(COMPILE) --group benchmark --output-file benchmarks/constraints.txt

clean:  ## remove environments, caches and builds
	@rm -rf .venv .venv-generator build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
