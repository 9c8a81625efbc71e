"""A frozen head of a task, as a reference of adversarial training."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.registry import DefaultScope
from mmengine.structures import BaseDataElement
from mmseg.models.segmentors import BaseSegmentor
from torch import Tensor, nn

from mmssl_robust.datasets.thresholds import share_thresholds
from mmssl_robust.functional.label_losses import class_loss, log_depth_loss, pixel_loss
from mmssl_robust.models.decode_heads import LinearDepthHead
from mmssl_robust.utils.config_files import find_config, read_config
from mmssl_robust.utils.config_values import check_values
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.mismatch import mismatch
from mmssl_robust.utils.numbers import check_number
from mmssl_robust.utils.released_heads import to_own_names
from mmssl_robust.utils.state_dict import build_model, read_weights

_LABELS = {'classes': 'gt_label', 'pixels': 'gt_sem_seg', 'depth': 'gt_depth_map'}  # by what a head predicts


class TaskHead(BaseModule):
    """What a head that was trained on the standard encoder says, and how far two of its predictions are apart.

    The distances need no label: the Kullback-Leibler divergence from the reference's classes, for segmentation its mean
    over the head's pixels, for depth the mean square of the log ratio. With ``labels`` the reference is what is known
    of the image: see :meth:`loss`.

    Args:
        config: Path of the task's config, such as ``'configs/segmentation/mini_camvid.py'``.
        head: Path or URL of the head's weights.
        scale: The distance that counts as 1, by which different tasks are brought to one measure; such as that between
            predictions for different images.
        labels: Whether the head is held to labels, in place of what it says of the teacher's features.

    Attributes:
        normed: Whether it reads tokens after the final norm.
        block: Index of the block that it reads, a tuple of one.

    Raises:
        UserError: If the config's encoder gives other tokens than one block's, or the scale is not positive.

    Examples:
        >>> import math, torch
        >>> from mmssl_robust.models.algorithms import TaskHead
        >>> head = TaskHead(config='mini_cifar10', head='mmssl_robust://mini/mini_cifar10.safetensors')
        >>> head.init_weights()
        >>> said, meant = torch.zeros(1, 2), torch.tensor([[math.log(3), 0.0]])  # 1/2, 1/2; 3/4, 1/4
        >>> round(head.distance(said, meant).item(), 4)  # 3/4 log(3/2) + 1/4 log(1/2)
        0.1308
    """

    def __init__(self, config: str, head: str, scale: float = 1.0, labels: bool = False) -> None:
        super().__init__()
        check_number(scale, 'scale', above=0)
        cfg = read_config(find_config(config))
        check_values(cfg, config)
        share_thresholds(cfg)
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmengine')):
            model = build_model(cfg.model)
        self.source, self.scale, self.labels = head, scale, labels
        self.name = 'decode_head' if isinstance(model, BaseSegmentor) else 'head'
        self.head = model.get_submodule(self.name)
        self.is_depth = isinstance(self.head, LinearDepthHead)
        self._encoder = {key: value.to('meta') for key, value in model.backbone.state_dict().items()}
        self._out_type = model.backbone.out_type
        self.normed = model.backbone.final_norm
        self.block = tuple(model.backbone.out_indices)
        if len(self.block) > 1:
            raise UserError(f'{config} reads several blocks: take a head that reads the last one')

    def check(self, encoder: nn.Module) -> None:
        """Find out before a training whether the head was trained on such an encoder, and can read the student's.

        Raises:
            UserError: If not.
        """
        problems = mismatch(self._encoder, encoder.state_dict())
        if problems:
            raise UserError(f'{self.source} belongs to another encoder; {problems}')
        if encoder.out_type not in (self._out_type, 'featmap_cls'):
            raise UserError(f"{self.source} reads {self._out_type}: set model.backbone.out_type='featmap_cls'")
        if encoder.final_norm not in (self.normed, 'both'):
            which = 'after' if self.normed else 'before'
            raise UserError(f"{self.source} reads tokens {which} the final norm: set model.backbone.final_norm='both'")
        self._both = encoder.final_norm == 'both'
        self._pair = encoder.out_type == 'featmap_cls'

    def init_weights(self) -> None:
        """Load the head.

        Raises:
            UserError: If its file does not fit; names the keys.
        """
        own = {f'{self.name}.{key}': value for key, value in self.head.state_dict().items()}
        given = to_own_names(read_weights(self.source).tensors, own.keys())
        given = {key: value for key, value in given.items() if key.startswith(f'{self.name}.')}
        problems = mismatch(own, given)
        if problems:
            raise UserError(f'{self.source} does not fit its config; {problems}')
        self.head.load_state_dict({key.removeprefix(f'{self.name}.'): value for key, value in given.items()})

    def forward(self, features: Any) -> Tensor:
        """Return the prediction for an encoder's features, at the head's own resolution.

        Args:
            features: What the encoder returns for B images.

        Returns:
            Logits (B, K) or (B, K, h, w), or depth (B, 1, h, w) in metres, in float32.

        Raises:
            UserError: If it predicts anything else.
        """
        prediction: Tensor = self.head((self._read(features),))
        if prediction.ndim not in (2, 4):
            raise UserError(
                f'{self.source} predicts {tuple(prediction.shape[1:]) or "one number"} for an image: frozen heads are '
                'those of classes, label maps and depth'
            )
        return prediction.float()

    def distance(self, prediction: Tensor, reference: Tensor) -> Tensor:
        """Return how far predictions are from references (B,), in units of ``scale``."""
        if self.is_depth:
            distances = (prediction.log() - reference.log()).square()
        else:
            terms = F.kl_div(
                prediction.log_softmax(dim=1), reference.log_softmax(dim=1), log_target=True, reduction='none'
            )
            distances = terms.sum(dim=1)
        return distances.flatten(1).mean(dim=1) / self.scale if distances.ndim > 1 else distances / self.scale

    def loss(self, prediction: Tensor, samples: Sequence[BaseDataElement]) -> Tensor:
        """Return the losses of predictions against labels (B,), in units of ``scale``.

        Cross-entropy for classes, its mean over the labelled pixels for segmentation, for depth the mean square of the
        log ratio. An image without a label of this task has 0: images of several data sets may lie in one batch.

        Args:
            prediction: As :meth:`forward` returns it.
            samples: With ``gt_label``, ``gt_sem_seg`` or ``gt_depth_map``.
        """
        rows = [row for row, sample in enumerate(samples) if self.label in sample]
        losses = 0 * prediction.flatten(1).sum(dim=1)  # part of the graph, even where no image counts
        if not rows:
            return losses
        labels = torch.stack([self._label_of(samples[row]) for row in rows]).to(prediction.device)
        return losses.index_add(0, losses.new_tensor(rows).long(), self._losses(prediction[rows], labels) / self.scale)

    @property
    def label(self) -> str:
        """Where a sample keeps the label of this task."""
        return _LABELS[self._predicts]

    @property
    def _predicts(self) -> str:
        if self.is_depth:
            return 'depth'
        return 'pixels' if self.name == 'decode_head' else 'classes'

    def _label_of(self, sample: BaseDataElement) -> Tensor:
        label: Any = sample.get(self.label)
        return label.squeeze() if self._predicts == 'classes' else label.data

    def _losses(self, prediction: Tensor, labels: Tensor) -> Tensor:
        if self.is_depth:
            return log_depth_loss(prediction, labels, self.head.min_depth, self.head.max_depth)
        if self._predicts == 'pixels':
            return pixel_loss(prediction, labels, self.head.ignore_index)
        return class_loss(prediction, labels)

    def _read(self, features: Any) -> Any:
        # Of both kinds of tokens of the last block those before the final norm lie in the middle.
        tokens = features[len(features) // 2 - 1] if self._both and not self.normed else features[-1]
        if not self._pair or self._out_type == 'featmap_cls':
            return tokens
        featmap, cls_token = tokens
        return featmap if self._out_type == 'featmap' else cls_token
