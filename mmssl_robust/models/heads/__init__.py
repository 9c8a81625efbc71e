"""Classification heads that MMPretrain lacks."""

from .bank_head import BankHead
from .cosine_head import CosineHead
from .embedding_head import EmbeddingHead
from .filled_head import FilledHead
from .knn_head import KNNHead
from .retrieval_head import RetrievalHead

__all__ = ['BankHead', 'CosineHead', 'EmbeddingHead', 'FilledHead', 'KNNHead', 'RetrievalHead']
