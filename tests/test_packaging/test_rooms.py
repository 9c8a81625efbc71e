"""Who may import whom: nothing in the package climbs, and what is plain stays plain."""

import ast
import sys
from pathlib import Path

import pytest

import mmssl_robust

PACKAGE = Path(mmssl_robust.__file__).parent
# From the ground up; what is named together is one floor.
FLOORS = (
    ('version', 'utils'),
    ('registry', 'attack_settings', 'robustness_curve', 'functional'),
    ('corruptions',),
    ('attacks', 'certified'),
    ('building', 'tasks'),
    ('presets', 'targeted', 'datasets'),
    ('models', 'defences'),
    ('encoders',),
    ('victims',),
    ('visualization',),
    ('evaluation',),
    ('engine',),
    ('benchmark',),
    ('publishing',),
    ('easy',),
    ('commands',),
    ('__main__',),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
# typing_extensions is for type checkers alone.
PLAIN = {
    'attacks': {'torch', 'numpy', 'typing_extensions'},
    'certified': {'torch', 'numpy', 'scipy'},
    'functional': {'torch', 'numpy'},
    'tasks': {'numpy', 'pandas'},
}
FILES = sorted(path for path in PACKAGE.rglob('*.py') if '.mim' not in path.parts)


def imports_of(path):
    """Absolute names of all that a file imports, at its head or in a function."""
    package = ['mmssl_robust', *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = '.'.join([*above, *filter(None, [node.module])])
            yield base
            if base == 'mmssl_robust':
                yield from (f'{base}.{alias.name}' for alias in node.names)


def room_of(name):
    parts = name.split('.')
    return parts[1] if parts[0] == 'mmssl_robust' and len(parts) > 1 else None


def own_room(path):
    return path.relative_to(PACKAGE).with_suffix('').parts[0]


def test_every_room_has_a_floor():
    rooms = {own_room(path) for path in FILES} - {'__init__'}
    assert rooms == set(FLOOR)


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_nothing_climbs(path):
    room = own_room(path)
    if room == '__init__':
        return
    used = {room_of(name) for name in imports_of(path)} & set(FLOOR)
    assert {other for other in used if FLOOR[other] > FLOOR[room]} == set()
    beside = {other for other in used if FLOOR[other] == FLOOR[room]} - {room}
    assert beside <= {'attack_settings', 'version'}


@pytest.mark.parametrize('room', PLAIN)
def test_plain_rooms_import_little(room):
    for path in (PACKAGE / room).rglob('*.py'):
        others = {name.partition('.')[0] for name in imports_of(path)} - {'mmssl_robust'}
        foreign = {name for name in others if name not in PLAIN[room] and not is_standard(name)}
        assert foreign == set(), path


def is_standard(name):
    return name in sys.stdlib_module_names or name == '__future__'
