"""What may be given to classes, by their annotations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.signatures import arguments_of, check_kinds


class Parent:
    """Annotated."""

    def __init__(self, size: int, rate: float = 1.0, seed: int = None, **kwargs: Any) -> None:  # noqa: RUF013
        """Keep nothing."""


class Child(Parent):
    """Hands on what it does not know."""

    def __init__(
        self,
        name: str,
        keep: Literal['best', 'last'] = 'best',
        eps: float | str = '8/255',
        on: bool = False,
        blocks: Sequence[int] = (),
        part: dict[str, Any] | None = None,
        place: Path | None = None,
        anything: Any = None,
        own=None,
        **settings: Any,
    ) -> None:
        """Keep nothing."""


def test_arguments_are_those_of_parents_too():
    names, complete = arguments_of(Child)
    assert {'name', 'eps', 'own', 'size', 'rate', 'seed'} <= set(names) and not complete
    assert arguments_of(pytest.raises)[0] and arguments_of(lambda a, b: None) == (['a', 'b'], True)


class Elsewhere(Parent):
    """Has a use of its own for what it does not know."""

    def __init__(self, name: str, **settings: Any) -> None:
        super().__init__(3)
        self.made = dict(settings)


class Changed(Parent):
    """Hands on what it does not know, with changes."""

    def __init__(self, name: str, **settings: Any) -> None:
        super().__init__(**dict(settings, seed=3))


def test_arguments_that_are_not_handed_on_are_not_those_of_parents():
    assert arguments_of(Elsewhere) == (['name'], False)
    check_kinds(Elsewhere, dict(size='any'))
    assert set(arguments_of(Changed)[0]) == {'name', 'size', 'rate', 'seed'}
    with pytest.raises(UserError, match='^size='):
        check_kinds(Changed, dict(size='any'))


NAN = float('nan')
WRONG = dict(
    name=(5, None, []), keep=(5, True), eps=(True, NAN, None, []), on=(1, 'x', None), blocks=(5, 'x', {}),
    part=(5, [], 'x'), size=(2.0, True, 'x', None), rate=(NAN, float('inf'), True, 'x', None), seed=(1.5, True, 'x'),
)  # fmt: skip
RIGHT = dict(
    name=('x',), keep=('last',), eps=(1, 0.5, '4/255'), on=(True,), blocks=([1], (1,)), part=({}, None), place=('x', 5),
    anything=(5, NAN), own=(5, NAN), size=(1, -1), rate=(1, 0.5), seed=(None, 3), unknown=(NAN,),
)  # fmt: skip


@pytest.mark.parametrize('name', WRONG)
def test_what_is_of_another_kind(name):
    for value in WRONG[name]:
        with pytest.raises(UserError, match=f'^model.{name}=.*: give '):
            check_kinds(Child, {name: value}, 'model')


@pytest.mark.parametrize('name', RIGHT)
def test_what_is_of_its_kind_or_of_none_that_is_known(name):
    for value in RIGHT[name]:
        check_kinds(Child, {name: value})
    check_kinds(Child, {name: object()})
