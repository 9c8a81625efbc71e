"""``--tta``: a config's segmentor with test-time augmentation, as its ``tta_pipeline`` says or as DINOv2's."""

from collections.abc import Sequence
from typing import Any

from mmengine.config import Config

from mmssl_robust.utils.errors import UserError

# Of DINOv2's released multi-scale heads.
SCALES = (1.0, 1.32, 1.73, 2.28, 3.0)
FLIPS = (None, 'horizontal')


def use_tta(cfg: Config) -> None:
    """Let a segmentor average its predictions for several scales and mirror images.

    A config with mmseg's ``tta_pipeline`` says which, and how images are loaded instead of by the test pipeline, which
    otherwise stays as it is: its images in DINOv2's five scales, each of them mirrored as well.

    Args:
        cfg: The config, which is changed.

    Raises:
        UserError: If its model is no ``EncoderDecoder``, or the augmentations are others.
    """
    kind = str(cfg.model.get('type')).rpartition('.')[2]
    if kind != 'EncoderDecoder':
        raise UserError(f'--tta is for segmentors of mmseg (EncoderDecoder), not for a {kind}: leave it out')
    merge = str((cfg.get('tta_model') or {}).get('type', 'SegTTAModel')).rpartition('.')[2]
    if merge != 'SegTTAModel':
        raise UserError(f'--tta averages as SegTTAModel does, tta_model is a {merge}: use mmseg.SegTTAModel')
    scales, flips = list(SCALES), list(FLIPS)
    if cfg.get('tta_pipeline'):
        pipeline, scales, flips = _read(cfg.tta_pipeline)
        cfg.test_dataloader.dataset.pipeline = pipeline
    cfg.model.update(type='mmssl_robust.TTASegmentor', scales=scales, flips=flips)


def _read(tta_pipeline: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[Any], list[str | None]]:
    """The pipeline without its augmentations, and these."""
    pipeline: list[dict[str, Any]] = []
    scales: list[Any] = [1.0]
    flips: list[str | None] = [None]
    for transform in tta_pipeline:
        if _name(transform) != 'TestTimeAug':
            pipeline.append(transform)
            continue
        for choices in transform['transforms']:
            names = {_name(choice) for choice in choices}
            if names == {'Resize'}:
                scales = [_scale(choice) for choice in choices]
            elif names == {'RandomFlip'}:
                flips = [_flip(choice) for choice in choices]
            elif len(choices) == 1:
                pipeline.append(choices[0])
            else:
                raise UserError(f'tta_pipeline augments by {", ".join(sorted(names))}: use Resize and RandomFlip alone')
    return pipeline, scales, flips


def _scale(resize: dict[str, Any]) -> Any:
    if resize.get('scale_factor') is not None and isinstance(resize['scale_factor'], (int, float)):
        return float(resize['scale_factor'])
    if resize.get('scale') is not None and resize.get('keep_ratio'):
        return tuple(resize['scale'])
    raise UserError('tta_pipeline resizes by neither a scale_factor nor a scale with keep_ratio=True: use one of them')


def _flip(flip: dict[str, Any]) -> str | None:
    direction = flip.get('direction', 'horizontal')
    if flip.get('prob') in (0, 1) and direction in ('horizontal', 'vertical'):
        return direction if flip['prob'] else None
    raise UserError('tta_pipeline flips at random: set prob of each RandomFlip to 0 or 1, and one direction')


def _name(transform: dict[str, Any]) -> str:
    return str(transform['type']).rpartition('.')[2]
