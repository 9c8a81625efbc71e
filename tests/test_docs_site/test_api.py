"""Pages of the API reference."""

import pytest


@pytest.fixture(scope='module')
def names():
    import sys
    from importlib import import_module
    from pathlib import Path

    folder = str(Path(__file__).resolve().parents[2] / 'tools/docs')
    sys.path.insert(0, folder)
    try:
        api = import_module('api')
    finally:
        sys.path.remove(folder)
    return api.public_names(api.packages())


def test_every_public_name_has_one_place(names):
    placed = [name.path for package, own in names.items() for name in own if name.package == package]
    assert len(placed) == len(set(placed))
    assert {name.path for own in names.values() for name in own} == set(placed)


def test_a_name_is_called_by_its_shortest_path_and_described_on_the_page_of_its_innermost_package(names):
    (loss,) = [name for name in names['mmssl_robust.attacks'] if name.path.endswith('.CrossEntropy')]
    assert loss[:3] == ('mmssl_robust.attacks.CrossEntropy', 'mmssl_robust.attacks.objectives', 'autoclass')


def test_what_two_packages_call_alike_is_two_things(names):
    embedding = {name.path for own in names.values() for name in own if name.path.endswith('.Embedding')}
    assert embedding == {'mmssl_robust.models.algorithms.Embedding', 'mmssl_robust.tasks.Embedding'}


def test_kinds_have_their_directives(tool):
    directive_of = tool('api').directive_of
    assert [directive_of(value) for value in (int, len, ValueError, {})] == [
        'autoclass',
        'autofunction',
        'autoexception',
        'py:data',
    ]


def test_a_page_has_a_table_of_all_and_entries_of_its_own(tool):
    api = tool('api')
    own = api.Name('a.f', 'a', 'autofunction', len)
    other = api.Name('a.C', 'a.b', 'autoclass', int)
    text = api.page('a', [other, own])
    assert '   * - :py:obj:`~a.C`\n     - int([x]) -> integer' in text
    assert '   * - :py:obj:`~a.f`\n     - Return the number of items in a container.\n' in text
    assert '.. autofunction:: a.f\n' in text
    assert '.. autoclass::' not in text
