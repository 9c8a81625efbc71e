"""What an encoder says of itself."""

from collections.abc import Sequence
from dataclasses import dataclass

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True)
class EncoderInfo:
    """How images have to come, and what comes out.

    Attributes:
        mean: Of red, green and blue, of pixels in [0, 255].
        std: Likewise.
        patch_size: Pixels from a patch token of the last layer to the next.
        size_multiple: Of what height and width of an image have to be multiples.
        native_size: Height and width that the encoder is made for.
        widths: Width of the tokens of each layer: of each block of a ViT, of each stage of a convolutional network.
        has_cls: Whether it has a CLS token; otherwise its pool stands for one.
        fixed_size: Whether it takes its native size alone.
        cls_parts: How many tokens stand for the CLS token, side by side.

    Examples:
        >>> from mmssl_robust.encoders import EncoderInfo
        >>> from mmssl_robust.encoders.info import IMAGENET_MEAN, IMAGENET_STD
        >>> info = EncoderInfo(IMAGENET_MEAN, IMAGENET_STD, 14, 14, (518, 518), widths=(384,) * 12, has_cls=True)
        >>> info.embed_dims, info.depth
        (384, 12)
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    patch_size: int
    size_multiple: int
    native_size: tuple[int, int]
    widths: tuple[int, ...]
    has_cls: bool
    fixed_size: bool = False
    cls_parts: int = 1

    @property
    def embed_dims(self) -> int:
        """Width of the tokens of the last layer."""
        return self.widths[-1]

    @property
    def depth(self) -> int:
        """How many layers there are to choose from."""
        return len(self.widths)


def of_255(values: Sequence[float]) -> tuple[float, ...]:
    """Mean or standard deviation of pixels in [0, 1] for those in [0, 255]."""
    return tuple(round(255 * value, 6) for value in values)
