"""Pages of the API reference: one a package, from its ``__all__``; Sphinx's autodoc fills them with the docstrings."""

import inspect
import pkgutil
import sys
from importlib import import_module
from itertools import takewhile
from types import ModuleType
from typing import Any, NamedTuple

import mmssl_robust

DATA = 'py:data'


class Name(NamedTuple):
    """A public name.

    Attributes:
        path: The shortest by which it can be imported.
        package: The innermost that has it in its ``__all__``, on whose page it is described.
        directive: Autodoc's for its kind; of data, whose description autodoc finds only where it is defined, Sphinx's.
        value: What it names.
    """

    path: str
    package: str
    directive: str
    value: Any


def packages() -> dict[str, ModuleType]:
    """Dotted name -> package, of all that have an ``__all__``, parents first."""
    names = [mmssl_robust.__name__]
    names += [found.name for found in pkgutil.walk_packages(mmssl_robust.__path__, 'mmssl_robust.') if found.ispkg]
    modules = {name: import_module(name) for name in sorted(names)}
    return {name: module for name, module in modules.items() if hasattr(module, '__all__')}


def public_names(modules: dict[str, ModuleType]) -> dict[str, list[Name]]:
    """Package -> what its ``__all__`` holds, in alphabetical order."""
    homes: dict[tuple[str, int], list[str]] = {}
    for package, module in modules.items():
        for name in _exported(module):
            homes.setdefault((name, id(getattr(module, name))), []).append(package)
    found: dict[str, list[Name]] = {package: [] for package in modules}
    for (name, _), owners in homes.items():
        shortest, innermost = min(owners, key=_depth), max(owners, key=_depth)
        value = getattr(modules[shortest], name)
        for package in owners:
            found[package].append(Name(f'{shortest}.{name}', innermost, directive_of(value), value))
    return {package: sorted(names, key=lambda name: name.path.lower()) for package, names in found.items() if names}


def directive_of(value: Any) -> str:
    """The directive that describes a value."""
    if inspect.isclass(value):
        return 'autoexception' if issubclass(value, BaseException) else 'autoclass'
    return 'autofunction' if inspect.isroutine(value) else DATA


def described(name: str, value: Any) -> list[str]:
    """Lines of the string below the line that defines some data, in whichever module that is."""
    analyzer = import_module('sphinx.pycode').ModuleAnalyzer  # all else here does without Sphinx
    for module in [module for path, module in sys.modules.items() if path.startswith(f'{mmssl_robust.__name__}.')]:
        if vars(module).get(name) is value:
            found = analyzer.for_module(module.__name__).find_attr_docs().get(('', name))
            if found:
                return found
    return []


def page(package: str, names: list[Name]) -> str:
    """The page of a package in reStructuredText: a table of its names, then those whose innermost package it is."""
    rows = ''.join(f'   * - :py:obj:`~{name.path}`\n     - {purpose(name)}\n' for name in names)
    entries = ''.join(_entry(name) for name in names if name.package == package)
    return f'{_title(short(package))}\n.. automodule:: {package}\n\n.. list-table::\n\n{rows}\n{entries}'


def purpose(name: Name) -> str:
    """What a name is for, on one line: the first paragraph of its description."""
    if name.directive == DATA:
        lines = described(name.path.rpartition('.')[2], name.value)
    else:
        lines = (inspect.getdoc(name.value) or '').splitlines()
    return ' '.join(takewhile(str.strip, lines))


def index(names: dict[str, list[Name]], modules: dict[str, ModuleType]) -> str:
    """The page that lists the packages."""
    lines = [f'   * - :doc:`{package} <{package}>`\n     - {summary(modules[package])}\n' for package in names]
    tree = ''.join(f'   {package}\n' for package in names)
    return (
        f'{_title("API")}\nWhat each package offers, by its ``__all__``. Anything else may change without notice.\n\n'
        '.. list-table::\n\n' + ''.join(lines) + f'\n.. toctree::\n   :hidden:\n\n{tree}'
    )


def paths() -> dict[int, str]:
    """Identity of what is public -> the shortest path by which it can be imported."""
    return {id(name.value): name.path for names in public_names(packages()).values() for name in names}


def pages() -> dict[str, str]:
    """Name of the file -> text, for ``docs/reference/api``."""
    modules = packages()
    names = public_names(modules)
    texts = {f'{package}.rst': page(package, own) for package, own in names.items()}
    return texts | {'index.rst': index(names, modules)}


def _exported(module: ModuleType) -> list[str]:
    return [name for name in module.__all__ if not name.startswith('__')]


def _depth(package: str) -> int:
    return package.count('.')


def short(package: str) -> str:
    """A package without the name that all have in front."""
    return package.removeprefix('mmssl_robust.')


def summary(module: ModuleType) -> str:
    """The first line of what a package says of itself."""
    return (module.__doc__ or '').strip().splitlines()[0]


def _title(text: str) -> str:
    return f'{text}\n{"=" * len(text)}\n'


def _entry(name: Name) -> str:
    if name.directive == DATA:
        lines = described(name.path.rpartition('.')[2], name.value)
        text = ''.join(f'   {line}\n' for line in lines)
        return f'.. {DATA}:: {name.path}\n   :type: {type(name.value).__name__}\n\n{text}\n'
    options = '   :members:\n   :show-inheritance:\n' if inspect.isclass(name.value) else ''
    return f'.. {name.directive}:: {name.path}\n{options}\n'
