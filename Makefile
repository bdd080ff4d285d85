# The two commands: `make demo` and `make test`. Everything else: `make help`.
#
# A target that needs the virtual environment depends on $(SETUP), which is made from the pinned
# versions in pyproject.toml and left alone as long as that file is unchanged.

VENV   := .venv
SETUP  := $(VENV)/.setup
IN     := $(VENV)/bin
SOURCES := services tests deploy
# The first interpreter that is new enough; `make PYTHON=… demo` overrides.
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$each" && break; done)

MUTANTS := .build/mutants

# Tests wait for brokers more than they compute. A file stays with one worker, and each worker has
# a broker and a database of its own.
WORKERS ?= 3
PYTEST := $(IN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# What is tested uncompiled too: there its examples alone reach every branch of the domain, and the
# laws, which take long under a tracer, run without one.
PURE_TESTS := tests/domain tests/scenarios tests/schemas tests/contracts
COVERAGE := --cov=drawdown.domain --cov-branch --cov-fail-under=100 --cov-report=term-missing:skip-covered
COMPILE_LOG := .build/compile.log

define STALE
$(IN)/python -c 'import sys, drawdown.compiled as c; old = c.stale(); \
	sys.exit("compiled before its sources changed, run make compile: " + ", ".join(old) if old else 0)'
endef

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test uncompiled check checked format compile bench simulate chaos mutants clean setup

help: ## Show this list
	@echo "Drawdown: prepaid credits, drawn down by usage events"
	@echo
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1 \2/' \
		| awk '{ command = $$1 " " $$2; $$1 = $$2 = ""; printf "  %-14s %s\n", command, $$0 }'
	@echo
	@echo "  demo takes ONCE=1 (stop when the trace is through, and audit), TRACE=FILE, SEED=N, RATE=N;"
	@echo "  chaos takes EACH=faults of each kind, SECONDS=N, EVENTS=N, KINDS=kind,kind, SEED=N, RATE=events/s;"
	@echo "  bench takes ONLY=key,key, EVENTS=N (in the ledger that is projected; 5000000 for rebuild_over_live);"
	@echo "  simulate takes FROM=N, mutants ONLY='drawdown.domain.lots*'; test takes WORKERS=N;"
	@echo "  every target takes PYTHON=python3.x"

demo: compile ## Start everything, play usage through it, watch balances move (Ctrl-C ends it)
	@exec $(IN)/drawdown demo $(if $(filter-out 0,$(ONCE)),--once) $(if $(TRACE),--trace "$(TRACE)") \
		$(if $(SEED),--seed "$(SEED)") $(if $(RATE),--rate "$(RATE)")

# Compiling takes one core for two minutes: the uncompiled tests run meanwhile.
test: $(SETUP) ## Check, then run every test (compiled where a C compiler is here, and uncompiled)
	@mkdir -p .build; $(IN)/python deploy/build/compile.py > $(COMPILE_LOG) 2>&1 & compiling=$$!; \
	trap 'kill $$compiling 2> /dev/null' EXIT; \
	$(MAKE) --no-print-directory checked && $(MAKE) --no-print-directory uncompiled || exit; \
	wait $$compiling || { cat $(COMPILE_LOG) >&2; exit 1; }
	@$(STALE)
	@$(IN)/python -c 'import sys, drawdown.compiled as c; sys.exit(c.runtime() == "pure")' \
		|| echo "nothing is compiled here: the whole suite runs uncompiled"
	$(PYTEST)

uncompiled: $(SETUP)
	DRAWDOWN_PURE=1 $(PYTEST) $(PURE_TESTS) -m "not hypothesis" $(COVERAGE)
	DRAWDOWN_PURE=1 $(PYTEST) $(PURE_TESTS) -m hypothesis

check: checked ## Format, lint, types, import layers, generated files, compiled files
	@$(STALE)

checked: $(SETUP)
	$(IN)/ruff format --check --quiet $(SOURCES)
	$(IN)/ruff check --quiet $(SOURCES)
	$(IN)/mypy
	$(IN)/mypy tests deploy
	$(IN)/lint-imports
	DRAWDOWN_PURE=1 $(IN)/python -m drawdown.adapters.avro.generate --check

format: $(SETUP) ## Format the code and repair what the linter can
	$(IN)/ruff check --fix --quiet $(SOURCES)
	$(IN)/ruff format --quiet $(SOURCES)

compile: $(SETUP) ## Compile the hot path with mypyc (a no-op when nothing changed, or without a C compiler)
	@$(IN)/python deploy/build/compile.py

bench: compile ## Measure against the baselines; the table also goes to .bench/latest.json
	@exec $(IN)/python -m tests.benchmarks $(if $(ONLY),--only "$(ONLY)") $(if $(EVENTS),--events "$(EVENTS)")

simulate: compile ## Run the ledger's loops through faults by a seed: SEED=… one, told step by step; SEEDS=… many
	@exec $(IN)/python -m tests.simulation $(if $(SEED),--seed "$(SEED)") $(if $(SEEDS),--seeds "$(SEEDS)") \
		$(if $(FROM),--from "$(FROM)")

chaos: compile ## Kill, stop, cut, fill and step clocks at random under load; compare topics and tables after each round
	@exec $(IN)/python -m tests.chaos $(if $(EACH),--each "$(EACH)") $(if $(SECONDS),--seconds "$(SECONDS)") \
		$(if $(EVENTS),--events "$(EVENTS)") $(if $(KINDS),--kinds "$(KINDS)") \
		$(if $(SEED),--seed "$(SEED)") $(if $(RATE),--rate "$(RATE)")

mutants: $(SETUP) ## Change the domain in every small way, and list what no example-based test notices (hours)
	@mkdir -p $(MUTANTS)
	@[ -d $(MUTANTS)/.tool ] || $(IN)/pip install --quiet --disable-pip-version-check --target $(MUTANTS)/.tool \
		$$($(IN)/python -c "$$NAMES" mutants) 2> $(MUTANTS)/setup.log || { cat $(MUTANTS)/setup.log >&2; exit 1; }
	@cd $(MUTANTS) && rm -rf drawdown tests schemas && cp -Rp $(CURDIR)/services/drawdown $(CURDIR)/tests \
		$(CURDIR)/schemas $(CURDIR)/pyproject.toml . && find . -path ./.tool -prune -o -name '*.so' -exec rm {} +
	@cd $(MUTANTS) && export PYTHONPATH=$(CURDIR)/$(MUTANTS)/.tool DRAWDOWN_PURE=1 DRAWDOWN_DATA="$${DRAWDOWN_DATA:-$(CURDIR)/../shared/data}" \
		&& $(CURDIR)/$(IN)/python -m mutmut run $(ONLY) && $(CURDIR)/$(IN)/python -m mutmut results

clean: ## Stop what runs; remove the virtual environment, data and everything generated
	@if [ -d .drawdown ] && [ -x $(IN)/drawdown ]; then $(IN)/drawdown down; fi
	@find services tests -name '*.so' -delete -o -name __pycache__ -type d -prune -exec rm -rf {} +
	@rm -rf $(VENV) .drawdown .bench .build .coverage .hypothesis .mypy_cache .pytest_cache \
		.ruff_cache .import_linter_cache dist

setup: $(SETUP)

define NAMES
import sys, tomllib
with open("pyproject.toml", "rb") as file:
    print(*tomllib.load(file)["dependency-groups"][sys.argv[1]])
endef
export NAMES

# What pip complains about goes to a file, so that a failure is one line here and whole there.
$(SETUP): pyproject.toml
	@if [ -z "$(PYTHON)" ]; then echo "Drawdown needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3.12" >&2; exit 1; fi
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) isn't Python 3.11 or newer; name another: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@[ -x $(IN)/pip ] || $(PYTHON) -m venv $(VENV) > $(PWD)/.setup.log 2>&1 \
		|| { echo "$(PYTHON) can't make a virtual environment; on Debian: apt install python3-venv" >&2; exit 1; }
	@rm -f .setup.log; echo "setting up $(VENV) with the versions pinned in pyproject.toml"
	@$(IN)/pip install --disable-pip-version-check --progress-bar on --retries 2 \
		-e '.[local,automations,export]' $$($(IN)/python -c "$$NAMES" dev) 2> $(VENV)/setup.log \
		|| { missing=$$(grep -oE 'No matching distribution found for [^ ]+' $(VENV)/setup.log | head -1); \
		     missing=$${missing:-$$(grep -oE '(ERROR|error): .*' $(VENV)/setup.log | head -1)}; \
		     echo "setup failed: $$missing; is there a network? (all of it: $(VENV)/setup.log)" >&2; exit 1; }
	@touch $@
