"""How many images the paper's data sets have and how large the models see them, to plan before anything is there."""

from typing import NamedTuple


class Nominal(NamedTuple):
    """A data set as the shipped configs use it.

    Attributes:
        images: Of its test set.
        size: Height and width after the test pipeline, typical where the images differ.
        training_images: Of its training set.
        training_size: Height and width after the training pipeline.
    """

    images: int
    size: tuple[int, int]
    training_images: int
    training_size: tuple[int, int]


_SQUARE = (224, 224)
_CROP = (448, 448)

# By the names of the paper's tables.
NOMINAL = {
    'CIFAR10': Nominal(10_000, _SQUARE, 50_000, _SQUARE),
    'CIFAR100': Nominal(10_000, _SQUARE, 50_000, _SQUARE),
    'STL10': Nominal(8_000, _SQUARE, 5_000, _SQUARE),
    'ADE20k': Nominal(2_000, (448, 597), 20_210, _CROP),
    'CityScapes': Nominal(500, (1024, 2048), 2_975, _CROP),
    'PASCAL VOC 2012': Nominal(1_449, (448, 597), 10_582, _CROP),
    'NYU-Depth-v2': Nominal(654, (480, 640), 795, (448, 560)),
}
