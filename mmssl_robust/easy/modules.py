"""Any PyTorch network as a model that the evaluation knows: pixels in, logits, label maps or depth out."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from mmpretrain.models import BaseClassifier
from mmpretrain.structures import DataSample
from mmseg.models.segmentors import BaseSegmentor
from mmseg.models.segmentors import DepthEstimator as StockDepthEstimator
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.thresholds import USUAL_THRESHOLDS

Network = Callable[[Tensor], Any]


class PlainInputs(nn.Module):
    """A preprocessor that does nothing: the network normalises its images itself.

    Args:
        white: What a white pixel is in the images, 1 or 255.
        device: Where the network is.
    """

    def __init__(self, white: float, device: torch.device) -> None:
        super().__init__()
        self.white = white
        self.device = device

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:  # noqa: ARG002
        """Stack images (3, H, W)."""
        samples = [sample.to(self.device) for sample in data['data_samples']]
        return dict(inputs=torch.stack(list(data['inputs'])).to(self.device).float(), data_samples=samples)


class PlainClassifier(BaseClassifier):
    """A network with logits (B, K).

    Args:
        network: Function of images (B, 3, H, W).
        inputs: Its preprocessor.
    """

    has_embedding = False

    def __init__(self, network: Network, inputs: PlainInputs) -> None:
        super().__init__()
        self.network, self.data_preprocessor = network, inputs

    def forward(self, inputs: Tensor, data_samples: Any = None, mode: str = 'tensor') -> Any:
        """Return logits, or in the mode ``'predict'`` samples with scores."""
        logits = outputs_of(self.network, inputs, 2, 'logits (B, K)')
        if mode == 'tensor':
            return logits
        scores = logits.softmax(dim=1)
        return [
            (sample or DataSample()).set_pred_score(own).set_pred_label(own.argmax(dim=0, keepdim=True))
            for sample, own in zip(data_samples, scores, strict=True)
        ]

    def extract_feat(self, inputs: Tensor, stage: str = '') -> Any:  # noqa: ARG002
        """A plain network has no embedding that anyone could know."""
        raise UserError(_NO_EMBEDDING)


class _PlainDense:
    """What segmentors and depth estimators share."""

    network: Network
    shape = ''
    has_embedding = False

    def inference(self, inputs: Tensor, batch_img_metas: Sequence[dict[str, Any]]) -> Tensor:  # noqa: ARG002
        """Return maps (B, K, h, w), which may be smaller than the images."""
        return outputs_of(self.network, inputs, 4, self.shape)

    def predict(self, inputs: Tensor, data_samples: Sequence[SegDataSample]) -> Any:
        """Return samples with label maps or depth."""
        metas = [sample.metainfo for sample in data_samples]
        return self.postprocess_result(self.inference(inputs, metas), data_samples)  # type: ignore[attr-defined]

    def extract_feat(self, inputs: Tensor) -> Any:  # noqa: ARG002
        """A plain network has no embedding that anyone could know."""
        raise UserError(_NO_EMBEDDING)

    encode_decode = loss = _forward = extract_feat

    def _prepare(self, network: Network, inputs: PlainInputs, thresholds: dict[str, float]) -> None:
        self.network, self.data_preprocessor = network, inputs
        self.test_cfg, self.align_corners = dict(mode='whole'), False
        # Who asks the head what counts is told.
        self.decode_head = SimpleNamespace(
            **{name: thresholds.get(name, value) for name, value in USUAL_THRESHOLDS.items()}
        )
        self.backbone = nn.Identity()


class PlainSegmentor(_PlainDense, BaseSegmentor):
    """A network with logits (B, K, h, w); arguments as for :class:`PlainClassifier`."""

    shape = 'logits (B, K, h, w)'

    def __init__(self, network: Network, inputs: PlainInputs, **thresholds: float) -> None:
        BaseSegmentor.__init__(self)
        self._prepare(network, inputs, thresholds)


class PlainDepthEstimator(_PlainDense, StockDepthEstimator):
    """A network with depth (B, h, w) or (B, 1, h, w) in metres; arguments as for :class:`PlainClassifier`."""

    shape = 'depth (B, 1, h, w)'

    def __init__(self, network: Network, inputs: PlainInputs, **thresholds: float) -> None:
        BaseSegmentor.__init__(self)
        self._prepare(network, inputs, thresholds)

    def inference(self, inputs: Tensor, batch_img_metas: Sequence[dict[str, Any]]) -> Tensor:
        """Return depth (B, 1, H, W), as large as the images."""
        depth = super().inference(inputs, batch_img_metas)
        return F.interpolate(depth, size=inputs.shape[-2:], mode='bilinear', align_corners=False)


MODELS = dict(classification=PlainClassifier, segmentation=PlainSegmentor, depth=PlainDepthEstimator)
"""Task -> class."""
_NO_EMBEDDING = (
    'a plain network has outputs and no embedding: attack its outputs (pgd, segpgd, depthpgd; '
    'corruptions by an objective such as CrossEntropy), or name an encoder'
)


def outputs_of(network: Network, images: Tensor, dimensions: int, wanted: str) -> Tensor:
    """Return a network's outputs as one tensor of so many dimensions.

    Args:
        network: Gives a tensor, a tuple or dict whose first tensor it is, an object with ``logits`` or
            ``predicted_depth``, or a sequence of a tensor for each image, as MAITE's protocol has it.
        images: (B, 3, H, W).
        dimensions: How many.
        wanted: What is wanted, for the message.

    Raises:
        UserError: If there is no such tensor.
    """
    outputs = network(images)
    for name in ('logits', 'out', 'predicted_depth', 'depth'):
        found = outputs.get(name) if isinstance(outputs, dict) else getattr(outputs, name, None)
        outputs = found if isinstance(found, Tensor) else outputs
    if isinstance(outputs, (list, tuple)) and outputs and isinstance(outputs[0], Tensor):
        each = len(outputs) == len(images) and outputs[0].ndim == dimensions - 1
        outputs = torch.stack(list(outputs)) if each else outputs[0]
    if isinstance(outputs, Tensor) and dimensions == 4 and outputs.ndim == 3 and 'depth' in wanted:
        outputs = outputs.unsqueeze(1)
    if not isinstance(outputs, Tensor) or outputs.ndim != dimensions or len(outputs) != len(images):
        got = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise UserError(f'the network gives {got} for images {tuple(images.shape)}: it has to give {wanted}')
    return outputs.float()
