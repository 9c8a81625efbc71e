"""Losses in plain PyTorch; :mod:`mmssl_robust.models.registered_losses` makes them known to MMEngine."""

from .deacl_loss import DeACLLoss
from .dino_loss import DINOLoss
from .gradient_loss import GradientLoss
from .lore_loss import DualNetwork, LORELoss
from .sig_loss import SigLoss

__all__ = [
    'DINOLoss',
    'DeACLLoss',
    'DualNetwork',
    'GradientLoss',
    'LORELoss',
    'SigLoss',
]
