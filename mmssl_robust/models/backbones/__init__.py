"""Encoders."""

from .dino_vit import ARCHITECTURES, DINOVisionTransformer
from .pos_embed import resample_pos_embed
from .resnet import ResNet
from .weights import extract_encoder, load_encoder_weights

__all__ = [
    'ARCHITECTURES',
    'DINOVisionTransformer',
    'ResNet',
    'extract_encoder',
    'load_encoder_weights',
    'resample_pos_embed',
]
