# The commands of the course. `make` alone lists them. Settings go behind the command: make lab TORCH=cpu
PYTHON   ?= python3
VENV     ?= .venv
TORCH    ?= default
HEADLESS ?= 0
OUT      ?= build/student-edition
TESTS    ?=

BIN     := $(VENV)/bin
DATALAB := $(BIN)/python -m utils.commands
START   := lab0_start_here/0_start_here.ipynb

# The packages of this folder are the ones to use, whichever folder the environment was installed from.
export PYTHONPATH := $(CURDIR)
# Small matrices: a second thread gains nothing on a quiet machine and costs much when the other core is busy.
export OMP_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

# The stamp's name holds a checksum of what is pinned: another lock file means another stamp, and so an installation.
STAMP := $(VENV)/.installed-$(shell cat requirements.lock pyproject.toml | cksum | cut -d' ' -f1)
LOG   := $(VENV)/install.log

.DEFAULT_GOAL := help
.PHONY: help setup lab check clean
help:
	@echo "make <command>   (settings: PYTHON=python3.12  TORCH=cpu  VENV=.venv)"
	@echo
	@sed -n '$(UP_TO)s/^\([a-z-]*\):[^#]*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

lab: setup ## open the course in JupyterLab; HEADLESS=1 runs the labs and leaves pages in build/
	@$(DATALAB) data check || $(DATALAB) data restore
	@$(DATALAB) work
ifeq ($(HEADLESS),1)
	@$(DATALAB) run $(HEADLESS_LABS) --to build
else
	@$(BIN)/jupyter lab --ServerApp.root_dir=work --LabApp.default_url=/lab/tree/$(START) \
	  --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate \
	  $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_OPTIONS)
endif

check: setup ## say what stands in the way of handing in your notebooks (LAB=lab1_handwritten_numbers)
	@test -n "$(LAB)" || { echo "Say which lab: make check LAB=lab1_handwritten_numbers"; exit 1; }
	@$(DATALAB) check "$(LAB)"

clean: ## remove what the commands made (not .venv, not work/, no submissions and no marks)
	@rm -rf build .pytest_cache .ruff_cache .hypothesis *.egg-info
	@find . -path './.venv' -prune -o -path './.git' -prune -o -name __pycache__ -type d -print | xargs rm -rf

# --- set-up --------------------------------------------------------------------------------------------------------
setup: $(STAMP)

$(STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "The course needs Python 3.11 or newer; '$(PYTHON) --version' says: $$($(PYTHON) --version 2>&1 | tail -1)"; \
	  echo "Install a newer Python and name it: make lab PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "This Python cannot make environments: its module 'venv' is missing."; \
	  echo "On Debian or Ubuntu install it with: sudo apt install python3-venv   Then start again."; exit 1; }
	@test ! -e $(VENV) -o -e $(VENV)/pyvenv.cfg || { \
	  echo "$(VENV) exists and is no Python environment: remove it or choose another name with VENV=..."; exit 1; }
	@$(BIN)/python -c 'import pip' 2>/dev/null || { \
	  $(PYTHON) -c 'import shutil; exit(shutil.disk_usage(".").free < $(GIGABYTES) * 10**9)' || { \
	    echo "The installation needs $(GIGABYTES) GB of free disk space and there is less: make room, or try TORCH=cpu."; \
	    exit 1; }; \
	  $(PYTHON) -m venv --clear $(VENV); }
ifeq ($(TORCH),cpu)
	@echo "Installing the CPU build of torch into $(VENV) ..."
	@{ $(BIN)/python -m pip install uv && $(BIN)/python -m uv pip install --python $(BIN)/python --torch-backend=cpu \
	  $(shell sed -n '/^torch==/p; /^torchvision==/p' requirements.lock); } > $(LOG) 2>&1 || \
	  echo "The CPU build could not be reached, so the default build is taken; it runs on the CPU too, and is larger."
endif
	@echo "Installing the course into $(VENV): once, 2 to 10 minutes ..."
	@{ $(BIN)/python -m pip install --no-input --disable-pip-version-check -r requirements.lock && \
	   $(BIN)/python -m pip install --no-input --disable-pip-version-check --no-deps --no-build-isolation --editable . ; } > $(LOG) 2>&1 || { \
	  tail -3 $(LOG); \
	  if grep -q "No space left" $(LOG); then echo "The disk is full: make room ($(GIGABYTES) GB) and start again."; \
	  else echo "The installation stopped. Check the network and start again; the whole account is in $(LOG)."; fi; exit 1; }
	@rm -f $(VENV)/.installed-*
	@touch $@

GIGABYTES := $(if $(filter cpu,$(TORCH)),4,8)

# --- the student edition ends here: it has no sources, no solutions, no tests ---------------------------------------
ifeq ($(wildcard course/source),)
HEADLESS_LABS := course/release/lab0_start_here
UP_TO         := /^ifeq ...wildcard course/q;
else
HEADLESS_LABS := $(sort $(wildcard solutions/lab*))

.PHONY: test system lint format glossary release solutions grade student-edition bench lock
# Programs that tests need: the sandbox, a database server, a browser, and npm for the proxy of the class server.
system: setup
	@missing="$$(command -v bwrap > /dev/null || echo bubblewrap) \
	  $$(ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1 || command -v initdb > /dev/null || echo postgresql) \
	  $$(command -v chromium > /dev/null || command -v chromium-browser > /dev/null || command -v google-chrome > /dev/null \
	    || echo chromium) \
	  $$(command -v npm > /dev/null || echo npm)"; \
	test -z "$$(echo $$missing)" || { \
	  if command -v apt-get > /dev/null && test "$$(id -u)" = 0; then \
	    echo "Installing $$(echo $$missing) ..."; export DEBIAN_FRONTEND=noninteractive; \
	    { apt-get install -y -qq $$missing || { apt-get update -qq && apt-get install -y -qq $$missing; }; } \
	      > $(VENV)/apt.log 2>&1 || tail -3 $(VENV)/apt.log; \
	  else echo "Some tests will be skipped without: sudo apt-get install $$(echo $$missing)"; fi; }
	@test -x $(VENV)/node/node_modules/.bin/configurable-http-proxy || \
	  npm install --silent --no-fund --no-audit --prefix $(VENV)/node configurable-http-proxy@5 > $(VENV)/npm.log 2>&1 || \
	  echo "The test of the class server will be skipped: it needs npm, to install configurable-http-proxy."

test: system ## run everything CI runs: lint, unit tests, notebooks, grading (TESTS=tests/grading: a part)
	@$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder --durations=15 $(TESTS)

lint: setup ## say what ruff finds in code and notebooks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: setup ## let ruff mend what it can, and take outputs out of the source notebooks
	@$(BIN)/nbstripout --keep-id course/source/*/*.ipynb
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

glossary: setup ## make the glossary's entries on metrics from the docstrings in utils/evaluation
	@$(DATALAB) glossary

release: setup ## generate the students' copies from course/source (LAB=lab1_handwritten_numbers: one lab)
	@$(DATALAB) release $(LAB)

solutions: setup ## generate and execute the solved notebooks from course/source (LAB=...: one lab)
	@$(DATALAB) solutions $(LAB)

grade: setup ## grade submitted/<student>/LAB/ in sandboxes (LAB=...; FROM=, WORKERS=, SCHEDULER=, DB=, UNSAFE=1)
	@test -n "$(LAB)" || { echo "Say which lab: make grade LAB=lab1_handwritten_numbers"; exit 1; }
	@$(DATALAB) grade "$(LAB)" $(if $(FROM),--from "$(FROM)") $(if $(WORKERS),--workers $(WORKERS)) \
	  $(if $(SCHEDULER),--scheduler $(SCHEDULER)) $(if $(DB),--db "$(DB)") $(if $(filter 1,$(UNSAFE)),--unsafe-no-sandbox)

student-edition: setup ## write the folder to publish to a class (OUT=build/student-edition)
	@$(DATALAB) student-edition "$(OUT)"

bench: setup ## measure speed against the obvious way, as ratios
	@for script in $$(grep -l __main__ benchmarks/*.py); do $(BIN)/python "$$script" || exit 1; done

lock: setup ## write requirements.lock anew from pyproject.toml (UPGRADE=--upgrade: newest versions; needs the network)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 --extra dev --no-annotate --no-header \
	  $(UPGRADE) --output-file requirements.lock pyproject.toml
	@# torch's own CUDA packages: its default build brings them along, and a CPU build needs none of them.
	@grep -v -E '^(nvidia-|cuda-|triton==)' requirements.lock > requirements.lock.new && mv requirements.lock.new requirements.lock
endif
