"""A batch of images as a model takes them: pixels in and out of its own preprocessing."""

import copy
from collections import Counter
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import torch
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from mmpretrain.models import SelfSupDataPreprocessor
from torch import Tensor, nn

from mmssl_robust.attacks.modes import eval_mode
from mmssl_robust.defences import Defended, undefended
from mmssl_robust.functional.pixel_space import PixelSpace
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.image_sizes import named_size_errors

if TYPE_CHECKING:
    from typing_extensions import Self

# mmpretrain, mmseg, and mmseg upstream name the same switch differently.
_CHANNEL_SWITCHES = ('to_rgb', '_channel_conversion', 'channel_conversion')


class ModelBatch:
    """A model and one batch of its data.

    Attributes:
        pixels: (B, 3, H, W) in [0, 1], in the model's channel order, padding 0.
        mask: (B, 1, H, W), True where a pixel belongs to an image; None if nothing was padded.
        keys: Index of each sample in its data set.
        data_samples: Annotations as the model's preprocessor left them.
    """

    output: str

    def __init__(self, model: BaseModel, data_batch: dict[str, Any]) -> None:
        self.model = model
        images = list(data_batch['inputs'])
        preprocessor = undefended(model.data_preprocessor)
        data = preprocessor(_as_wanted(preprocessor, data_batch), False)
        self.inputs: Tensor = data['inputs']
        self.data_samples: list[BaseDataElement] = data['data_samples']
        self.sizes = [tuple(image.shape[-2:]) for image in images]
        self.keys = [_key(sample) for sample in self.data_samples]
        self.mask = self._mask()
        self.space = PixelSpace(preprocessor, self.inputs, images)
        self.pixels = self.space.to_pixels(self.inputs, self.mask)
        self.swaps_channels = self._swaps_channels(images[0])
        self._calls: Counter[int] | None = None

    def _swaps_channels(self, image: Tensor) -> bool:
        """Whether the preprocessor turns BGR into RGB, or back; of a grey image it says so itself."""
        rows, columns = image.shape[-2:]
        image, seen = image.to(self.inputs), self.space.to_images(self.pixels[0, :, :rows, :columns])
        straight, swapped = ((seen - other).abs().mean() for other in (image, image.flip(0)))
        if (straight - swapped).abs() > 1e-3 * self.space.image_white:
            return bool(swapped < straight)
        return any(getattr(self.model.data_preprocessor, name, False) for name in _CHANNEL_SWITCHES)

    def _mask(self) -> Tensor | None:
        batch, _, height, width = self.inputs.shape
        if set(self.sizes) == {(height, width)}:
            return None
        mask = torch.zeros(batch, 1, height, width, dtype=torch.bool, device=self.inputs.device)
        for image_mask, (rows, columns) in zip(mask, self.sizes):
            image_mask[:, :rows, :columns] = True
        return mask

    def normalise(self, pixels: Tensor) -> Tensor:
        """Model input (B, 3, H, W) for pixels in [0, 1], through its defence; padding is the preprocessor's."""
        inputs = self.space.to_inputs(self._defended(pixels))
        return inputs if self.mask is None else torch.where(self.mask, inputs, self.inputs)

    def _defended(self, pixels: Tensor) -> Tensor:
        preprocessor = self.model.data_preprocessor
        if not isinstance(preprocessor, Defended):
            return pixels
        if self._calls is None:
            return preprocessor.defend(pixels, self.sizes, self.keys)
        self._calls.update(self.keys)
        return preprocessor.defend(pixels, self.sizes, self.keys, [self._calls[key] for key in self.keys])

    def _drawing(self) -> 'Self':
        """The same, whose defence draws anew at each call, counted for each image since now: no other image matters."""
        other = copy.copy(self)
        other._calls = Counter()
        return other

    def as_inputs(self, pixels: Tensor) -> list[Tensor]:
        """Images (3, H, W) as the data loader would give them, but floats, for a stock ``test_step``."""
        images = [image[:, :rows, :columns] for image, (rows, columns) in zip(self.space.to_images(pixels), self.sizes)]
        return [image[[2, 1, 0]] for image in images] if self.swaps_channels else images

    @torch.no_grad()
    def predict(self, pixels: Tensor) -> list[BaseDataElement]:
        """Predictions for these pixels, exactly as ``model.test_step`` makes them in eval mode.

        Raises:
            UserError: If a prediction is not finite, or the model cannot take images of this size; names the image.
        """
        with eval_mode(self.model), self._named_size_errors():
            samples = self.model(self.normalise(pixels), self._fresh_samples(), mode='predict')
        for sample in samples:
            if not self._output_of(sample).isfinite().all():
                raise UserError(
                    f'the prediction for {name_of(sample)} holds NaN or infinity: check the checkpoint and the image'
                )
        return samples

    def _named_size_errors(self) -> AbstractContextManager[None]:
        images = [self.pixels[place, :, :rows, :columns] for place, (rows, columns) in enumerate(self.sizes)]
        return named_size_errors(self.model, dict(inputs=images, data_samples=self.data_samples))

    def only(self, indices: Tensor) -> 'Self':
        """The same model with some of the samples, by their places (N,)."""
        part, places = copy.copy(self), indices.tolist()
        part.inputs, part.pixels = self.inputs[indices], self.pixels[indices]
        part.mask = None if self.mask is None else self.mask[indices]
        for name in ('data_samples', 'sizes', 'keys'):
            setattr(part, name, [getattr(self, name)[place] for place in places])
        return part

    def _output_of(self, sample: BaseDataElement) -> Tensor:
        output = sample.get(self.output)
        return output if isinstance(output, Tensor) else output.data

    def _fresh_samples(self) -> list[BaseDataElement]:
        # Models write their predictions into the samples that they are given.
        return [sample.clone() for sample in self.data_samples]


def _as_wanted(preprocessor: nn.Module, data_batch: dict[str, Any]) -> dict[str, Any]:
    """A batch as a preprocessor wants it: one for several views takes a list of images for such."""
    if not isinstance(preprocessor, SelfSupDataPreprocessor):
        return data_batch
    return dict(inputs=torch.stack(list(data_batch['inputs'])), data_samples=data_batch['data_samples'])


def _key(sample: BaseDataElement) -> int:
    if 'sample_idx' not in sample:
        raise UserError(
            'samples do not say their place in the data set: wrap it in mmssl_robust.TolerantDataset, or add '
            "'sample_idx' to meta_keys of the packing transform"
        )
    return int(sample.sample_idx)


def name_of(sample: BaseDataElement) -> str:
    """What to call an image in an error message."""
    return str(sample.get('img_path') or f'image {_key(sample)}')
