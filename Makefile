# Everything runs in a virtual environment of its own; a machine needs Python >= 3.11, a C++20 compiler, make and git.
#
#   make demo        install and train on the handwritten digits
#   make test        install and run the tests
#   make test-peers  the tests that compare with PyTorch, which it installs
#   make test-cpp    the C++ tests, where GoogleTest is found
#   make bench       the benchmarks
#   make gpu         on a machine with an NVIDIA GPU, without downloads: build, test, one table against PyTorch
#   make lint        ruff, mypy, clang-format
#   make docs        the examples in the docstrings, and the pages
#   make exhaustive  every float32 through every function of csrc/math
#   make full        all of these but gpu
#   make develop     an editable install: Python edits count at once, C++ edits after `make develop` again

PYTHON ?= python3
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
# CUDA is built where a driver is installed; `make CUDA=on` insists, `make CUDA=off` does not.
CUDA ?= $(if $(shell command -v nvidia-smi 2>/dev/null),auto,off)
PYTEST_FLAGS ?=

VENV := .venv
BIN := $(VENV)/bin
WHEELS := build/wheel
SOURCES := CMakeLists.txt pyproject.toml $(shell find csrc cuda python -type f -not -name '*.pyc' 2>/dev/null)
CPP := $(shell find csrc cuda tests/cpp benchmarks/native -name '*.cpp' -o -name '*.h' -o -name '*.cu' 2>/dev/null)

export CMAKE_BUILD_PARALLEL_LEVEL ?= $(JOBS)

.PHONY: demo test test-peers test-cpp bench gpu lint docs exhaustive full develop clean
.DELETE_ON_ERROR:

demo: $(VENV)/demo
	$(BIN)/deepnet train digits

test: $(VENV)/test
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

test-peers: $(VENV)/test
	$(BIN)/python -m pip install -q torch==2.13.0
	$(BIN)/python -m pytest tests/peers $(PYTEST_FLAGS)

test-cpp: build/cpp/configured
	cmake --build build/cpp
	ctest --test-dir build/cpp --output-on-failure

bench: $(VENV)/test
	$(BIN)/deepnet bench
	@for file in $$(ls benchmarks/python/*.py 2>/dev/null); do echo "== $$file"; $(BIN)/python $$file || exit 1; done
	@if cmake -S . -B build/native -DCMAKE_BUILD_TYPE=Release -DDEEPNET_CUDA=off -DDEEPNET_BENCHMARKS=ON >build/native.log 2>&1; then \
	  cmake --build build/native && for program in build/native/bench_*; do echo "== $$program"; $$program || exit 1; done; \
	else echo "native benchmarks skipped: CMake found no Google Benchmark (build/native.log)"; fi

# Uses the machine's own Python packages: there, nothing can be downloaded.
gpu:
	$(PYTHON) benchmarks/gpu/run.py

lint: $(VENV)/lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $(CPP)

docs: $(VENV)/docs
	$(BIN)/python -m pytest -q --doctest-modules --pyargs deepnet -p no:cacheprovider
	$(BIN)/sphinx-build -q -b html docs docs/_build

exhaustive: build/cpp/configured
	cmake --build build/cpp --target exhaustive
	build/cpp/exhaustive

full: test-cpp bench exhaustive
	bash .ci/run full

develop: $(VENV)/python
	$(BIN)/python -m pip install -q "scikit-build-core>=0.11" "pybind11>=2.13" cmake ninja
	$(BIN)/python -m pip install -q --no-build-isolation -e ".[test]" -C cmake.define.DEEPNET_CUDA=$(CUDA) -C build-dir=build/editable

clean:
	rm -rf build $(VENV) docs/_build

$(VENV)/python:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(WHEELS)/built: $(SOURCES) | $(VENV)/python
	rm -rf $(WHEELS)
	$(BIN)/python -m pip wheel -q --no-deps -w $(WHEELS) . -C cmake.define.DEEPNET_CUDA=$(CUDA)
	touch $@

# The wheel with the extras that a target needs.
$(VENV)/demo: EXTRAS := vision,plot
$(VENV)/test: EXTRAS := test
$(VENV)/docs: EXTRAS := test,docs
$(VENV)/demo $(VENV)/test $(VENV)/docs: $(WHEELS)/built
	$(BIN)/python -m pip install -q --force-reinstall --no-deps $(WHEELS)/*.whl
	$(BIN)/python -m pip install -q "$$(echo $(WHEELS)/*.whl)[$(EXTRAS)]"
	touch $@

$(VENV)/lint: pyproject.toml | $(VENV)/python
	$(BIN)/python -m pip install -q numpy "clang-format==23.1.3" "ruff==0.17.5" "mypy==2.4.1" types-tqdm
	touch $@

build/cpp/configured: CMakeLists.txt
	cmake -S . -B build/cpp -DCMAKE_BUILD_TYPE=Release -DDEEPNET_CUDA=off -DDEEPNET_TESTS=ON
	touch $@
