"""What an attacker maximises, one objective a file."""

from .base import Forward, Objective
from .cross_entropy import CrossEntropy
from .embedding import EmbeddingDistance
from .segpgd import SegPGDLoss

__all__ = ['CrossEntropy', 'EmbeddingDistance', 'Forward', 'Objective', 'SegPGDLoss']
