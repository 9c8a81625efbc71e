"""PGD that leaves an image alone at its first wrong iterate."""

import torch
import torch.nn.functional as F

from mmssl_robust.attacks import PGD, CrossEntropy
from mmssl_robust.benchmark.speed import models
from mmssl_robust.benchmark.speed.baselines import by_backward
from mmssl_robust.benchmark.speed.contest import Contest, Settings
from mmssl_robust.benchmark.speed.engine import victim_of
from mmssl_robust.utils.errors import UserError

from .classification import scored, textbook


def active_set(
    settings: Settings, arch: models.Arch = 'dino_vits16', size: int = 96, images: int = 16, steps: int = 20
) -> Contest:
    """PGD, worst over iterates, where almost every image breaks: with images dropped, and (``whole``) without.

    The labels are the network's clean predictions. Images of 96 pixels keep it short: what is saved is steps.

    Raises:
        UserError: If dropping changes which images are broken.
    """
    torch.manual_seed(settings.seed)
    model = models.classifier(arch).to(settings.device, settings.dtype)
    images = settings.batch_size or images
    batch = models.classification_batch(images, (size, size))
    # Where the head's logits lie apart, so that images break at different steps.
    with torch.no_grad():
        predicted = victim_of(model, batch).prediction(victim_of(model, batch).pixels).argmax(dim=1)
    for sample, label in zip(batch['data_samples'], predicted.tolist()):
        sample.set_gt_label(label)
    victim = victim_of(model, batch)
    whole, dropping = (PGD(CrossEntropy(), steps=steps, stop_at_success=stop) for stop in (False, True))
    broken = victim.attack(whole).success
    if not torch.equal(victim.attack(dropping).success, broken):
        raise UserError('PGD with stop_at_success breaks other images than without: this is a bug, please report it')
    plain = textbook(model)
    gradient = by_backward(
        plain.model, lambda pixels: F.cross_entropy(plain.logits(pixels), predicted, reduction='sum')
    )
    return Contest(
        images=images,
        runs=dict(
            ours=lambda: victim.attack(dropping),
            whole=lambda: victim.attack(whole),
            textbook=lambda: scored(gradient, plain.logits, victim.pixels, steps),
        ),
        notes=f'robust accuracy {1 - broken.double().mean():.1%}, the same images broken',
    )
