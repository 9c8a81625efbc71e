"""Training algorithms for encoders."""

from .distillation import FeatureDistillation

__all__ = ['FeatureDistillation']
