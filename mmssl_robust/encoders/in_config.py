"""An encoder in the config of a task: what else there depends on it."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from mmengine.config import Config, ConfigDict

from mmssl_robust.registry import MODELS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.pretrained import Loaded, initialise
from mmssl_robust.utils.probe import is_finetuned

from .encoder import Encoder
from .info import EncoderInfo
from .sources import build_network
from .spec import EncoderSpec, parse_spec

TYPE = 'mmssl_robust.Encoder'
_READ_CLS = ('LinearDepthHead', 'ConvDepthHead')  # beside each patch


def use_encoder(cfg: Config, spec: str | EncoderSpec, *, layers: int | Sequence[int] = 1) -> None:
    """Put an encoder into the config of a classifier, segmentor or depth estimator.

    Its mean and standard deviation replace those of the data preprocessor, which pads to what the encoder takes; the
    head gets as many input channels as the encoder has. Everything else stays as it is.

    Args:
        cfg: The config, which is changed.
        spec: See :func:`parse_spec`.
        layers: How many of the last layers the head reads, or which: of a dense task their maps, side by side; of
            classification as in DINOv2 their CLS tokens and the mean patch token of the last.

    Raises:
        UserError: If the config is none of a head on an encoder, or the encoder has fewer layers.

    Examples:
        >>> from mmengine.config import Config
        >>> from mmssl_robust.encoders import use_encoder
        >>> head = dict(type='mmssl_robust.LinearBNHead', in_channels=768, num_classes=11)
        >>> cfg = Config(dict(model=dict(type='mmseg.EncoderDecoder', decode_head=head)))
        >>> use_encoder(cfg, 'mini', layers=4)
        >>> cfg.model.backbone.spec, cfg.model.decode_head.in_channels, cfg.model.data_preprocessor.size_divisor
        ('mini', [192, 192, 192, 192], 8)
    """
    spec = parse_spec(spec)
    model, info = cfg.model, info_of(spec)
    indices = list(range(-layers, 0)) if isinstance(layers, int) else list(layers)
    if not indices or not all(-info.depth <= index < info.depth for index in indices):
        raise UserError(f'{spec} has {info.depth} layers to choose from, not {layers}')
    widths = [info.widths[index] for index in indices]
    dense, old = 'decode_head' in model, model.get('backbone') or {}
    usual = 'cls_token'
    if dense:
        usual = 'featmap_cls' if model.decode_head.type.endswith(_READ_CLS) else 'featmap'
        if usual == 'featmap_cls' and info.cls_parts > 1:
            raise UserError(
                f'{spec}: this head puts the CLS token beside each patch: leave out pool={spec.options["pool"]}'
            )
        _read_maps(model.decode_head, widths)
    elif 'head' in model:
        _read_vectors(model, widths, info.cls_parts)
        usual = 'cls_token' if len(widths) == 1 else 'featmap_cls'
    else:
        raise UserError('the config has neither a head nor a decode_head: an encoder by name is for one of a task')
    model.backbone = ConfigDict(
        type=TYPE,
        spec=str(spec),
        out_type=usual,
        out_indices=indices,
        final_norm=old.get('final_norm', True),
        frozen=not is_finetuned(cfg),
    )
    _prepare_images(_preprocessor_of(cfg), info, dense)


@lru_cache(maxsize=64)
def _info_by_name(spec: str) -> EncoderInfo:
    return build_network(parse_spec(spec)).info


def info_of(spec: str | EncoderSpec) -> EncoderInfo:
    """What an encoder says of itself; its weights are not looked for.

    Raises:
        UserError: If it cannot be built.

    Examples:
        >>> from mmssl_robust.encoders import info_of
        >>> info = info_of('mini')
        >>> info.patch_size, info.native_size, info.embed_dims, info.depth
        (8, (64, 64), 192, 6)
    """
    return _info_by_name(str(parse_spec(spec)))


def is_by_spec(backbone: Mapping[str, Any]) -> bool:
    """Whether the config of a backbone is that of an encoder by name, with the weights that the name says."""
    return str(backbone.get('type')).rpartition('.')[2] == Encoder.__name__ and not backbone.get('init_cfg')


def weights_of(backbone: Mapping[str, Any]) -> Loaded:
    """Load an encoder by name, and say what was loaded.

    Args:
        backbone: See :func:`is_by_spec`.

    Raises:
        UserError: If its weights cannot be had, or do not fit.
    """
    return _weights_by_name(str(parse_spec(backbone['spec'])))


@lru_cache(maxsize=64)
def _weights_by_name(spec: str) -> Loaded:
    encoder = MODELS.build(dict(type=TYPE, spec=spec))
    initialise(encoder)
    loaded: Loaded = encoder.loaded_weights
    return loaded


def _read_maps(head: ConfigDict, widths: list[int]) -> None:
    for key in ('in_index', 'input_transform'):
        head.pop(key, None)
    if len(widths) == 1:
        head.in_channels = widths[0]
    else:
        head.update(in_channels=widths, in_index=list(range(len(widths))), input_transform='resize_concat')


def _read_vectors(model: ConfigDict, widths: list[int], cls_parts: int) -> None:
    model.pop('neck', None)  # which pooled a map
    if len(widths) > 1:
        model.neck = ConfigDict(type='mmssl_robust.ClsAndMeanPatch')
    if 'in_channels' in model.head or 'Linear' in model.head.type:
        model.head.in_channels = cls_parts * sum(widths) + (widths[-1] if len(widths) > 1 else 0)


def _preprocessor_of(cfg: Config) -> ConfigDict:
    if cfg.model.get('data_preprocessor') is None:
        cfg.model.data_preprocessor = ConfigDict(cfg.get('data_preprocessor') or {})
    return cfg.model.data_preprocessor


def _prepare_images(preprocessor: ConfigDict, info: EncoderInfo, dense: bool) -> None:
    preprocessor.update(mean=list(info.mean), std=list(info.std))
    if not dense:
        preprocessor.pad_size_divisor = info.size_multiple
        return
    if preprocessor.get('size') is None:  # of crops, which have one size
        preprocessor.size_divisor = info.size_multiple
    preprocessor.test_cfg = dict(preprocessor.get('test_cfg') or {}) | dict(size_divisor=info.size_multiple)
