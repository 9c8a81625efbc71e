"""Losses in plain PyTorch; :mod:`mmssl_robust.registered` makes them known to MMEngine."""

from .deacl_loss import DeACLLoss, token_cosine
from .dino_loss import DINOLoss
from .gradient_loss import GradientLoss, gradient_matching_loss
from .sig_loss import SigLoss, scale_invariant_log_loss

__all__ = [
    'DINOLoss',
    'DeACLLoss',
    'GradientLoss',
    'SigLoss',
    'gradient_matching_loss',
    'scale_invariant_log_loss',
    'token_cosine',
]
