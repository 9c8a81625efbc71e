"""Linear heads for dense tasks."""

from .linear_bn_head import LinearBNHead
from .linear_depth_head import LinearDepthHead

__all__ = ['LinearBNHead', 'LinearDepthHead']
