# Two commands do everything on a fresh machine with Python 3.11 or newer: `make demo`, `make test`.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check bench clean

# Debian parts venv from python3: say what is missing instead of failing inside ensurepip.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "undisclosed needs Python 3.11 or newer; name it with make PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || $(MAKE) --no-print-directory venv-package
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable . --group dev
	@touch $@

.PHONY: venv-package
venv-package:
	@test "$$(id -u)" = 0 || { echo "run first: sudo apt-get install python3-venv"; exit 1; }
	apt-get update -q && apt-get install -y -q python3-venv

demo: $(READY)
	$(BIN)/undisclosed demo

# What measures time runs alone; everything else a file to each of three processes, which wait a good deal.
test: $(READY)
	$(BIN)/python -m pytest -q -n 3 --dist loadfile -m "not benchmark and not timed"
	$(BIN)/python -m pytest -q -m "benchmark or timed"

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	cd sample_data && ../$(BIN)/mypy --config-file ../pyproject.toml .

bench: $(READY)
	$(BIN)/pip install --quiet --editable . --group dev
	UNDISCLOSED_BENCH=full $(BIN)/python -m pytest -q -m benchmark -s
	UNDISCLOSED_BENCH=full $(BIN)/python -m pytest -q -s tests/test_kill_anything.py

clean:
	rm -rf $(VENV) undisclosed-demo dist build
