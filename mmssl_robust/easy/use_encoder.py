"""Putting an encoder into a config of any task."""

from mmengine.config import Config

from mmssl_robust.encoders import Encoder


def use_encoder(cfg: Config, spec: str) -> None:
    """Put an encoder into a config: backbone, preprocessor, head.

    Args:
        cfg: Config of a task; changed in place.
        spec: See :func:`mmssl_robust.encoders.parse_spec`.
    """
    info = Encoder(spec).info
    cfg.model.backbone.update(type='mmssl_robust.Encoder', spec=spec)
    cfg.model.data_preprocessor.update(mean=list(info.mean), std=list(info.std))
    if 'decode_head' in cfg.model:
        divisor = dict(size_divisor=info.size_multiple)
        cfg.model.data_preprocessor.update(divisor, test_cfg=divisor)
        cfg.model.decode_head.in_channels = info.embed_dims
    else:
        cfg.model.data_preprocessor.update(pad_size_divisor=info.size_multiple)
        if 'Linear' in cfg.model.head.type:
            cfg.model.head.in_channels = info.embed_dims
