"""Classification heads that MMPretrain lacks."""

from .bank_head import BankHead
from .knn_head import KNNHead
from .retrieval_head import RetrievalHead

__all__ = ['BankHead', 'KNNHead', 'RetrievalHead']
