"""What PGD says about broken models, bad settings and bad arguments, in one line each."""

import pytest
import torch
from toys import Peak

from mmssl_robust.attacks import PGD, CrossEntropy, EmbeddingDistance
from mmssl_robust.utils.errors import UserError

NET = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 4))


def images(batch=6):
    return torch.rand(batch, 3, 8, 8, generator=torch.Generator().manual_seed(0))


TARGETS = torch.tensor([0, 1, 2, 3, 0, 1])


@pytest.mark.parametrize(
    ('forward', 'says'),
    [
        (lambda x: x.sum(dim=(1, 2, 3)) * torch.tensor([1, torch.nan]), r'loss for image \[8\]'),
        (lambda x: x.sum(dim=(1, 2, 3)) + torch.tensor([torch.inf, 0]), r'loss for image \[5\]'),
        (lambda x: (0 * x).sqrt().sum(dim=(1, 2, 3)), r'gradient for image \[5, 8\]'),
        (lambda x: x.detach().sum(dim=(1, 2, 3)), 'does not depend on the pixels'),
        (lambda x: torch.ones(2, requires_grad=True), 'does not depend on the pixels'),
        (lambda x: x.sum(dim=(1, 2, 3)).half(), 'float16'),
    ],
)
def test_broken_models(forward, says):
    with pytest.raises(UserError, match=says):
        PGD(Peak(), steps=2)(forward, images(2), keys=[5, 8])


def test_nan_of_the_last_forward_is_noticed():
    """With one step, only the start and the last iterate are seen: the last must be checked too."""
    forward = lambda x: x.sum(dim=(1, 2, 3)) if x.requires_grad else x.sum(dim=(1, 2, 3)) * torch.nan  # noqa: E731
    with pytest.raises(UserError, match='NaN'):
        PGD(Peak(), steps=1)(forward, images(2))


class Mean(Peak):
    def __call__(self, outputs, targets, step, steps):
        return outputs.mean()


def test_averaged_loss_is_refused():
    with pytest.raises(ValueError, match='6 images'):
        PGD(Mean(), steps=1)(lambda x: x.sum(dim=(1, 2, 3)), images())


def test_one_output_for_each_image():
    with pytest.raises(ValueError, match='1 outputs for 6 images'):
        PGD(Peak(), steps=1)(lambda x: x.sum()[None], images())


@pytest.mark.parametrize(
    ('settings', 'says'),
    [
        (dict(norm='l0'), 'linf, l2'),
        (dict(keep='worst'), 'best, last, first'),
        (dict(active=0), 'active=0'),
        (dict(active=1.5), 'active=1.5'),
        (dict(eps=-0.1), 'negative'),
        (dict(eps='12/10'), 'above 1'),
        (dict(norm='l2', eps=-1), 'negative'),
        (dict(step_size=0), 'positive'),
        (dict(step_size='-2/255'), 'positive'),
        (dict(step_size='two'), 'number'),
        (dict(steps=-1), 'steps=-1'),
        (dict(steps=2.5), 'steps=2.5'),
        (dict(restarts=0), 'restarts=0'),
        (dict(seed=-1), 'seed=-1'),
        (dict(restarts=2, random_start=False), 'random_start=True'),
        (dict(objective=EmbeddingDistance(), random_start=False), 'random_start=True'),
    ],
)
def test_bad_settings(settings, says):
    with pytest.raises(UserError, match=says) as error:
        PGD(**(dict(objective=CrossEntropy()) | settings))
    assert '\n' not in str(error.value)


def test_objective_must_be_one():
    with pytest.raises(TypeError, match='instance'):
        PGD(CrossEntropy)


@pytest.mark.parametrize(
    ('inputs', 'says'),
    [
        (images() * 255, r'\[0, 1\] and normalise in the model'),
        (images() - 0.5, r'\[0, 1\] and normalise'),
        (images() * torch.nan, r'\[nan, nan\]'),
    ],
)
def test_pixels_outside_the_range(inputs, says):
    with pytest.raises(UserError, match=says):
        PGD(CrossEntropy())(NET, inputs, TARGETS)


@pytest.mark.parametrize(
    ('arguments', 'says'),
    [
        (dict(inputs=images()[0]), 'pass float32'),
        (dict(inputs=images().half()), 'pass float32'),
        (dict(inputs=images()[:0]), 'pass float32'),
        (dict(targets=None), 'pass the ground truth'),
        (dict(targets=TARGETS[:5]), '5 targets for 6'),
        (dict(targets=TARGETS.float()), 'integer labels'),
        (dict(targets=TARGETS - 1), 'negative label'),
        (dict(targets=TARGETS + 99), 'classes, counted from 0'),
        (dict(targets=TARGETS[:, None]), 'integer labels'),
        (dict(keys=[1, 2]), '2 keys for 6'),
        (dict(keys=[-1, 0, 1, 2, 3, 4]), 'non-negative'),
        (dict(mask=torch.ones(6, 8, 8)), r'\(B, 1, H, W\)'),
    ],
)
def test_bad_arguments(arguments, says):
    with pytest.raises(ValueError, match=says):
        PGD(CrossEntropy())(NET, **(dict(inputs=images(), targets=TARGETS) | arguments))


def test_maps_of_logits_need_another_objective():
    with pytest.raises(ValueError, match='SegPGDLoss'):
        PGD(CrossEntropy())(lambda x: x, images(), TARGETS)
