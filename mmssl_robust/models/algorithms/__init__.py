"""Training algorithms for encoders."""

from .deacl import DeACL
from .dino import DINO
from .dino_head import DINOHead
from .distillation import FeatureDistillation

__all__ = ['DINO', 'DINOHead', 'DeACL', 'FeatureDistillation']
