"""Classification heads that MMPretrain lacks."""

from .bank_head import BankHead
from .knn_head import KNNHead

__all__ = ['BankHead', 'KNNHead']
