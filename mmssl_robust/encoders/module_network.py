"""Any module as a network of tokens: by what it is, else by what it returns."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.pretrained import Loaded, load_encoder

from .info import IMAGENET_MEAN, IMAGENET_STD, EncoderInfo, of_255
from .network import TokenNetwork, Tokens
from .outputs import Layer, read_layers
from .spec import EncoderSpec

_USUAL_SIZE = (224, 224)


class ModuleNetwork(TokenNetwork):
    """A module of one's own.

    One with DINOv2's ``get_intermediate_layers`` gives any layer before and after the norm; of another,
    ``forward_features`` or else ``forward`` is called once and its result is taken as it is.

    Args:
        spec: Its options, and else attributes ``mean`` and ``std`` (of pixels in [0, 1]) and ``image_size`` or
            ``img_size`` of the module, say what it needs, of one of timm timm's settings; by default ImageNet's mean
            and standard deviation and 224.
        module: The module.
        weights: Path or URL of weights to load.

    Raises:
        UserError: If what it returns is not understood.
    """

    def __init__(self, spec: EncoderSpec, module: nn.Module, weights: str | None = None) -> None:
        super().__init__()
        module.eval()  # MMPretrain's returns nothing
        self.spec, self.model, self.weights = spec, module, weights
        self.chooses_layers = _has_dinov2s_layers(module)
        self.patch = spec.number('patch_size')
        size = self._native_size()
        layers = self._probe(size)
        self.patch = self.patch or layers[-1].patch
        multiple = self.patch or 1
        larger = (size[0] + multiple, size[1] + multiple)
        self.info = EncoderInfo(
            mean=self._colours('mean') or IMAGENET_MEAN,
            std=self._colours('std') or IMAGENET_STD,
            patch_size=self.patch or size[0],
            size_multiple=multiple,
            native_size=size,
            widths=tuple(_width(layer) for layer in layers),
            has_cls=layers[-1].has_cls,
            fixed_size=not self._takes(larger),
        )

    def tokens(self, images: Tensor, indices: Sequence[int], norm: bool) -> list[Tokens]:  # noqa: D102
        autocast = torch.is_autocast_enabled(images.device.type)
        layers = self._layers(images if autocast else images.to(self._dtype), indices, norm)
        pairs = [(_vector(layer), layer.featmap) for layer in layers]
        return pairs if autocast else [(vector.to(images), _or_none(featmap, images)) for vector, featmap in pairs]

    def load(self) -> Loaded:  # noqa: D102
        return load_encoder(self.model, self.weights or '', weights=self.spec.which)

    def _layers(self, images: Tensor, indices: Sequence[int] | None, norm: bool) -> list[Layer]:
        """The layers of these indices, None for all."""
        size = (images.shape[-2], images.shape[-1])
        if self.chooses_layers:
            order = list(range(self._depth())) if indices is None else list(indices)
            wanted = sorted(set(order))
            outputs = self.model.get_intermediate_layers(
                images, n=wanted, reshape=True, return_class_token=True, norm=norm
            )
            found = dict(zip(wanted, read_layers(list(outputs), size, self.patch)))
            return [found[index] for index in order]
        call: Callable[..., Any] = getattr(self.model, 'forward_features', self.model)
        layers = read_layers(call(images), size, self.patch)
        return layers if indices is None else [layers[index] for index in indices]

    def _depth(self) -> int:
        """How many blocks there are, which DINOv2's may hold in chunks."""
        return int(getattr(self.model, 'n_blocks', len(self.model.blocks)))

    @torch.no_grad()
    def _probe(self, size: tuple[int, int]) -> list[Layer]:
        parameter = next(self.model.parameters(), torch.zeros(()))
        images = torch.zeros(1, 3, *size, device=parameter.device, dtype=self._dtype)
        try:
            return self._layers(images, None, True)
        except UserError as error:
            raise UserError(f'{self.spec}: {error}') from None
        except Exception as error:  # a module of any kind
            raise UserError(
                f'{self.spec} cannot encode an image of {size[0]}x{size[1]} ({first_line(error)}): say which size it '
                'takes, ?size=...'
            ) from error

    @property
    def _dtype(self) -> torch.dtype:
        """Of the pixels that the module takes: its weights may be of half precision."""
        return next((part.dtype for part in self.model.parameters() if part.is_floating_point()), torch.float32)

    def _takes(self, size: tuple[int, int]) -> bool:
        try:
            self._probe(size)
        except UserError:
            return False
        return True

    def _native_size(self) -> tuple[int, int]:
        given = self.spec.size()
        timms = self._timms_settings.get('input_size', [None])[1:]
        own = getattr(self.model, 'image_size', None) or getattr(self.model, 'img_size', None) or timms
        if given or not own:
            return given or _USUAL_SIZE
        height, width = own if isinstance(own, (tuple, list)) else (own, own)
        return int(height), int(width)

    @property
    def _timms_settings(self) -> dict[str, Any]:
        return getattr(self.model, 'pretrained_cfg', None) or {}

    def _colours(self, name: str) -> tuple[float, ...] | None:
        values = self.spec.numbers(name) or getattr(self.model, name, None) or self._timms_settings.get(name)
        if not isinstance(values, (tuple, list, Tensor)):
            return None
        flat = torch.as_tensor(values, dtype=torch.float64).flatten().tolist()
        if len(flat) != 3 or not all(0 <= value <= 1 for value in flat):
            raise UserError(f'{self.spec}: {name} is three numbers, of red, green and blue in [0, 1], not {flat}')
        return of_255(flat)


def _has_dinov2s_layers(module: nn.Module) -> bool:
    method = getattr(module, 'get_intermediate_layers', None)
    if method is None or not hasattr(module, 'blocks'):
        return False
    return {'n', 'reshape', 'return_class_token', 'norm'} <= inspect.signature(method).parameters.keys()


def _vector(layer: Layer) -> Tensor:
    if layer.cls_token is not None:
        return layer.cls_token
    return layer.featmap.mean(dim=(2, 3))  # type: ignore[union-attr]


def _or_none(featmap: Tensor | None, images: Tensor) -> Tensor | None:
    return None if featmap is None else featmap.to(images)


def _width(layer: Layer) -> int:
    part = layer.featmap if layer.featmap is not None else layer.cls_token
    return part.shape[1]  # type: ignore[union-attr]
