"""Every public function and class shows how it is used, and what it shows is so."""

import doctest
import functools
import importlib.util
import inspect
import logging
import re
from pathlib import Path

import forks
import pytest
import torch

import mmssl_robust

ROOT = Path(mmssl_robust.__file__).parent
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
SITE = ROOT.parent / 'tools/docs/api.py'
PACKAGES = sorted(
    '.'.join(['mmssl_robust', *path.parent.relative_to(ROOT).parts])
    for path in ROOT.rglob('__init__.py')
    if '.mim' not in path.parts and re.search('^__all__', path.read_text(), re.MULTILINE)
)


@functools.cache
def public_names():
    """Package -> name -> function or class, as the site describes them: each once, where it lies deepest."""
    spec = importlib.util.spec_from_file_location('api', SITE)
    api = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(api)
    described = {
        package: {
            name.path.rpartition('.')[2]: name.value
            for name in names
            if name.package == package and name.directive != api.DATA
        }
        for package, names in api.public_names(api.packages()).items()
    }
    assert set(described) <= set(PACKAGES)
    return {package: described.get(package, {}) for package in PACKAGES}


def examples_of(name, value):
    """The examples in a function's or class's docstring and in those of its methods, each to be run by itself."""
    tests = doctest.DocTestFinder().find(value, name, globs={})
    return [test for test in tests if test.examples]


@pytest.fixture
def without_logs():
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures('without_logs')
@pytest.mark.parametrize('package', PACKAGES)
def test_examples_say_what_is_so(package, tmp_path, monkeypatch):
    report = []
    for name, value in public_names()[package].items():
        for test in examples_of(f'{package}.{name}', value):
            (tmp_path / test.name).mkdir()
            monkeypatch.chdir(tmp_path / test.name)
            forks.forget_mmengine()
            torch.manual_seed(0)
            doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.append)
    assert not report, ''.join(report)


@pytest.mark.parametrize('package', PACKAGES)
def test_every_public_name_has_an_example(package):
    without = [
        name
        for name, value in public_names()[package].items()
        if not re.search(r'^Examples:\n[^>]*>>> ', inspect.cleandoc(value.__doc__ or ''), re.MULTILINE)
    ]
    assert not without, f'{package}: give {", ".join(without)} a section "Examples:" with lines that begin with >>>'
