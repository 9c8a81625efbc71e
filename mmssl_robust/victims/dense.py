"""Segmentors and depth estimators of mmseg under attack."""

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.structures import BaseDataElement, PixelData
from mmseg.models import BaseSegmentor
from torch import Tensor, nn

from mmssl_robust.attacks import Attack, Ensemble
from mmssl_robust.attacks.oracle import region_in
from mmssl_robust.attacks.upsampled import Outputs, full
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.thresholds import EVERY_TARGET, USUAL_THRESHOLDS
from mmssl_robust.victims.budget import encode_in_budget, memory_budget

from .base import Victim
from .batch import name_of
from .seen import Seen
from .tail import Grid, Tail, has_linear_tail
from .thresholds import thresholds_of


class DenseVictim(Victim):
    """A segmentor or depth estimator of mmseg, by whole or sliding-window inference.

    Predictions lie at each image's original size, on a common canvas if the
    sizes differ; the rest of the canvas counts as unlabelled.
    """

    task_tokens = 'patch'
    annotation: str

    def __init__(self, model: BaseSegmentor, data_batch: dict[str, Any], memory: str | int | None = None) -> None:
        super().__init__(model, data_batch, memory)
        self.memory = memory_budget(memory, self.inputs.device)
        # Also when only some of the samples are attacked.
        self.canvas = tuple(max(sample.ori_shape[axis] for sample in self.data_samples) for axis in (0, 1))
        self.grid = Grid.of(model.test_cfg, self.inputs)
        linear = has_linear_tail(model, self.data_samples)
        self.tail = Tail(model, self.grid, self.canvas, self.inputs) if linear else None
        for sample in self.data_samples:
            if self.annotation in sample:
                size = tuple(sample.get(self.annotation).data.shape[-2:])
                if size != tuple(sample.ori_shape[:2]):
                    path = sample.get('seg_map_path') or sample.get('depth_map_path') or name_of(sample)
                    raise UserError(
                        f'the annotation {path} is {size[1]}x{size[0]}, its image '
                        f'{sample.ori_shape[1]}x{sample.ori_shape[0]}: both must have one size'
                    )

    @property
    def thresholds(self) -> dict[str, float]:  # noqa: D102
        return thresholds_of(self.model) if self._given is None else EVERY_TARGET

    def seen_by(self, attack: Attack | Ensemble, precision: str = 'fp32') -> tuple[Seen, Tensor | None]:
        """See :meth:`Victim.seen_by`; what moves pixels away from their ground truth is refused."""
        if getattr(attack, 'moves_pixels', False):
            raise UserError(
                f'{self.task} is measured pixel by pixel, and a crop moves them: use the presets corruptions or '
                'edits-in-place'
            )
        return super().seen_by(attack, precision)

    @property
    def unlabelled(self) -> float:
        """The target that does not count, where an image has no annotation."""
        return 0

    def prediction(self, pixels: Tensor) -> Tensor:  # noqa: D102
        return full(self.compact_prediction(pixels))

    def compact_prediction(self, pixels: Tensor) -> Outputs:  # noqa: D102
        inputs = self.normalise(pixels)
        if self.tail is None:
            samples = self.model.predict(inputs, self._fresh_samples())
            return _on_canvas([self._output_of(sample) for sample in samples], self.canvas, fill=1)
        windows = encode_in_budget(self._small_maps, self.grid.windows(inputs), self.memory, self.model)
        return self.tail.join(windows, [sample.metainfo for sample in self.data_samples])

    def _small_maps(self, inputs: Tensor) -> Tensor:
        return self.model.decode_head(self.model.extract_feat(inputs))

    def check_truth(self) -> None:  # noqa: D102
        for sample in self.data_samples:
            if self.annotation not in sample:
                raise UserError(f'{name_of(sample)} has no {self.annotation}: load annotations in the test pipeline')

    def targets(self) -> Tensor:  # noqa: D102
        self.check_truth()
        annotations = [sample.get(self.annotation).data for sample in self.data_samples]
        return _on_canvas(annotations, self.canvas, fill=self.unlabelled).to(self.inputs.device)

    def outside(self, region: Tensor) -> 'DenseVictim':  # noqa: D102
        other, maps = copy.copy(self), self.region_of_maps(region)
        other.data_samples = [self._without(sample, covered) for sample, covered in zip(self.data_samples, maps)]
        return other

    def _without(self, sample: BaseDataElement, covered: Tensor) -> BaseDataElement:
        if self.annotation not in sample:
            return sample
        truth = sample.get(self.annotation).data
        rows, columns = truth.shape[-2:]
        truth = truth.masked_fill(covered[:, :rows, :columns].to(truth.device), self.unlabelled)
        return _with_truth(sample, self.annotation, truth)

    def judged_here(self, predictions: list[BaseDataElement]) -> list[BaseDataElement]:  # noqa: D102
        pairs = zip(predictions, self.data_samples, strict=True)
        return [
            _with_truth(prediction, self.annotation, sample.get(self.annotation).data)
            if self.annotation in sample
            else prediction
            for prediction, sample in pairs
        ]

    def region_of_maps(self, region: Tensor) -> Tensor:  # noqa: D102
        images = [part[:, :rows, :columns] for part, (rows, columns) in zip(region, self.sizes)]
        maps = [
            region_in(image[None], sample.ori_shape[:2])[0].float() for image, sample in zip(images, self.data_samples)
        ]
        return _on_canvas(maps, self.canvas, fill=0) > 0

    def windowed(self, network: nn.Module, pixels: Tensor) -> Tensor:  # noqa: D102
        return self._of_windows(network, self.normalise(pixels), network)

    def _features(self, inputs: Tensor) -> Any:
        return self.model.backbone(inputs)

    def _tokens(self, inputs: Tensor, tokens: str) -> Tensor:
        return self._encoded(partial(super()._tokens, tokens=tokens), inputs, self.model.backbone)

    def _encoded(self, encode: Callable[[Tensor], Tensor], inputs: Tensor, encoder: nn.Module) -> Tensor:
        """Tokens of the whole input, or of each window of mmseg's sliding-window inference once, one after another."""
        return self._of_windows(encode, inputs, encoder).flatten(1, 2)

    def _of_windows(self, encode: Callable[[Tensor], Tensor], inputs: Tensor, owner: nn.Module) -> Tensor:
        """What a function says of each window, (B, W, ...)."""
        windows = encode_in_budget(encode, self.grid.windows(inputs), self.memory, owner)
        return windows.unflatten(0, (-1, len(inputs))).transpose(0, 1)


class SegmentorVictim(DenseVictim):
    """Logits (B, C, H, W), targets (B, H, W) with the head's ``ignore_index`` where unlabelled.

    Examples:
        >>> import torch
        >>> from mmengine.config import Config
        >>> from mmengine.registry import DefaultScope
        >>> from mmengine.structures import PixelData
        >>> from mmseg.registry import MODELS
        >>> from mmseg.structures import SegDataSample
        >>> from mmssl_robust.attacks import SegPGD
        >>> from mmssl_robust.utils.config_files import find_config
        >>> from mmssl_robust.victims import SegmentorVictim
        >>> with DefaultScope.overwrite_default_scope('mmseg'):
        ...     model = MODELS.build(Config.fromfile(find_config('mini_camvid')).model)
        >>> sample = SegDataSample(metainfo=dict(sample_idx=0, img_shape=(16, 24), ori_shape=(16, 24)))
        >>> sample.gt_sem_seg = PixelData(data=torch.zeros(1, 16, 24, dtype=torch.long))
        >>> victim = SegmentorVictim(model, dict(inputs=[torch.zeros(3, 16, 24)], data_samples=[sample]))
        >>> victim.prediction(victim.pixels).shape, victim.targets().shape
        (torch.Size([1, 11, 16, 24]), torch.Size([1, 16, 24]))
        >>> victim.attack(SegPGD(steps=2)).adv.shape
        torch.Size([1, 3, 16, 24])
    """

    output = 'seg_logits'
    task = 'segmentation'
    annotation = 'gt_sem_seg'

    @property
    def unlabelled(self) -> float:  # noqa: D102
        return self.thresholds.get('ignore_index', USUAL_THRESHOLDS['ignore_index'])

    def compact_prediction(self, pixels: Tensor) -> Outputs:  # noqa: D102
        logits = super().compact_prediction(pixels)
        if logits.shape[1] == 1:
            raise UserError('a segmentor with one output channel cannot be attacked: give it a channel per class')
        return logits

    def targets(self) -> Tensor:  # noqa: D102
        return super().targets().squeeze(1).long()


class DepthVictim(DenseVictim):
    """Depth (B, 1, H, W) in metres, targets of the same shape with 0 where unknown.

    Examples:
        >>> import torch
        >>> from mmengine.config import Config
        >>> from mmengine.registry import DefaultScope
        >>> from mmengine.structures import PixelData
        >>> from mmseg.registry import MODELS
        >>> from mmseg.structures import SegDataSample
        >>> from mmssl_robust.attacks import DepthPGD
        >>> from mmssl_robust.utils.config_files import find_config
        >>> from mmssl_robust.victims import DepthVictim
        >>> with DefaultScope.overwrite_default_scope('mmseg'):
        ...     model = MODELS.build(Config.fromfile(find_config('mini_nyu')).model)
        >>> sample = SegDataSample(metainfo=dict(sample_idx=0, img_shape=(16, 24), ori_shape=(16, 24)))
        >>> sample.gt_depth_map = PixelData(data=torch.full((1, 16, 24), 2.0))  # metres
        >>> victim = DepthVictim(model, dict(inputs=[torch.zeros(3, 16, 24)], data_samples=[sample]))
        >>> victim.prediction(victim.pixels).shape, victim.targets().unique()
        (torch.Size([1, 1, 16, 24]), tensor([2.]))
        >>> victim.attack(DepthPGD(steps=2)).adv.shape
        torch.Size([1, 3, 16, 24])
    """

    output = 'pred_depth_map'
    task = 'depth'
    annotation = 'gt_depth_map'


def _with_truth(sample: BaseDataElement, annotation: str, truth: Tensor) -> BaseDataElement:
    other = sample.clone()
    other.set_data({annotation: PixelData(data=truth)})
    return other


def _on_canvas(maps: Sequence[Tensor], size: Sequence[int], fill: float) -> Tensor:
    """Stack maps (C, H, W) of differing size at the top left of a common canvas."""
    height, width = size
    return torch.stack(
        [F.pad(part, (0, width - part.shape[-1], 0, height - part.shape[-2]), value=fill) for part in maps]
    )
