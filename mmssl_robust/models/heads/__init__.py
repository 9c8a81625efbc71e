"""Classification heads that MMPretrain lacks."""

from .bank_head import BankHead
from .embedding_head import EmbeddingHead
from .filled_head import FilledHead
from .knn_head import KNNHead
from .retrieval_head import RetrievalHead

__all__ = ['BankHead', 'EmbeddingHead', 'FilledHead', 'KNNHead', 'RetrievalHead']
