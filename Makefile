# Two commands: `make run` trains and draws, `make test` checks. Each does everything it needs.
PYTHON ?= python3
# GPU and Mac: the default is what plain pip gives. Linux without a GPU, to spare the CUDA packages:
#   make run TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"
TORCH ?= torch==2.13.0
BIN := .venv/bin
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest

.PHONY: run test lint check browser slow bench clean

run: .venv/.run
	$(BIN)/ganvas train digits --minutes 3
	$(BIN)/ganvas sample runs/digits-modern-s0 -n 100 --out digits.png

test: .venv/.ok
	$(PYTEST) -n 2 -q

# Needs chromium: apt-get install chromium, or CHROMIUM=/path/to/it.
browser: .venv/.ok
	$(PYTEST) -q -m browser tests/studio

lint: .venv/.ok
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: test lint

browser: .venv/.ok
	$(PYTEST) -q -m browser

slow: .venv/.ok
	$(PYTEST) -q -m slow --timeout 1800

bench: .venv/.ok
	$(BIN)/python benchmarks/run_all.py

# torch first and alone: no later package may pick another build of it. What `run` needs, without the development tools.
.venv/.run: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[digits,onnx]'
	touch $@

.venv/.ok: .venv/.run
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf .venv
