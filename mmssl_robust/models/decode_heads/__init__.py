"""Heads for dense tasks, on the tokens of a frozen encoder."""

from .conv_depth_head import ConvDepthHead
from .linear_bn_head import LinearBNHead
from .linear_depth_head import LinearDepthHead

__all__ = ['ConvDepthHead', 'LinearBNHead', 'LinearDepthHead']
