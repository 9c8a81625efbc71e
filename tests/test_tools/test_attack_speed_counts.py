"""Counted operations of the attacks on ViT-S/16 at 224 pixels, in forwards of the encoder: they know no noise."""

import pytest
from attack_speed.cases import CASES
from attack_speed.contest import Settings
from attack_speed.targets import COUNTS


def test_bounds():
    assert dict(pgd=40.0, embed=41.0, deacl=16.5) == COUNTS


@pytest.mark.slow
@pytest.mark.parametrize('case', ['pgd', 'embed', 'deacl'])
def test_operations_of_vit_s16(case):
    contest = CASES[case](Settings(batch_size=1 if case != 'deacl' else 2))
    counted, _ = contest.examine()
    assert counted['floor'] - 0.01 <= counted['ours'] <= COUNTS[case]
