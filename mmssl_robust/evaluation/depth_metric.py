"""Errors of monocular depth."""

from collections.abc import Mapping, Sequence
from math import fsum
from typing import Any

from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmssl_robust.functional.depth_errors import EIGEN_CROP, EIGEN_SIZE, depth_errors
from mmssl_robust.registry import METRICS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.thresholds import USUAL_THRESHOLDS


@METRICS.register_module()
class DepthMetric(BaseMetric):
    """Mean of :func:`depth_errors` over images, the protocol of Eigen et al. and their successors.

    Args:
        min_depth: A target up to this depth in metres is missing; predictions are clamped to it. None for that of the
            data set's ``metainfo``, 0.001 where it says nothing.
        max_depth: A target from this depth in metres on is not trusted; predictions are clamped to it. Likewise, 10.
        crop: ``'eigen'`` evaluates rows 45 to 470 and columns 41 to 600 of 480 x 640 images only.
        **kwargs: Further arguments of MMEngine's ``BaseMetric``.

    Raises:
        UserError: If an image does not fit the crop, or no image has a valid pixel.
    """

    def __init__(
        self, min_depth: float | None = None, max_depth: float | None = None, crop: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if crop not in (None, 'eigen'):
            raise UserError(f"unknown crop {crop!r}: use 'eigen' or none")
        self._told = dict(min_depth=min_depth, max_depth=max_depth)
        self.crop = crop

    @property
    def min_depth(self) -> float:
        """Up to which depth in metres a target is missing."""
        return self._threshold('min_depth')

    @property
    def max_depth(self) -> float:
        """From which depth in metres on a target is not trusted."""
        return self._threshold('max_depth')

    def _threshold(self, name: str) -> float:
        told, of_data = self._told[name], (self.dataset_meta or {}).get(name)
        if told is not None and of_data is not None and told != of_data:
            raise UserError(
                f'DepthMetric is told {name}={told:g}, but that of the data set is {of_data:g}: leave one of them out'
            )
        return next(value for value in (told, of_data, USUAL_THRESHOLDS[name]) if value is not None)

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:  # noqa: ARG002
        """Remember each image's errors."""
        self.results += [self.errors_of(sample) for sample in data_samples]

    def errors_of(self, sample: Mapping[str, Any]) -> dict[str, float] | None:
        """Return an image's :func:`depth_errors`, None if it has no valid pixel.

        Args:
            sample: A prediction with its ground truth, as ``to_dict`` of mmseg's ``SegDataSample`` gives it.

        Raises:
            UserError: If the image does not fit the crop.
        """
        pred = sample['pred_depth_map']['data'].squeeze(0)
        target, valid = self._target(sample)
        if self.crop:
            pred = pred[EIGEN_CROP]
        pred = pred.clamp(self.min_depth, self.max_depth)
        return depth_errors(pred[valid], target[valid]) if valid.any() else None

    def moments_of(self, sample: Mapping[str, Any]) -> tuple[float, float]:
        """Return mean and standard deviation in metres of the depth of an image that has a valid pixel."""
        target, valid = self._target(sample)
        known = target[valid].double()
        return float(known.mean()), float(known.std(correction=0))

    def _target(self, sample: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
        """True depth within the crop, and which pixels of it are valid."""
        target = sample['gt_depth_map']['data'].squeeze(0).to(sample['pred_depth_map']['data'])
        if self.crop == 'eigen':
            if tuple(target.shape) != EIGEN_SIZE:
                raise UserError(f'the Eigen crop is for 480x640 depth maps, not {tuple(target.shape)}: set crop=None')
            target = target[EIGEN_CROP]
        return target, (target > self.min_depth) & (target < self.max_depth)

    def compute_metrics(self, results: list[dict[str, float] | None]) -> dict[str, float]:
        """Average over the images that have a valid pixel."""
        known = [result for result in results if result is not None]
        if not known:
            raise UserError('no image has a valid depth: check depth_rescale_factor, min_depth and max_depth')
        return {name: fsum(result[name] for result in known) / len(known) for name in known[0]}
