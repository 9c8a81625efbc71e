"""Attacks: threat model x objective x optimiser, in plain PyTorch."""

from .modes import eval_mode, frozen
from .named import DepthPGD, EmbedAttack, SegPGD
from .objectives import CrossEntropy, DepthLoss, EmbeddingCosine, EmbeddingDistance, Objective, SegPGDLoss
from .pgd import PGD
from .result import AttackResult, Perturbation
from .threat_models import L2, Linf, ThreatModel

__all__ = [
    'L2',
    'PGD',
    'AttackResult',
    'CrossEntropy',
    'DepthLoss',
    'DepthPGD',
    'EmbedAttack',
    'EmbeddingCosine',
    'EmbeddingDistance',
    'Linf',
    'Objective',
    'Perturbation',
    'SegPGD',
    'SegPGDLoss',
    'ThreatModel',
    'eval_mode',
    'frozen',
]
