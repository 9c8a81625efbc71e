"""Encoders."""

from .dino_vit import ARCHITECTURES, DINOVisionTransformer
from .feature_cache import FeatureCache
from .pos_embed import resample_pos_embed
from .weights import extract_encoder

__all__ = [
    'ARCHITECTURES',
    'DINOVisionTransformer',
    'FeatureCache',
    'extract_encoder',
    'resample_pos_embed',
]
