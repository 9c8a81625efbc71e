"""The page of licences: how it is written, and that it has what the package needs."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def licences():
    spec = importlib.util.spec_from_file_location('licences', ROOT / 'tools' / 'docs' / 'licences.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    'text, says', [('MIT', 'MIT'), ('\n  A | B\nand so on', 'A / B'), ('x' * 81, 'x' * 77 + '...'), (' \n', 'UNKNOWN')]
)
def test_a_licence_is_a_line(licences, text, says):
    assert licences.short(text) == says


def test_licences_are_counted_and_listed(licences):
    items = [
        dict(Name=name, Version='1', License=licence) for name, licence in (('a', 'MIT'), ('b', 'X'), ('c', 'MIT'))
    ]
    page = licences.page(items, 'Python 3')
    assert '| MIT | 2 |\n| X | 1 |\n' in page and page.endswith('| a | 1 | MIT |\n| b | 1 | X |\n| c | 1 | MIT |\n')


def test_what_ships_is_written_by_hand_and_stays(licences, tmp_path, monkeypatch):
    written = tmp_path / 'licences.md'
    written.write_text('# Licences\n\nof photographs\n\n## Dependencies\n\nstale\n')
    monkeypatch.setattr(licences, 'installed', lambda python: [dict(Name='a', Version='1', License='MIT')])
    monkeypatch.setattr('sys.argv', ['licences.py', sys.executable, str(written)])
    licences.main()
    text = written.read_text()
    assert text.startswith('# Licences\n\nof photographs\n\n## Dependencies\n') and 'stale' not in text
    assert text.endswith('| a | 1 | MIT |\n')


def test_every_folder_that_ships_has_its_licence_on_the_page():
    page = (ROOT / 'docs/licences.md').read_text()
    folders = [folder for folder in (ROOT / 'mmssl_robust/assets').iterdir() if folder.name != 'samples']
    folders += [folder for folder in (ROOT / 'mmssl_robust/assets/samples').iterdir() if folder.is_dir()]
    assert [f.name for f in folders if f'`{f.relative_to(ROOT / "mmssl_robust")}`' not in page] == []


def test_every_requirement_has_its_licence_on_the_page():
    page = (ROOT / 'docs/licences.md').read_text()
    listed = {canonicalize_name(name) for name in re.findall(r'^\| ([\w.-]+) \| [\d.]+\S* \| ', page, re.MULTILINE)}
    lines = [
        line
        for name in ('runtime', 'mminstall')
        for line in (ROOT / f'requirements/{name}.txt').read_text().splitlines()
    ]
    needed = {canonicalize_name(Requirement(line).name) for line in lines if line[:1] not in ('', '#')}
    assert needed <= listed
