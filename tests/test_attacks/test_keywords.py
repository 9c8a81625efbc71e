"""What is passed on as it is, is what an optimiser has no argument of its own for."""

from inspect import signature

import pytest

from mmssl_robust.attacks import APGD, FAB, PGD, Attack, Square
from mmssl_robust.attacks.keywords import StartSettings, StartStopSettings, StopSettings
from mmssl_robust.attacks.pgd import PGDSettings


@pytest.mark.parametrize(
    ('optimiser', 'settings', 'filled'),
    [
        (APGD, StartStopSettings, set()),
        (FAB, StopSettings, {'objective'}),
        (PGD, StopSettings, set()),
        (Square, StartSettings, {'steps'}),
    ],
)
def test_settings_are_the_arguments_without_a_name(optimiser, settings, filled):
    missing = types_of(Attack).keys() - types_of(optimiser).keys() - filled
    assert settings.__annotations__ == {name: types_of(Attack)[name] for name in missing}


def test_settings_of_named_attacks_are_those_of_pgd():
    named = {name: kind for name, kind in types_of(PGD).items() if name not in ('objective', 'settings')}
    assert PGDSettings.__annotations__ == named | StopSettings.__annotations__


def types_of(attack: type[Attack]) -> dict[str, object]:
    return {name: parameter.annotation for name, parameter in signature(attack).parameters.items()}
