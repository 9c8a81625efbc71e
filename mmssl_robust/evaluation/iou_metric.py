"""Overlaps of segmentation, from areas that are counted exactly; they take the place of MMSegmentation's."""

from typing import Any

import torch
from mmseg.evaluation import IoUMetric as StockIoU
from mmseg.registry import METRICS as MMSEG_METRICS
from torch import Tensor

from mmssl_robust.registry import METRICS
from mmssl_robust.utils.errors import UserError

_LABEL = 3  # place of the area of the ground truth among those of an image


@METRICS.register_module()
class IoUMetric(StockIoU):
    """MMSegmentation's metric, the same in any order of the images. Configs get this one under either name.

    MMSegmentation's own adds areas of several million pixels in 32 bits, whose sums depend on the order of the images,
    and so on the number of processes.

    Args:
        **kwargs: As of MMSegmentation's.

    Raises:
        UserError: If no image has a pixel whose label counts.
    """

    @staticmethod
    def intersect_and_union(
        pred_label: Tensor, label: Tensor, num_classes: int, ignore_index: int
    ) -> tuple[Tensor, ...]:
        """Return the areas of each class (K,) in an image: of the overlap, union, prediction and ground truth."""
        areas = StockIoU.intersect_and_union(pred_label, label, num_classes, ignore_index)
        return tuple(area.to(torch.float64) for area in areas)

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Return the metrics of all images, in percent."""
        if not self.format_only and not any(areas[_LABEL].any() for areas in results):
            raise UserError(
                'no image has a pixel whose label counts: all are ignored; check the label maps, ignore_index and '
                'reduce_zero_label'
            )
        return super().compute_metrics(results)


# Whoever names MMSegmentation's metric gets this one.
MMSEG_METRICS.register_module(name='IoUMetric', module=IoUMetric, force=True)
