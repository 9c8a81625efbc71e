"""What an annotation must be before a pipeline goes on with it."""

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from mmssl_robust.functional.depth_errors import EIGEN_CROP
from mmssl_robust.registry import TRANSFORMS
from mmssl_robust.utils.errors import UserError

from ..orientation import check_size
from ..reading import IGNORED, wrong_label


@TRANSFORMS.register_module()
class IgnoreLabel(BaseTransform):
    """Turn a data set's own void label into 255, which losses, attacks and metrics ignore.

    Args:
        label: The data set's label of unlabelled pixels.
    """

    def __init__(self, label: int) -> None:
        self.label = label

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change ``gt_seg_map``."""
        results['gt_seg_map'] = np.where(results['gt_seg_map'] == self.label, IGNORED, results['gt_seg_map'])
        return results


@TRANSFORMS.register_module()
class EigenCrop(BaseTransform):
    """Mark depth outside Eigen's crop of 480 x 640 images as missing, for the attack as for the metric."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change ``gt_depth_map``."""
        depth = np.zeros_like(results['gt_depth_map'])
        depth[EIGEN_CROP] = results['gt_depth_map'][EIGEN_CROP]
        results['gt_depth_map'] = depth
        return results


@TRANSFORMS.register_module()
class CheckAnnotations(BaseTransform):
    """Compare the annotation with its image, right after both were loaded.

    Args:
        num_classes: Label maps hold 0 to ``num_classes - 1`` and 255; None leaves labels unchecked.

    Raises:
        UserError: If the sizes differ or a label is out of range; names the file.
    """

    def __init__(self, num_classes: int | None = None) -> None:
        self.num_classes = num_classes

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Check ``gt_seg_map`` or ``gt_depth_map`` against ``ori_shape``."""
        for field, path in (('gt_seg_map', 'seg_map_path'), ('gt_depth_map', 'depth_map_path')):
            if field in results:
                check_size(results[field], results[path], results['img_path'], results['ori_shape'])
        if self.num_classes is not None:
            self._check_labels(results, self.num_classes)
        return results

    def _check_labels(self, results: dict[str, Any], classes: int) -> None:
        wrong = wrong_label(results['gt_seg_map'], classes)
        if wrong is not None:
            raise UserError(
                f'{results["seg_map_path"]} holds label {wrong}, but the model has {classes} classes: '
                'change num_classes, or map the label to 255'
            )
