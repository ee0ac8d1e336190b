# Everything runs in a virtual environment of its own, made on first use; a machine needs Python >= 3.11.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV   ?= .venv
BIN    := $(VENV)/bin
PORT   ?= 8000
JOBS   ?= 3
SOAK   ?= 10
TALLY   = $(VENV)/faults.jsonl
STAMP   = $(VENV)/.installed-$(1)
PIN     = $(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-annotate \
          --only-binary :all: --python-version 3.13 --python-platform linux --custom-compile-command 'make pins'
AS_ROOT = $(if $(filter 0,$(shell id -u)),,sudo)

.PHONY: chromium nginx redis-server fuzz mutants dist hooks run test coverage soak test-aiohttp lint format bench charts bench-smoke pins ready docs links screenshots clean help

help: ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(call STAMP,run) ## a server with a simulated feed; PORT=8000
	$(BIN)/scores demo --port $(PORT)

test: $(call STAMP,test) redis-server chromium nginx ## all tests, with a real redis-server and a real browser; JOBS=3, ARGS=
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist worksteal $(ARGS)

coverage: $(call STAMP,test) redis-server chromium nginx ## the same, with branch coverage, which takes half as long again
	$(MAKE) test ARGS="--cov --cov-report=term:skip-covered --cov-fail-under=95 $(ARGS)"

soak: $(call STAMP,test) redis-server chromium nginx ## the fault suite for long, and the table of what it saw; SOAK=10 times as long, ARGS=
	@rm -f $(TALLY)
	SCORES_SOAK=$(SOAK) SCORES_FAULT_TALLY=$(abspath $(TALLY)) $(BIN)/python -m pytest -n0 --timeout=0 -m faults -s $(ARGS); \
	status=$$?; $(BIN)/python tests/faults/table.py $(TALLY); exit $$status

fuzz: $(call STAMP,fuzz) ## each reader of what clients and feeds send, fuzzed by atheris (Linux); SECONDS=60, WHAT=
	for name in $(or $(WHAT),sse score bulk event cursor query express); do \
	PYTHONPATH=tests $(BIN)/python -m faults.fuzz $$name $(or $(SECONDS),60) || exit 1; done

test-aiohttp: $(call STAMP,aiohttp) ## the express lane on the oldest aiohttp that it knows, and with its parser in Python
	PYTHONPATH=$(VENV)/aiohttp-oldest $(BIN)/python -m pytest -q tests/web/express -k 'not every_c'
	AIOHTTP_NO_EXTENSIONS=1 $(BIN)/python -m pytest -q tests/web/express -k 'not every_c'

ready: $(foreach one,run test aiohttp lint,$(call STAMP,$(one))) redis-server # all that the checks install, for when they run side by side

lint: $(call STAMP,lint) ## types and style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(call STAMP,lint) ## mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

hooks: $(call STAMP,lint) $(call STAMP,hooks) ## have each commit checked as `make lint` does, by pre-commit
	$(BIN)/pre-commit install

dist: $(call STAMP,dist) ## the source distribution and the wheel, in dist/, for a release
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

bench: $(VENV)-bench/.installed ## the same job on other frameworks, and k sequential POSTs, at the committed settings
	mkdir -p docs/images
	$(VENV)-bench/bin/python -m benchmarks peers --seconds 2 --rounds 5 --json benchmarks/results/peers.json
	$(VENV)-bench/bin/python -m benchmarks post -k 200000 --json benchmarks/results/post.json
	$(VENV)-bench/bin/python -m benchmarks charts

charts: $(call STAMP,run) ## the charts in docs/images, made of the figures in benchmarks/results
	$(BIN)/python -m benchmarks charts

bench-smoke: $(call STAMP,run) redis-server ## every benchmark at a tiny size, to see that it works
	$(BIN)/python -m benchmarks smoke

mutants: $(call STAMP,test) redis-server ## every small change to the modules that are worth it, and which no test notices; ARGS="--most 24 scores.exact"
	PYTHONPATH=tests $(BIN)/python -m mutation $(ARGS)

redis-server: # which the tests start for themselves; the package is Debian's
	@command -v redis-server >/dev/null || { echo "installing redis-server, which the tests start"; $(AS_ROOT) apt-get update -qq && $(AS_ROOT) apt-get install -qq --yes --no-install-recommends redis-server >/dev/null; } \
	|| { echo "the tests need a redis-server (7.0 or later) on the PATH: please install one"; exit 1; }

nginx: # behind which the tests put a server; the package is Debian's
	@PATH="$$PATH:/usr/sbin" command -v nginx >/dev/null || { echo "installing nginx-light, behind which the tests put a server"; $(AS_ROOT) apt-get update -qq && $(AS_ROOT) apt-get install -qq --yes --no-install-recommends nginx-light >/dev/null; } \
	|| { echo "the tests need an nginx on the PATH, or in /usr/sbin: please install one"; exit 1; }

chromium: # in which the tests look at pages; the package is Debian's
	@command -v chromium >/dev/null || { echo "installing chromium, in which the tests look at pages"; $(AS_ROOT) apt-get update -qq && $(AS_ROOT) apt-get install -qq --yes --no-install-recommends chromium >/dev/null; } \
	|| { echo "the tests need a chromium on the PATH: please install one"; exit 1; }

pins: $(call STAMP,pins) ## renew requirements/: what the image is made of, with hashes, from pyproject.toml
	$(PIN) pyproject.toml --output-file requirements/image.txt
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' | $(PIN) - --output-file requirements/build.txt

docs: $(call STAMP,test) ## the documentation as a site in build/docs, where a warning is an error; then its examples and links
	$(BIN)/python -m sphinx -W --keep-going -n -q -E docs build/docs
	$(BIN)/python -m pytest -q -n0 tests/test_readme.py tests/test_docs_client.py tests/test_docs_pages.py tests/test_docs_site.py tests/test_charts.py

links: $(call STAMP,test) ## whether the links to other sites still lead somewhere; needs the internet
	$(BIN)/python docs/building/links.py

screenshots: $(call STAMP,test) chromium ## the pictures of the page at /, made anew
	SCORES_PICTURES=docs/images $(BIN)/python -m pytest -q tests/browser/test_page_pictures.py

clean: ## forget the virtual environments and all caches
	rm -rf $(VENV) $(VENV)-bench .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "scores needs Python 3.11 or later; set PYTHON=…"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { $(PYTHON) -m pip install --user virtualenv && $(PYTHON) -m virtualenv $(VENV); }

$(call STAMP,run): $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(call STAMP,test): $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

# Apart, because some that we compare with ask for older versions of what the server is tested with.
$(VENV)-bench/.installed: $(VENV)/bin/python pyproject.toml
	$(PYTHON) -m venv $(VENV)-bench || $(PYTHON) -m virtualenv $(VENV)-bench
	$(VENV)-bench/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

$(call STAMP,aiohttp): $(call STAMP,test)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(VENV)/aiohttp-oldest aiohttp==3.14.4
	@touch $@

$(call STAMP,pins): $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
	@touch $@

$(call STAMP,hooks): $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pre-commit>=4'
	@touch $@

$(call STAMP,dist): $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'build>=1.2' 'twine>=6'
	@touch $@

$(call STAMP,fuzz): $(call STAMP,test)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,fuzz]'
	@touch $@

$(call STAMP,lint): $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,lint]'
	@touch $@
