"""The tools that write pages of the site, as modules."""

from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tool(monkeypatch):
    """Import a module of tools/docs or docs/_extensions by name, once for all tests."""
    for folder in ('docs/_extensions', 'tools/docs', 'tools'):
        monkeypatch.syspath_prepend(str(ROOT / folder))
    return import_module
