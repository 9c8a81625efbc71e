"""Makes the losses for depth, which know no MMEngine type, known to its registry."""

from mmssl_robust.models.losses import GradientLoss, SigLoss
from mmssl_robust.registry import MODELS

for loss in (SigLoss, GradientLoss):
    MODELS.register_module(module=loss)
