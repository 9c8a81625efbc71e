"""The ranking of a gallery, against similarities one by one, and as a classifier under attack."""

import pytest
import torch
from mmpretrain.structures import DataSample

from mmssl_robust.models.heads import RetrievalHead
from mmssl_robust.utils.errors import UserError


def fitted(labels=(2, 0, 1, 0, 2, 0, 1, 2), temperature=0.1):
    head = RetrievalHead(num_classes=4, temperature=temperature)
    head.fit(torch.randn(len(labels), 5), torch.tensor(labels))
    return head


def queries(*labels):
    return [DataSample().set_gt_label(label) for label in labels]


def cosine(one, two):
    return float(one @ two / one.norm() / two.norm())


def test_ranks_and_similarities_one_by_one():
    head, features = fitted(), torch.randn(4, 5)
    samples = head.predict((features,), queries(0, 1, 2, 0))
    for feature, sample in zip(features, samples):
        cosines = [cosine(feature, image) for image in head.features]
        order = sorted(range(8), key=lambda place: -cosines[place])
        wanted = [rank for rank, place in enumerate(order, 1) if head.labels[place] == sample.gt_label]
        assert sample.ranks.tolist() == wanted
        for label in range(3):
            highest = max(own for own, other in zip(cosines, head.labels) if other == label)
            assert sample.similarities[label] == pytest.approx(highest, abs=1e-6)
        assert sample.similarities[3] == -1  # of which the gallery has none


def test_the_predicted_class_is_that_of_the_nearest_image():
    head, features = fitted(), torch.randn(50, 5)
    logits = head((features,))
    samples = head.predict((features,), queries(*[0] * 50))
    nearest = head.labels[(features @ head.features.T).argmax(dim=1)]
    assert torch.equal(logits.argmax(dim=1), nearest)
    assert torch.equal(torch.cat([sample.pred_label for sample in samples]), nearest)
    assert [bool(sample.ranks[0] == 1) for sample in samples] == (nearest == 0).tolist()
    torch.testing.assert_close(torch.stack([sample.similarities for sample in samples]), logits * 0.1)


def test_equally_near_images_are_ranked_by_class_in_any_order_of_the_gallery():
    image = torch.ones(1, 5)
    for labels in ([2, 1], [1, 2]):
        head = RetrievalHead(num_classes=3)
        head.fit(image.expand(2, 5), torch.tensor(labels))
        (sample,) = head.predict((image,), queries(2))
        assert sample.ranks.tolist() == [2] and head((image,)).argmax() == 1


def test_the_gradient_flows_to_the_nearest_of_each_class():
    head = fitted()
    features = torch.randn(3, 5, requires_grad=True)
    torch.nn.functional.cross_entropy(head((features,)), torch.tensor([0, 1, 2])).backward()
    assert (features.grad.abs().amax(dim=1) > 0).all()


def test_a_query_without_a_class_has_no_ranks():
    (sample,) = fitted().predict((torch.randn(1, 5),))
    assert 'ranks' not in sample and sample.similarities.shape == (4,)
    (sample,) = fitted().predict((torch.randn(1, 5),), queries(3))
    assert not len(sample.ranks)


def test_the_gallery_is_in_no_checkpoint_and_must_be_filled():
    head = RetrievalHead(num_classes=3)
    assert not head.state_dict()
    with pytest.raises(UserError, match='bank of the RetrievalHead is empty'):
        head((torch.randn(2, 5),))
