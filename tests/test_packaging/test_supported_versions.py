"""The table of versions has a line for every pair that can be run, and says nothing of others."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def constants():
    """Those of noxfile.py, which is read without nox."""
    tree = ast.parse((ROOT / 'noxfile.py').read_text())
    assigned = {
        line.targets[0].id: line.value
        for line in tree.body
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)
    }
    return {name: ast.literal_eval(assigned[name]) for name in ('PYTHONS', 'TORCHVISION', 'TESTS')}


def test_every_pair_has_a_line():
    lines = re.findall(
        r'^\| (3\.\d+) \| ([\d.]+) \| ([^|]+) \|([^|]*)\|$', (ROOT / 'docs/versions.md').read_text(), re.MULTILINE
    )
    pairs = [(python, torch) for python, torch, *_ in lines]
    wanted = constants()
    assert sorted(pairs) == sorted((python, torch) for python in wanted['PYTHONS'] for torch in wanted['TORCHVISION'])
    for *_, outcome, date in lines:
        assert (outcome in ('not run', 'no wheels')) == (not date.strip()), outcome


def test_the_pins_are_among_them():
    pins = dict(
        line.split('==')
        for line in (ROOT / 'requirements/constraints.txt').read_text().splitlines()
        if line.startswith('torch')
    )
    assert constants()['TORCHVISION'][pins['torch']] == pins['torchvision']


def test_tests_are_there():
    assert all((ROOT / path).exists() for path in constants()['TESTS'])
