"""What an annotation must be before a pipeline goes on with it."""

from collections.abc import Sequence
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
    """Turn a data set's own void label into the one that losses, attacks and metrics ignore.

    Args:
        label: The data set's label of unlabelled pixels.
        ignore_index: The label that does not count.

    Examples:
        >>> import numpy as np
        >>> from mmssl_robust.datasets import IgnoreLabel
        >>> IgnoreLabel(label=11).transform(dict(gt_seg_map=np.array([[0, 11]])))['gt_seg_map'].tolist()
        [[0, 255]]
    """

    def __init__(self, label: int, ignore_index: int = IGNORED) -> None:
        self.label = label
        self.ignore_index = ignore_index

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change ``gt_seg_map``."""
        labels = results['gt_seg_map']
        kind = np.result_type(labels.dtype, np.min_scalar_type(self.ignore_index))  # 300 has no room in eight bits
        results['gt_seg_map'] = np.where(labels == self.label, self.ignore_index, labels).astype(kind)
        return results


@TRANSFORMS.register_module()
class MapLabels(BaseTransform):
    """Number the classes of label maps from 0 on.

    Args:
        labels: The labels in the files, by class. Others do not count.
        ignore_index: What those become.

    Examples:
        >>> import numpy as np
        >>> from mmssl_robust.datasets import MapLabels
        >>> MapLabels(labels=[7, 21]).transform(dict(gt_seg_map=np.array([[7, 21, 3]])))['gt_seg_map'].tolist()
        [[0, 1, 255]]
    """

    def __init__(self, labels: Sequence[int], ignore_index: int = IGNORED) -> None:
        self.labels = list(labels)
        self.ignore_index = ignore_index

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change ``gt_seg_map``."""
        stored = results['gt_seg_map']
        mapped = np.full(stored.shape, self.ignore_index, np.uint8 if self.ignore_index < 256 else np.int32)
        for place, label in enumerate(self.labels):
            mapped[stored == label] = place
        results['gt_seg_map'] = mapped
        return results


@TRANSFORMS.register_module()
class EigenCrop(BaseTransform):
    """Mark depth outside Eigen's crop of 480 x 640 images as missing, for the attack as for the metric.

    Examples:
        >>> import numpy as np
        >>> from mmssl_robust.datasets import EigenCrop
        >>> depth = EigenCrop().transform(dict(gt_depth_map=np.ones((480, 640))))['gt_depth_map']
        >>> float(depth[0, 0]), float(depth[240, 320])  # a corner is missing now
        (0.0, 1.0)
    """

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
        num_classes: Label maps hold 0 to ``num_classes - 1`` and the label that does not count; None leaves labels
            unchecked.
        ignore_index: The label that does not count.

    Raises:
        UserError: If the sizes differ or a label is out of range; names the file.

    Examples:
        >>> import numpy as np
        >>> from mmssl_robust.datasets import CheckAnnotations
        >>> results = dict(gt_seg_map=np.array([[0, 7]]), ori_shape=(1, 2), img_path='a.jpg', seg_map_path='a.png')
        >>> CheckAnnotations(num_classes=3).transform(results)
        Traceback (most recent call last):
        mmssl_robust.utils.errors.UserError: a.png holds label 7, but the model has 3 classes: ...
    """

    def __init__(self, num_classes: int | None = None, ignore_index: int = IGNORED) -> None:
        self.num_classes = num_classes
        self.ignore_index = ignore_index

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Check ``gt_seg_map`` or ``gt_depth_map`` against ``ori_shape``."""
        for field, path in (('gt_seg_map', 'seg_map_path'), ('gt_depth_map', 'depth_map_path')):
            if field in results:
                check_size(results[field], results[path], results['img_path'], results['ori_shape'])
        if self.num_classes is not None:
            self._check_labels(results, self.num_classes)
        return results

    def _check_labels(self, results: dict[str, Any], classes: int) -> None:
        wrong = wrong_label(results['gt_seg_map'], classes, self.ignore_index)
        if wrong is not None:
            raise UserError(
                f'{results["seg_map_path"]} holds label {wrong}, but the model has {classes} classes: '
                f'change num_classes, or map the label to {self.ignore_index}'
            )
