"""Classification heads that MMPretrain lacks."""

from .knn_head import KNNHead

__all__ = ['KNNHead']
