"""The place of a defence: before a model, behind what makes its inputs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from mmssl_robust.functional.pixel_space import PixelSpace
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import check_integer

from .through import defend

_USUAL = dict(mmseg='mmseg.SegDataPreProcessor')


@MODELS.register_module()
class Defended(nn.Module):
    """A data preprocessor that defends: what it makes of images goes through an input transformation.

    The transformation sees each whole image, without padding, as pixels in [0, 1]. In training there is none.

    Args:
        defence: Config of a module, see :func:`~mmssl_robust.defences.defend`. It has no weights in the model's
            checkpoint; its own, where it has some, are loaded as its ``init_cfg`` says.
        bpda: See :func:`~mmssl_robust.defences.defend`.
        seed: Likewise. The first draw for an image decides the prediction that is scored.
        of: Type of the preprocessor that normalises; by default OpenMMLab's for the scope.
        **settings: Of that preprocessor.

    Attributes:
        inner: The preprocessor without the defence, whose attributes are found here too.
        defence: The transformation.

    Raises:
        UserError: If the defence is none.

    Examples:
        >>> import torch
        >>> from mmssl_robust.defences import Defended
        >>> normal = dict(mean=[127.5] * 3, std=[127.5] * 3)
        >>> preprocessor = Defended(dict(type='mmssl_robust.Quantise', levels=2), **normal)
        >>> batch = dict(inputs=torch.full((1, 3, 8, 8), 200, dtype=torch.uint8))
        >>> preprocessor(batch)['inputs'].unique()  # white after the defence, which is 1 when it is normalised
        tensor([1.])
        >>> preprocessor(batch, training=True)['inputs'].unique().round(decimals=2)  # (200 - 127.5) / 127.5
        tensor([0.5700])
    """

    inner: nn.Module

    def __init__(
        self, defence: Mapping[str, Any], bpda: bool = True, seed: int = 0, of: str | None = None, **settings: Any
    ) -> None:
        super().__init__()
        if not isinstance(defence, Mapping) or not defence.get('type'):
            raise UserError(f'defence={defence!r}: give dict(type=..., ...), such as dict(type="mmssl_robust.JPEG")')
        scope = DefaultScope.get_current_instance()
        usual = _USUAL.get(scope.scope_name if scope else '', 'mmpretrain.ClsDataPreprocessor')
        self.inner = MODELS.build(dict(type=of or usual, **settings))
        module = MODELS.build(dict(defence)).eval().requires_grad_(False)
        if hasattr(module, 'init_weights'):
            module.init_weights()
        self._held = [module]  # in a list, which torch does not look into: no checkpoint has it
        self.bpda = bpda
        self.seed = check_integer(seed, 'seed', 0)

    def __getattr__(self, name: str) -> Any:
        """Attributes of the inner preprocessor, such as its mean."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name == 'inner':
                raise
            return getattr(self.inner, name)

    @property
    def defence(self) -> nn.Module:
        """The transformation."""
        return self._held[0]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> 'Defended':
        """Move or cast the defence with the model."""
        self.defence._apply(fn, recurse)
        return super()._apply(fn, recurse)

    def forward(self, data: dict[str, Any], training: bool = False) -> Any:
        """Preprocess a batch, and defend it unless it is for training."""
        made = self.inner(data, training)
        if training:
            return made
        images, inputs = list(data['inputs']), made['inputs']
        space, mask = PixelSpace(self.inner, inputs, images), torch.zeros_like(inputs[:, :1], dtype=torch.bool)
        sizes = [tuple(image.shape[-2:]) for image in images]
        for place, (rows, columns) in enumerate(sizes):
            mask[place, :, :rows, :columns] = True
        samples = made.get('data_samples') or [{}] * len(images)
        keys = [sample.get('sample_idx', place) for place, sample in enumerate(samples)]
        pixels = self.defend(space.to_pixels(inputs, mask), sizes, keys)
        return made | dict(inputs=torch.where(mask, space.to_inputs(pixels), inputs))

    def defend(
        self, pixels: Tensor, sizes: Sequence[tuple[int, ...]], keys: Sequence[int], calls: Sequence[int] | None = None
    ) -> Tensor:
        """Transform images at the top left of padded ones.

        Args:
            pixels: (B, 3, H, W) in [0, 1].
            sizes: Height and width of each image without its padding, which stays as it is.
            keys: See :func:`~mmssl_robust.defences.defend`.
            calls: Likewise.
        """
        calls = [0] * len(pixels) if calls is None else calls
        found: list[Tensor] = list(pixels)
        for size in dict.fromkeys(sizes):
            places = [place for place, own in enumerate(sizes) if own == size]
            part = pixels[places][..., : size[0], : size[1]]
            numbers = ([values[place] for place in places] for values in (keys, calls))
            for place, image in zip(places, defend(self.defence, part, self.bpda, self.seed, *numbers)):
                found[place] = _padded(image, pixels[place])
        return torch.stack(found)


def undefended(preprocessor: nn.Module) -> nn.Module:
    """A data preprocessor without its defence, if it has one.

    Examples:
        >>> from torch import nn
        >>> from mmssl_robust.defences import Defended, undefended
        >>> preprocessor = Defended(dict(type='mmssl_robust.JPEG', quality=75))
        >>> type(undefended(preprocessor)).__name__
        'ClsDataPreprocessor'
        >>> plain = nn.Identity()
        >>> undefended(plain) is plain
        True
    """
    return preprocessor.inner if isinstance(preprocessor, Defended) else preprocessor


def _padded(image: Tensor, whole: Tensor) -> Tensor:
    """The image in place of the top left of a padded one (3, H, W)."""
    rows, columns = image.shape[-2:]
    if image.shape == whole.shape:
        return image
    right = torch.cat([image, whole[:, :rows, columns:]], dim=2)
    return torch.cat([right, whole[:, rows:]], dim=1)
