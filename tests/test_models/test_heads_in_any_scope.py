"""Heads are built in Python whatever scope a Runner has left behind."""

import pytest
from mmengine.registry import DefaultScope

from mmssl_robust.models.heads import CosineHead, EmbeddingHead, KNNHead, RetrievalHead


@pytest.mark.parametrize('scope', ['mmengine', 'mmpretrain', 'mmseg'])
@pytest.mark.parametrize(
    'head, arguments',
    [(CosineHead, (3, 8)), (EmbeddingHead, ()), (KNNHead, (3,)), (RetrievalHead, (3,))],
)
def test_the_loss_is_mmpretrains(head, arguments, scope):
    with DefaultScope.overwrite_default_scope(scope):
        loss = head(*arguments).loss_module
    assert type(loss).__module__.startswith('mmpretrain.') and loss.loss_weight == 1
