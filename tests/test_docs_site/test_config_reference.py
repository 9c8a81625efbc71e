"""The page of what configs can name."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Parent:
    """A parent.

    Args:
        seed: Of its
            numbers.
        fixed: What a child sets.
    """

    def __init__(self, seed: int = 0, fixed: str = 'x') -> None:
        self.seed, self.fixed = seed, fixed


class Child(Parent):
    """A child.

    Args:
        name: What to call it,
            see :class:`Parent`.
        **settings: See :class:`Parent`.

    Raises:
        ValueError: Never.
    """

    FIXED = ('fixed',)
    __module__ = 'mmssl_robust.made_up'

    def __init__(self, name: str | None, **settings: object) -> None:
        super().__init__(fixed='y', **settings)
        self.name = name


@pytest.fixture
def reference(tool):
    return tool('config_reference')


def test_arguments_are_those_of_a_class_then_of_its_parents_without_what_it_fixes(reference):
    assert reference.arguments(Child) == [
        ('name', '`str | None`', 'required', 'What to call it, see `Parent`.'),
        ('seed', '`int`', '`0`', 'Of its numbers.'),
    ]


def test_arguments_of_an_attack_are_those_that_configs_may_set(reference):
    from mmssl_robust.attacks import SegPGD
    from mmssl_robust.attacks.arguments import arguments_of

    named = {one.name: one for one in reference.arguments(SegPGD)}
    assert named.keys() - {'objective'} == set(arguments_of(SegPGD))
    assert named['eps'].default == "`'8/255'`"
    assert all(one.meaning for one in named.values())


def test_uses_are_the_configs_that_name_a_class(reference, tmp_path):
    (tmp_path / 'a.py').write_text("x = dict(type='mmssl_robust.PGD')\ny = dict(type='mmssl_robust.PGD')")
    (tmp_path / 'b.py').write_text("x = dict(type='mmpretrain.PGD')")
    assert reference.uses(sorted(tmp_path.iterdir())) == {'PGD': [tmp_path / 'a.py']}


def test_a_preset_shows_every_setting(reference):
    rows = {row[0]: row for row in reference.defence_rows(ROOT / 'docs/reference/configs.md')}
    assert rows['[`jpeg`](../../configs/_base_/defences/jpeg.py)'][2] == '`JPEG`, `quality=75`'


def test_registered_are_the_classes_of_the_package(reference):
    from mmssl_robust.registry import HOOKS

    found = reference.registered(HOOKS)
    assert 'AttackHook' in found
    assert all(kind.__module__.startswith('mmssl_robust.') for kind in found.values())
