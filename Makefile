# The two commands of the README: `make repro`, `make test`. Both build the environment when its pins change.
PYTHON ?= python3.11
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: venv repro test test-slow lint types verify-results tables bench docs licences notebook

venv: .venv/installed

.venv/installed: requirements.lock requirements.model.lock pyproject.toml
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --requirement requirements.lock
	.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@# The library is installed; the pipeline is run from here, where its values and its graph are.
	@.venv/bin/python -c "import pathlib, site; pathlib.Path(site.getsitepackages()[0], 'pipeline.pth').write_text('$(CURDIR)\n')"
	touch $@

# Two models at once, each with half of the cores; JOBS=1: one after the other, with all of them.
repro: venv
	python -m pipeline.commands.repro $(JOBS)

# One process per core, each with one thread: a file's tests stay together, as they share what they made; the longest
# files come first (tests/conftest.py).
test: venv
	OMP_NUM_THREADS=1 pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

# What takes too long for every commit.
test-slow: venv
	OMP_NUM_THREADS=1 pytest -m slow --numprocesses auto --dist loadfile

lint: venv
	ruff check .
	ruff format --check .

types: venv
	basedpyright

verify-results: venv
	python -m pipeline.commands.verify_results results/mini

# What README.md and docs/method.md say of scores, from committed results.
tables: venv
	python -m pipeline.commands.fill_tables

bench: venv
	for name in speed limit growth precision masks; do \
		OMP_NUM_THREADS=1 KINETO_LOG_LEVEL=99 python -m benchmarks.$$name || exit 1; \
	done

# The API reference and the method: site/index.html.
docs: venv
	python docs/build.py site

# LICENCES.md, after a pin has changed.
licences: .venv/notebook
	python docs/licences.py

notebook: .venv/notebook
	jupyter lab notebooks

.venv/notebook: .venv/installed requirements.notebook.lock
	.venv/bin/python -m pip install --quiet --requirement requirements.notebook.lock
	touch $@
