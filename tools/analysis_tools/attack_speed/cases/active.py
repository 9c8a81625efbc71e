"""PGD that leaves an image alone at its first wrong iterate."""

import torch
import torch.nn.functional as F

from attack_speed import models
from attack_speed.baselines import by_backward
from attack_speed.contest import Contest, Settings
from attack_speed.engine import victim_of
from mmssl_robust.attacks import PGD, CrossEntropy

from .classification import scored, textbook

_ROBUST = 0.05  # of which the target speaks
_SAME = 'the same images broken'
_EPS = 1.35 / 255  # so little that images break at different steps, and one of the 24 does not


def active_set(
    settings: Settings, arch: models.Arch = 'dino_vits16', size: int = 64, images: int = 24, steps: int = 20
) -> Contest:
    """PGD, worst over iterates, where almost every image breaks: with images dropped, beside the textbook.

    The labels are the network's clean predictions. Images of 64 pixels keep it short: what is saved is steps.
    """
    torch.manual_seed(settings.seed)
    model = models.classifier(arch).to(settings.device, settings.dtype)
    images = settings.batch_size or images
    batch = models.classification_batch(images, (size, size))
    victim = victim_of(model, batch)
    with torch.no_grad():
        predicted = victim.prediction(victim.pixels).argmax(dim=1)
    for sample, label in zip(batch['data_samples'], predicted.tolist()):
        sample.set_gt_label(label)
    victim = victim_of(model, batch)
    settings_of = dict(eps=_EPS, step_size=_EPS / 4, steps=steps)
    whole, dropping = (PGD(CrossEntropy(), stop_at_success=stop, **settings_of) for stop in (False, True))
    broken, broken_by_ours = victim.attack(whole).success, victim.attack(dropping).success
    different = int((broken != broken_by_ours).sum())
    robust = float(1 - broken.double().mean())
    plain = textbook(model)
    gradient = by_backward(
        plain.model, lambda pixels: F.cross_entropy(plain.logits(pixels), predicted, reduction='sum')
    )
    return Contest(
        images=images,
        runs=dict(
            ours=lambda: victim.attack(dropping),
            textbook=lambda: scored(gradient, plain.logits, victim.pixels, _EPS, _EPS / 4, steps),
        ),
        notes=f'robust accuracy {robust:.1%}, ' + (f'OUTCOME OF {different} IMAGES DIFFERS' if different else _SAME),
        valid=robust < _ROBUST and not different,
    )
