"""Encoders by the names of this package's configs, such as ``dinov2_vits14``, which `list encoders` shows."""

from typing import Any

from mmssl_robust.utils.assets import ASSET_SCHEME
from mmssl_robust.utils.config_files import ENCODERS, configs_in, read_config
from mmssl_robust.utils.errors import UserError


def listed_spec(name: str) -> str | None:
    """Return what an encoder of a config is called everywhere; None where no config has the name.

    Raises:
        UserError: If it has no such name, as a ResNet of MMPretrain's checkpoint.
    """
    file = configs_in(ENCODERS).get(name)
    encoder: Any = None if file is None else read_config(file).get('encoder')
    if not encoder:
        return None
    if encoder.get('spec'):
        return str(encoder.spec)
    checkpoint = (encoder.get('init_cfg') or {}).get('checkpoint', '')
    if checkpoint.startswith(ASSET_SCHEME):  # its weights say of which architecture they are
        return str(checkpoint)
    if isinstance(encoder.get('arch'), str) and checkpoint:
        return f'{checkpoint}?arch={encoder.arch}'
    raise UserError(
        f'{name} is an encoder of configs alone: evaluate it by one of them, such as '
        f'`mmssl-robust test configs/classification/{name}_cifar10.py HEAD`, or name another encoder'
    )
