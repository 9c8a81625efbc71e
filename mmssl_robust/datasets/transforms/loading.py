"""Loaders of annotations that lose nothing of the file in silence; they take the place of MMSegmentation's."""

import io
from pathlib import Path
from typing import Any

import cv2
import mmcv
import numpy as np
from mmengine import fileio
from mmseg.datasets.transforms import LoadAnnotations as StockAnnotations
from mmseg.datasets.transforms import LoadDepthAnnotation as StockDepth
from mmseg.registry import TRANSFORMS as MMSEG_TRANSFORMS
from mmseg.utils import datafrombytes
from PIL import Image, UnidentifiedImageError

from mmssl_robust.registry import TRANSFORMS
from mmssl_robust.utils.errors import UserError

from ..orientation import beside_its_image, check_size, orientation, turned
from ..reading import IGNORED, named_file


@TRANSFORMS.register_module()
class LoadAnnotations(StockAnnotations):
    """Label maps (H, W) as they are stored: of any depth, palettes as indices, turned as their images are.

    MMSegmentation's own would take 16-bit labels modulo 256. Configs get this one under either name.

    Args:
        turn: Whether to turn label maps by the EXIF orientation of their images, see
            :func:`~mmssl_robust.datasets.orientation.beside_its_image`; None: where the sizes tell.
        **kwargs: ``reduce_zero_label``, ``backend_args`` and ``imdecode_backend`` of MMSegmentation's; of the last only
            ``'tifffile'`` makes a difference.

    Raises:
        UserError: When called, if the file cannot be read, holds no labels or does not fit its image; names it.

    Examples:
        >>> from mmssl_robust.registry import TRANSFORMS
        >>> from mmssl_robust.utils.assets import ASSETS
        >>> load = TRANSFORMS.build(dict(type='mmseg.LoadAnnotations'))  # ours, under either name
        >>> sample = dict(seg_map_path=f'{ASSETS}/samples/camvid/annotations/test/0001TP_008550.png')
        >>> labels = load(sample)['gt_seg_map']
        >>> labels.shape, str(labels.dtype), int(labels.max())  # 11 is void
        ((360, 480), 'uint8', 11)
    """

    def __init__(self, *args: Any, turn: bool | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.turn = turn

    def _load_seg_map(self, results: dict[str, Any]) -> None:
        path = _path_of(results, 'seg_map_path')
        with named_file(path):
            content = fileio.get(path, backend_args=self.backend_args)
            labels, upright = self._decoded(content, path)
        labels = _fitted(labels, upright, results, path, self.turn)
        labels = _as_labels(labels, path)
        if self._reduces(results):
            labels = _without_zero(labels, path)
        stored = labels.copy()
        for old, new in (results.get('label_map') or {}).items():
            labels[stored == old] = new
        results['gt_seg_map'] = labels
        results.setdefault('seg_fields', []).append('gt_seg_map')

    def _decoded(self, content: bytes, path: str) -> tuple[np.ndarray, bool]:
        if Path(path).suffix.lower() == '.npy':
            return np.load(io.BytesIO(content), allow_pickle=False), False
        if self.imdecode_backend == 'tifffile':  # others stretch 1 to 4 bits, and take colours of palettes for labels
            return mmcv.imfrombytes(content, flag='unchanged', backend=self.imdecode_backend), False
        try:
            with Image.open(io.BytesIO(content)) as image:
                return _pixels(image, path)
        except UnidentifiedImageError:
            return _by_opencv(content), False

    def _reduces(self, results: dict[str, Any]) -> bool:
        wanted = results.get('reduce_zero_label', self.reduce_zero_label)
        if self.reduce_zero_label is not None and bool(wanted) != self.reduce_zero_label:
            raise UserError(
                f'reduce_zero_label is {wanted} in the data set, {self.reduce_zero_label} in LoadAnnotations: '
                'give both one value'
            )
        return bool(wanted)


@TRANSFORMS.register_module()
class LoadDepthAnnotation(StockDepth):
    """Depth maps (H, W) of one channel: PNG, TIFF and whatever else OpenCV decodes, or ``.npy``; unknown is 0.

    What is not finite or below 0 becomes 0. Configs get this one under MMSegmentation's name, too.

    Args:
        turn: As for :class:`LoadAnnotations`.
        **kwargs: ``depth_rescale_factor``, from the file's unit to metres, and the other arguments of MMSegmentation's.

    Raises:
        UserError: When called, if the file cannot be read, has several channels or does not fit its image; names it.

    Examples:
        >>> from mmssl_robust.registry import TRANSFORMS
        >>> from mmssl_robust.utils.assets import ASSETS
        >>> load = TRANSFORMS.build(dict(type='mmssl_robust.LoadDepthAnnotation', depth_rescale_factor=1 / 1000))
        >>> sample = dict(depth_map_path=f'{ASSETS}/samples/hololens/depths/test/00268.png')  # in millimetres
        >>> depth = load(sample)['gt_depth_map']
        >>> depth.shape, str(depth.dtype), round(float(depth.max()), 2)  # in metres
        ((360, 540), 'float32', 4.56)
    """

    def __init__(self, *args: Any, turn: bool | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.turn = turn

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``gt_depth_map``."""
        path = _path_of(results, 'depth_map_path')
        with named_file(path):
            content = fileio.get(path, backend_args=self.backend_args)
            depth, upright = self._decoded(content, path)
        if depth.dtype.kind not in 'uif':
            raise UserError(f'{path} holds numbers that are no depth ({depth.dtype}): store 16 bits or floats')
        depth = _fitted(depth, upright, results, path, self.turn)
        depth = depth.astype(np.float32) * np.float32(self.depth_rescale_factor)
        depth[~(np.isfinite(depth) & (depth > 0))] = 0
        results['gt_depth_map'] = depth
        results.setdefault('seg_fields', []).append('gt_depth_map')
        results['depth_rescale_factor'] = self.depth_rescale_factor
        return results

    def _decoded(self, content: bytes, path: str) -> tuple[np.ndarray, bool]:
        if Path(path).suffix.lower() == '.npy':
            return np.load(io.BytesIO(content), allow_pickle=False), False
        if self.decode_backend != 'cv2':
            return datafrombytes(content, backend=self.decode_backend), False
        try:
            with Image.open(io.BytesIO(content)) as image:
                tag, turn = _own_turn(image)
        except UnidentifiedImageError:
            tag, turn = 1, 1
        return turned(_by_opencv(content), turn), tag > 1


# Whoever names MMSegmentation's loaders gets these: a config of one's own must not lose what the shipped ones keep.
MMSEG_TRANSFORMS.register_module(name='LoadAnnotations', module=LoadAnnotations, force=True)
MMSEG_TRANSFORMS.register_module(name='LoadDepthAnnotation', module=LoadDepthAnnotation, force=True)


def _path_of(results: dict[str, Any], key: str) -> str:
    if not results.get(key):
        raise UserError(
            f'{results.get("img_path", "an image")} has no annotation: give the data set a data_prefix of {key}'
        )
    return str(results[key])


def _pixels(image: Image.Image, path: str) -> tuple[np.ndarray, bool]:
    """What Pillow decodes, as it is stored but for the file's own orientation, and whether that was given."""
    if image.format == 'JPEG':
        raise UserError(f'{path} is a JPEG, which does not keep labels: store label maps as PNG')
    if len(image.getbands()) > 1:
        colours = ''.join(image.getbands())
        raise UserError(
            f'{path} holds colours ({colours}), not labels: store one label a pixel, as PNG of 8 or 16 bits'
        )
    (tag, turn), scale = _own_turn(image), _scale(image)
    return turned(np.array(image) // scale if scale > 1 else np.array(image), turn), tag > 1


def _own_turn(image: Image.Image) -> tuple[int, int]:
    """The file's own orientation, and what of it is left to do: Pillow and OpenCV turn TIFF by themselves."""
    tag = orientation(image)
    return tag, 1 if image.format == 'TIFF' else tag


def _scale(image: Image.Image) -> int:
    """By how much Pillow multiplies grey values of 2 and 4 bits, so that the highest becomes white."""
    tiles = getattr(image, 'tile', ())  # of files alone
    arguments = tiles[0].args if tiles else ''
    mode = arguments if isinstance(arguments, str) else (arguments or ('',))[0]
    return {'L;2': 85, 'L;4': 17}.get(mode, 1)


def _by_opencv(content: bytes) -> np.ndarray:
    decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) if content else None
    if decoded is None:
        raise ValueError('neither Pillow nor OpenCV can decode it; store it as PNG, TIFF or .npy')
    return np.asarray(decoded)


def _fitted(array: np.ndarray, upright: bool, results: dict[str, Any], path: str, turn: bool | None) -> np.ndarray:
    """Check that there is one channel, and bring it into the orientation of the image, if that is known."""
    array = array.squeeze(-1) if array.ndim == 3 and array.shape[-1] == 1 else array
    if array.ndim != 2:
        channels = f'{array.shape[-1]} channels' if array.ndim == 3 else f'an array of {array.ndim} dimensions'
        raise UserError(f'{path} holds {channels}, an annotation has one number a pixel: store it as one channel')
    if 'ori_shape' not in results:
        return array
    image, size = str(results.get('img_path', '')), results['ori_shape']
    if upright:
        check_size(array, path, image, size)
        return array
    return beside_its_image(array, path, image, size, turn)


def _as_labels(array: np.ndarray, path: str) -> np.ndarray:
    """The smallest integers that hold the labels, of those that OpenCV can resize and turn."""
    whole = array.dtype.kind in 'bui' or (
        array.dtype.kind == 'f' and np.isfinite(array).all() and not (array % 1).any()
    )
    if not whole:
        raise UserError(f'{path} holds numbers that are no labels ({array.dtype}): store whole numbers')
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    for dtype in (np.uint8, np.uint16, np.int32):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return array.astype(dtype)
    raise UserError(f'{path} holds label {high if high > 0 else low}: no data set has so many classes')


def _without_zero(labels: np.ndarray, path: str) -> np.ndarray:
    """Labels less 1, where 0 and what is ignored become ignored."""
    ignored = (labels == 0) | (labels == IGNORED)
    if (labels == IGNORED + 1).any():
        raise UserError(
            f'{path} holds label {IGNORED + 1}, which reduce_zero_label makes {IGNORED}, that of unlabelled pixels: '
            'leave reduce_zero_label out, and map label 0 yourself'
        )
    return np.where(ignored, IGNORED, labels - 1).astype(labels.dtype)
