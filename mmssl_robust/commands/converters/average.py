"""Average the weights of encoders that were trained from the same one.

Several trainings of one method together are often a little better than each (model soups, Wortsman et al. 2022), and
the average of a robust and the standard encoder trades robustness for clean quality (WiSE-FT, Wortsman et al. 2022;
of adversarial training: Croce et al. 2023). No training is needed, and the network is as large as one of them.

Examples:
    mmssl-robust convert average seed0/epoch_16.pth seed1/epoch_16.pth seed2/epoch_16.pth average.safetensors
    mmssl-robust convert average robust.pth standard.pth between.safetensors --shares 0.7 0.3
"""

import argparse
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from mmssl_robust.models.backbones.layouts import LAYOUTS
from mmssl_robust.utils.arguments import number
from mmssl_robust.utils.checkpoint import save_checkpoint
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.mismatch import mismatch

from .encoder import add_reading_arguments, grid_of, read_encoder

SUMMARY = 'average the weights of encoders that were trained from the same one'
FAR = 0.5  # encoders that have nothing in common are about 1 apart, trainings from the same one 0.05 to 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files and their shares."""
    parser.add_argument('sources', nargs='+', help='paths or URLs of encoders, of any layout that loads')
    parser.add_argument('out', help="file to write, with timm's names: *.safetensors, *.pth, *.pt or *.ckpt")
    parser.add_argument('--shares', nargs='+', type=number(above=0), help='of each, in any unit; alike by default')
    add_reading_arguments(parser)


def averaged(encoders: Sequence[dict[str, Tensor]], shares: Sequence[float]) -> dict[str, Tensor]:
    """The weighted mean of state dicts, summed up in float64.

    Args:
        encoders: Of the same keys and shapes.
        shares: Of each, above 0; they need not add up to 1.

    Returns:
        float32.
    """
    units = [share / max(shares) for share in shares]  # of which no sum is infinite
    return {
        key: torch.stack([unit / sum(units) * one[key].double() for one, unit in zip(encoders, units)]).sum(0).float()
        for key in encoders[0]
    }


def distance(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """The length of the difference of two encoders' weights, as a share of the mean of their lengths."""
    apart = _length(one[key].double() - other[key].double() for key in one)
    lengths = _length(one.values()) + _length(other.values())
    return 2 * apart / lengths if lengths else 0.0


def _length(tensors: Iterable[Tensor]) -> float:
    return math.hypot(*(float(tensor.double().norm()) for tensor in tensors))


def check(sources: Sequence[str], encoders: Sequence[dict[str, Tensor]]) -> None:
    """Check that an average of encoders can be one.

    Raises:
        UserError: If one has other weights than the first, or was not trained from the same encoder.
    """
    for source, encoder in zip(sources[1:], encoders[1:]):
        problems = mismatch(encoders[0], encoder)
        if problems:
            raise UserError(f'{source} has other weights than {sources[0]}; {problems}')
        apart = distance(encoders[0], encoder)
        if not apart < FAR:
            raise UserError(
                f'{source} and {sources[0]} were not trained from the same encoder, or hold no finite numbers: their '
                f'average means nothing (their weights are {apart:.2f} of their length apart)'
            )


def shares_of(args: argparse.Namespace) -> list[float]:
    """The share of each encoder.

    Raises:
        UserError: If there is one encoder, or they are not as many as encoders.
    """
    if len(args.sources) < 2:
        raise UserError('give two encoders or more, and then the file to write')
    shares = args.shares or [1.0] * len(args.sources)
    if len(shares) != len(args.sources):
        raise UserError(f'{len(shares)} --shares for {len(args.sources)} encoders: give one for each')
    return shares


def new_file(out: str) -> Path:
    """Where to write, which may be the last encoder, of one who forgot to say where to.

    Raises:
        UserError: If it is no new file.
    """
    if '://' in out:
        raise UserError(f'{out} is no file to write: give one after the encoders')
    if Path(out).exists():
        raise UserError(f'{out} is there already: give a new name for the average after the encoders')
    return Path(out)


def run(args: argparse.Namespace) -> None:
    """Convert."""
    shares, out = shares_of(args), new_file(args.out)
    encoders = [read_encoder(source, grid_of(args), args.weights) for source in args.sources]
    check(args.sources, encoders)
    print(save_checkpoint(LAYOUTS['timm'](averaged(encoders, shares)), out, args.half))
