"""Certified embeddings, without labels."""

from typing import Any

import numpy as np
from mmengine.structures import BaseDataElement

from mmssl_robust.certified import certify_median

from .base import Certifier, Predictions


class EmbeddingCertifier(Certifier):
    """How near an image stays to itself: the median, under noise, of its cosine, and of what that exceeds others by.

    The cosine is that of CLS with CLS of the image without noise; an image is nearest to itself where the median of its
    margin over the nearest other image is above 0.
    """

    shown = ('nearest', 'cls_cosine')
    extra_passes = 1

    def certify(self, predictions: Predictions) -> list[dict[str, Any]]:
        """Return a row for each radius with lower bounds of cosine and margin, and whether both are bounded."""
        samples = [sample for part in predictions for sample in part]
        found = [sample.comparison for sample in samples]
        values = np.array([[one['cls_cosine'] for one in found], [one['margin'] / 2 for one in found]])
        bounds = certify_median(values.T, self.smoothing, self.radii, -1, 1)
        return [
            dict(
                radius=radius,
                cls_cosine=float(cosine),
                margin=float(2 * margin),
                nearest=bool(margin > 0),
                abstained=self.abstained(radius, samples[0]),
            )
            for radius, ((cosine, margin), _) in zip(self.radii, bounds)
        ]

    def tests(self, sample: BaseDataElement) -> int:
        """Two bounds of cosine and margin."""
        return 4
