# Each target makes its environment if it is missing and does its work.
# docs/quickstart.md shows the same steps by hand.

PYTHON ?= python3
JOBS ?= 2
# PyTorch comes from PyPI, with CUDA's libraries, unless one of these is said (docs/installation.md):
# another index, such as https://download.pytorch.org/whl/cpu; or 1, to see the PyTorch that $(PYTHON) has.
EXTRA_INDEX ?=
SYSTEM_TORCH ?=
REQUIREMENTS := setup.py pyproject.toml $(wildcard requirements/*.txt)
CONSTRAINTS := -c requirements/constraints.txt
# A worker keeps to files beside each other, whose fixtures are built once, until it has none left.
PYTEST := -m pytest -n $(JOBS) --dist worksteal

# Each pytest worker has its own process: more threads would only fight for the cores.
export OMP_NUM_THREADS ?= 1

.PHONY: quickstart test test-slow test-wheel test-upstream lint configs docs docs-links dist versions licences sbom clean
.DELETE_ON_ERROR:

quickstart: export OMP_NUM_THREADS = $(JOBS)
quickstart: .venv/.installed
	.venv/bin/python tools/quickstart.py

test: .venv/.installed
	.venv/bin/python $(PYTEST)

test-slow: .venv/.installed
	.venv/bin/python -m pytest -m 'slow or gpu'

# A wheel in a fresh environment that sees the libraries of .venv: nothing is downloaded. -rP shows what was said.
test-wheel: .venv/.installed
	.venv/bin/python -m pytest -m slow -rP tests/test_commands/test_wheel.py

test-upstream: .venv-upstream/.installed
	.venv-upstream/bin/python $(PYTEST)

lint: .venv/.installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

configs: .venv/.installed
	.venv/bin/python tools/make_configs.py

# The site is build/site, to be opened without a server. Pages that are made of the package lie in docs/reference.
SPHINX = .venv/bin/python -m sphinx -W --keep-going -q -c docs -d build/doctrees

docs: .venv/.docs
	$(SPHINX) -b html . build/site

# Asks the network for every address that the pages name.
docs-links: .venv/.docs
	$(SPHINX) -b linkcheck . build/links

# A source archive and, made from it, a wheel, which is installed and run outside the checkout.
dist: .venv/.installed .venv-release/.installed
	rm -rf dist
	.venv-release/bin/python -m build --no-isolation
	.venv-release/bin/python -m twine check --strict dist/*
	.venv/bin/python tools/check_dist.py dist

# Every pair of Python and PyTorch of docs/versions.md, hours and several GB each; one: ARGS="-s \"versions(...)\"".
versions: .venv-release/.installed
	.venv-release/bin/python -m nox $(ARGS)

licences: .venv/.installed .venv-release/.installed
	.venv-release/bin/python tools/docs/licences.py .venv/bin/python docs/licences.md

# What is installed in .venv, in CycloneDX's form; it is made where it is needed, and not kept in the repository.
sbom: .venv/.installed .venv-release/.installed
	mkdir -p build
	.venv-release/bin/python -m cyclonedx_py environment --pyproject pyproject.toml --of JSON -o build/sbom.json .venv/bin/python

clean:
	rm -rf docs/reference docs/model_zoo.md build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name .venv\* -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# In the recipes of the environments, whose stamp file lies in the environment's folder:
PIP = $(@D)/bin/python -m pip
INDEX = $(if $(EXTRA_INDEX),--extra-index-url $(EXTRA_INDEX))
MAKE_VENV = test -x $(@D)/bin/pip || { $(PYTHON) -m venv $(@D) $(if $(SYSTEM_TORCH),&& $(SEE_OTHERS)); }
# A file of paths, where `venv --system-site-packages` would pass by a $(PYTHON) that is in an environment itself.
SEE_OTHERS = $(PYTHON) -c 'import site; print(*site.getsitepackages(), sep="\n")' > \
    $$($(@D)/bin/python -c 'import site; print(site.getsitepackages()[0])')/others.pth
# The pins, but for those of a PyTorch that is there already.
PINS = $(if $(SYSTEM_TORCH),-c $(@D)/constraints.txt,$(CONSTRAINTS))
# The mm* libraries ask for opencv-python, which needs libGL; on a machine without it, its headless twin does.
MEND_CV2 = $(@D)/bin/python -c 'import cv2' 2> /dev/null || { $(PIP) uninstall -y opencv-python && \
    $(PIP) install $(CONSTRAINTS) --force-reinstall --no-deps opencv-python-headless; }

.venv/.installed: $(REQUIREMENTS)
	$(MAKE_VENV)
	sed '/^torch/d' requirements/constraints.txt > $(@D)/constraints.txt
	$(PIP) install $(INDEX) $(PINS) -e '.[mm,tests]'
	$(MEND_CV2)
	touch $@

.venv/.docs: .venv/.installed requirements/docs.txt
	$(PIP) install $(INDEX) $(PINS) -e '.[docs]'
	touch $@

.venv-release/.installed: requirements/release.txt requirements/constraints.txt
	$(MAKE_VENV)
	$(PIP) install $(CONSTRAINTS) -r requirements/release.txt
	touch $@

# mmcv is compiled against the installed torch (C++ compiler needed, about 6 minutes on 2 cores).
# The upstream libraries stay below NumPy 2, and so does the OpenCV that goes with it.
.venv-upstream/.installed: CONSTRAINTS = -c $(@D)/constraints.txt
.venv-upstream/.installed: $(REQUIREMENTS)
	$(MAKE_VENV)
	sed 's/^numpy==.*/numpy==1.26.4/; s/^pandas==3[^;]*/pandas==3.0.6/; s/^pyarrow==[^;]*/pyarrow==21.0.0/; s/^\(opencv.*==\).*/\14.11.0.86/' \
	    requirements/constraints.txt > $(@D)/constraints.txt
	$(PIP) install $(CONSTRAINTS) torch torchvision 'setuptools<82' wheel ninja psutil
	PATH="$(CURDIR)/$(@D)/bin:$$PATH" MMCV_WITH_OPS=1 MAX_JOBS=$(JOBS) \
	    $(PIP) install $(CONSTRAINTS) --no-build-isolation mmcv
	$(PIP) install $(CONSTRAINTS) -e '.[mm-upstream,tests]'
	$(MEND_CV2)
	touch $@
