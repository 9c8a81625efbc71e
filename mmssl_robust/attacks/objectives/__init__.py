"""What an attacker maximises, one objective a file."""

from .base import Forward, Judgement, Objective
from .cross_entropy import CrossEntropy
from .depth import DepthLoss
from .embedding import EmbeddingCosine, EmbeddingDistance
from .segpgd import SegPGDLoss

__all__ = [
    'CrossEntropy',
    'DepthLoss',
    'EmbeddingCosine',
    'EmbeddingDistance',
    'Forward',
    'Judgement',
    'Objective',
    'SegPGDLoss',
]
