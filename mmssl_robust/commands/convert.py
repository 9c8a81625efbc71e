"""Convert a downloaded data set to what the configs read, or a checkpoint to what another program reads."""

import argparse
import importlib

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.names import nearest

from .main import parsed, parser_of

_DATA = ('ade20k', 'camvid', 'cifar10', 'cityscapes', 'nyu', 'nyu_half', 'stl10', 'voc_aug')
CONVERTERS = {name: name for name in (*_DATA, 'average', 'encoder', 'safetensors')}
"""What is typed -> its module in ``converters/``."""


def run(args: argparse.Namespace) -> None:
    """Run a converter.

    Raises:
        UserError: If there is no such converter, or it cannot go on.
    """
    if args.what not in CONVERTERS:
        raise UserError(f'unknown converter {args.what!r}{nearest(args.what, CONVERTERS)}')
    module = importlib.import_module(f'{__package__}.converters.{CONVERTERS[args.what]}')
    module.run(parsed(parser_of(module, f'mmssl-robust convert {args.what}'), args.arguments))
