"""Encoders."""

from .dino_vit import ARCHITECTURES, DINOVisionTransformer
from .feature_cache import FeatureCache
from .pos_embed import resample_pos_embed
from .resnet import ResNet
from .weights import extract_encoder, load_encoder_weights

__all__ = [
    'ARCHITECTURES',
    'DINOVisionTransformer',
    'FeatureCache',
    'ResNet',
    'extract_encoder',
    'load_encoder_weights',
    'resample_pos_embed',
]
