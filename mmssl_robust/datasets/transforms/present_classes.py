"""From a label map to the classes that an image shows."""

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from mmssl_robust.registry import TRANSFORMS
from mmssl_robust.utils.errors import UserError

from .annotations import IGNORED


@TRANSFORMS.register_module()
class PresentClasses(BaseTransform):
    """Turn a label map into multi-label ground truth, so that a segmentation data set serves classification too.

    Args:
        num_classes: Label maps hold 0 to ``num_classes - 1``; other labels are no class.
        min_share: A class is present that covers at least this share of all pixels.
        ignore_index: The label that does not count.

    Raises:
        UserError: If the share is not in (0, 1].

    Examples:
        >>> import numpy as np
        >>> from mmssl_robust.datasets import PresentClasses
        >>> labels = np.array([[0, 0, 0, 2]])
        >>> PresentClasses(num_classes=3, min_share=0.5).transform(dict(gt_seg_map=labels))['gt_score'].tolist()
        [1.0, 0.0, 0.0]
    """

    def __init__(self, num_classes: int, min_share: float = 0.01, ignore_index: int = IGNORED) -> None:
        if not 0 < min_share <= 1:
            raise UserError(f'min_share is {min_share}: it must be above 0 and at most 1')
        self.num_classes = num_classes
        self.min_share = min_share
        self.ignore_index = ignore_index

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace ``gt_seg_map`` (H, W) by ``gt_score`` (K,), 1 where the class is present, else 0."""
        labels = results.pop('gt_seg_map')
        counted = labels[labels != self.ignore_index]
        counts = np.bincount(counted, minlength=self.num_classes)[: self.num_classes]
        results['gt_score'] = (counts >= self.min_share * labels.size).astype(np.float32)
        return results
