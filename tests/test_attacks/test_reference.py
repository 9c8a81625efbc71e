"""Against torchattacks 3.5.1, foolbox 3.3.4 and adv-lib 0.2.8, whose results ``tests/reference/record.py`` recorded."""

import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from mmssl_robust.attacks import APGD, DLR, FAB, PGD, AutoAttack, CrossEntropy, Margin, Square

REFERENCE = Path(__file__).parents[1] / 'reference'
sys.path.insert(0, str(REFERENCE))
from network import EPS, images, network  # noqa: E402

RECORDED = load_file(REFERENCE / 'recorded.safetensors')
NET = network()
INPUTS, LABELS = images()


@pytest.mark.parametrize(
    ('name', 'norm', 'step_size'),
    [('pgd_torchattacks', 'linf', 0.00125), ('pgd_foolbox', 'linf', 0.00125), ('pgd_l2_foolbox', 'l2', 0.025)],
)
def test_pgd_without_random_start_is_the_same(name, norm, step_size):
    attack = PGD(CrossEntropy(), norm, EPS[norm], step_size, steps=20, random_start=False, keep='last')
    difference = (attack(NET, INPUTS, LABELS).adv - RECORDED[name]).abs()
    # A gradient near zero has another sign on another machine: up to 0.5 % of the pixels.
    assert (difference > 1e-6).float().mean() <= 0.005


@pytest.mark.parametrize('norm', ['linf', 'l2', 'l1'])
@pytest.mark.parametrize(('loss', 'objective'), [('ce', CrossEntropy()), ('dlr', DLR())])
def test_apgd_is_at_least_as_strong_as_adv_libs(norm, loss, objective):
    stages = ((0.3, 3.0), (0.3, 2.0), (0.4, 1.0)) if norm == 'l1' else ((1.0, 1.0),)
    result = APGD(objective, norm, EPS[norm], steps=50, stages=stages)(NET, INPUTS, LABELS)
    assert result.success.sum() >= RECORDED[f'apgd_{norm}_{loss}_wrong'].sum()
    if loss == 'ce':
        own = F.cross_entropy(NET(result.adv), LABELS, reduction='none')
        assert own.mean() >= 0.995 * RECORDED[f'apgd_{norm}_ce_ce'].mean()


@pytest.mark.parametrize('norm', ['linf', 'l2'])
@pytest.mark.parametrize(('loss', 'objective'), [('ce', CrossEntropy()), ('dlr', DLR())])
def test_apgd_is_at_least_as_strong_as_torchattacks(norm, loss, objective):
    result = APGD(objective, norm, EPS[norm], steps=50, restarts=5)(NET, INPUTS, LABELS)
    name = f'apgd_torchattacks_{norm}_{loss}'
    assert result.success.sum() >= RECORDED[f'{name}_wrong'].sum()
    assert result.loss.mean() >= 0.995 * RECORDED[f'{name}_loss'].mean()


@pytest.mark.parametrize('norm', ['linf', 'l2', 'l1'])
def test_fab_breaks_what_adv_libs_breaks_within_a_radius(norm):
    """FAB looks for the nearest adversarial image: what lies well within eps for one must for the other."""
    sizes = RECORDED[f'fab_{norm}']
    # Left alone at its success an image has it no less, in half of the time; the first is looked at to the end.
    for early, eps in zip((False, True, True), sizes.quantile(torch.tensor([0.3, 0.5, 0.8])).tolist()):
        found = FAB(norm, eps, steps=40, stop_at_success=early)(NET, INPUTS, LABELS)
        assert found.success[sizes < 0.97 * eps].all()


def test_square_is_as_strong_as_torchattacks():
    result = Square(Margin(), eps=EPS['linf'], queries=1000)(NET, INPUTS, LABELS)
    assert result.success.sum() >= RECORDED['square_wrong'].sum() - 1  # random searches


@pytest.mark.parametrize('norm', ['linf', 'l2', 'l1'])
def test_autoattack_breaks_all_that_any_of_them_does(norm):
    broken = RECORDED[f'apgd_{norm}_ce_wrong'].bool() | RECORDED[f'apgd_{norm}_dlr_wrong'].bool()
    broken |= RECORDED[f'fab_{norm}'] <= EPS[norm]
    result = AutoAttack(norm, EPS[norm], steps=30, queries=100)(NET, INPUTS, LABELS)
    assert result.success[broken].all()
    assert not result.success.all() and result.success.any()
