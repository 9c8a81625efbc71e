"""Segmentors and depth estimators of mmseg under attack."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmssl_robust.attacks.tokens import windows
from mmssl_robust.utils.errors import UserError

from .base import Victim, name_of


class DenseVictim(Victim):
    """A segmentor or depth estimator of mmseg, by whole or sliding-window inference.

    Predictions lie at each image's original size, on a common canvas if the
    sizes differ; the rest of the canvas counts as unlabelled.
    """

    task_tokens = 'patch'
    annotation: str
    unlabelled: int

    def __init__(self, model: nn.Module, data_batch: dict[str, Any]) -> None:
        super().__init__(model, data_batch)
        # Also when only some of the samples are attacked.
        self.canvas = tuple(max(sample.ori_shape[axis] for sample in self.data_samples) for axis in (0, 1))
        for sample in self.data_samples:
            if self.annotation in sample:
                size = tuple(sample.get(self.annotation).data.shape[-2:])
                if size != tuple(sample.ori_shape[:2]):
                    path = sample.get('seg_map_path') or sample.get('depth_map_path') or name_of(sample)
                    raise UserError(
                        f'the annotation {path} is {size[1]}x{size[0]}, its image '
                        f'{sample.ori_shape[1]}x{sample.ori_shape[0]}: both must have one size'
                    )

    def prediction(self, pixels: Tensor) -> Tensor:  # noqa: D102
        outputs = self.model.inference(self.normalise(pixels), [sample.metainfo for sample in self.data_samples])
        samples = self.model.postprocess_result(outputs, self._fresh_samples())
        return _on_canvas([self._output_of(sample) for sample in samples], self.canvas, fill=1)

    def targets(self) -> Tensor:  # noqa: D102
        for sample in self.data_samples:
            if self.annotation not in sample:
                raise UserError(f'{name_of(sample)} has no {self.annotation}: load annotations in the test pipeline')
        annotations = [sample.get(self.annotation).data for sample in self.data_samples]
        return _on_canvas(annotations, self.canvas, fill=self.unlabelled).to(self.inputs.device)

    def _features(self, inputs: Tensor) -> Any:
        return self.model.backbone(inputs)

    def _views(self, inputs: Tensor) -> Iterator[Tensor]:
        """The whole input, or each window of mmseg's sliding-window inference once."""
        config = self.model.test_cfg
        if not config.get('mode', 'whole').startswith('slide'):
            yield inputs
        else:
            yield from windows(inputs, config['crop_size'], config['stride'])


class SegmentorVictim(DenseVictim):
    """Logits (B, C, H, W), targets (B, H, W) with 255 where unlabelled."""

    output = 'seg_logits'
    annotation = 'gt_sem_seg'
    unlabelled = 255

    def prediction(self, pixels: Tensor) -> Tensor:  # noqa: D102
        logits = super().prediction(pixels)
        if logits.shape[1] == 1:
            raise UserError('a segmentor with one output channel cannot be attacked: give it a channel per class')
        return logits

    def targets(self) -> Tensor:  # noqa: D102
        return super().targets().squeeze(1).long()


class DepthVictim(DenseVictim):
    """Depth (B, 1, H, W) in metres, targets of the same shape with 0 where unknown."""

    output = 'pred_depth_map'
    annotation = 'gt_depth_map'
    unlabelled = 0


def _on_canvas(maps: Sequence[Tensor], size: Sequence[int], fill: float) -> Tensor:
    """Stack maps (C, H, W) of differing size at the top left of a common canvas."""
    height, width = size
    return torch.stack(
        [F.pad(part, (0, width - part.shape[-1], 0, height - part.shape[-2]), value=fill) for part in maps]
    )
