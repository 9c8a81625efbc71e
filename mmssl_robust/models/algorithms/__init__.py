"""Training algorithms for encoders."""

from .dino import DINO
from .dino_head import DINOHead
from .distillation import FeatureDistillation

__all__ = ['DINO', 'DINOHead', 'FeatureDistillation']
