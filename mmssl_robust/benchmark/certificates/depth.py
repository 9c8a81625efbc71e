"""Certified depth maps."""

from itertools import chain
from typing import Any

import numpy as np
import torch
from mmengine.structures import BaseDataElement

from mmssl_robust.certified import certify_median

from .base import Certifier, Predictions

_ERRORS = ('rmse', 'abs_rel', 'log10', 'delta1', 'delta2', 'delta3')
_OF_DIFFERENCES = _ERRORS[:2]


class DepthCertifier(Certifier):
    """The median depth of each pixel under noise, between two bounds; errors are the worst that these allow."""

    shown = ('rmse', 'abs_rel')

    def certify(self, predictions: Predictions) -> list[dict[str, Any]]:
        """Return a row for each radius with the largest errors, in metres the mean width, and whether it is bounded."""
        samples = chain.from_iterable(predictions)
        first = next(samples)
        maps = np.empty((self.draws, *first.pred_depth_map.data.shape[-2:]), np.float32)
        for depth, sample in zip(maps, chain([first], samples), strict=True):
            depth[:] = sample.pred_depth_map.data.squeeze(0).float().cpu().numpy()
        least, most = self.metric.min_depth, self.metric.max_depth
        bounds = certify_median(maps, self.smoothing, self.radii, least, most)
        return [
            dict(
                radius=radius,
                **self._worst(first, *ends),
                width=float((ends[1] - ends[0]).mean()),
                abstained=self.abstained(radius, first),
            )
            for radius, ends in zip(self.radii, bounds)
        ]

    def _worst(self, sample: BaseDataElement, low: np.ndarray, high: np.ndarray) -> dict[str, float | None]:
        """The errors if each pixel's median was where its error is largest; None where no pixel is valid."""
        lower, upper = (torch.from_numpy(np.asarray(end)) for end in (low, high))
        truth = sample.gt_depth_map.data.squeeze(0).cpu()
        far = self._errors(sample, torch.where(truth - lower > upper - truth, lower, upper))
        other = self._errors(sample, torch.where(truth / lower > upper / truth, lower, upper))
        return {name: (far if name in _OF_DIFFERENCES else other).get(name) for name in _ERRORS}

    def _errors(self, sample: BaseDataElement, depth: torch.Tensor) -> dict[str, float]:
        changed = sample.clone().cpu()
        changed.pred_depth_map.data = depth[None]
        return self.metric.errors_of(changed.to_dict()) or {}

    def tests(self, sample: BaseDataElement) -> int:
        """Two bounds of each pixel."""
        return 2 * int(np.prod(sample.ori_shape[:2]))
