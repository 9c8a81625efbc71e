"""CamVid: road scenes in 11 classes."""

from mmseg.datasets import BaseSegDataset

from mmssl_robust.registry import DATASETS


@DATASETS.register_module()
class CamVidDataset(BaseSegDataset):
    """CamVid (Brostow et al., 2009) in the 11 classes of SegNet, 255 unlabelled.

    Label maps are PNG with 0 to 10 for the classes below and 11 for void.

    Args:
        **kwargs: Arguments of MMSegmentation's ``BaseSegDataset``.

    Examples:
        >>> from mmssl_robust.datasets import CamVidDataset
        >>> from mmssl_robust.utils.assets import ASSETS  # a little of CamVid ships with the package
        >>> folders = dict(img_path='images/test', seg_map_path='annotations/test')
        >>> dataset = CamVidDataset(data_root=f'{ASSETS}/samples/camvid', data_prefix=folders)
        >>> len(dataset), dataset.metainfo['classes'][:3]
        (12, ('sky', 'building', 'pole'))
    """

    METAINFO = dict(
        classes=(
            *('sky', 'building', 'pole', 'road', 'pavement', 'tree'),
            *('sign_symbol', 'fence', 'car', 'pedestrian', 'bicyclist'),
        ),
        palette=[
            *([128, 128, 128], [128, 0, 0], [192, 192, 128], [128, 64, 128], [60, 40, 222], [128, 128, 0]),
            *([192, 128, 128], [64, 64, 128], [64, 0, 128], [64, 64, 0], [0, 128, 192]),
        ],
    )

    def __init__(self, img_suffix: str = '.jpg', seg_map_suffix: str = '.png', **kwargs) -> None:
        super().__init__(img_suffix=img_suffix, seg_map_suffix=seg_map_suffix, **kwargs)
