"""Average the weights of encoders that were trained from the same one.

Several trainings of one method together are often a little better than each (model soups, Wortsman et al. 2022), and a
robust encoder averaged with the standard one gives back clean quality for robustness (WiSE-FT, Wortsman et al. 2022;
of adversarial training: Croce et al. 2023). No training is needed, and the network is as large as one of them.

Examples:
    mmssl-robust convert average seed0/epoch_16.pth seed1/epoch_16.pth seed2/epoch_16.pth average.safetensors
    mmssl-robust convert average robust.pth standard.pth between.safetensors --shares 0.7 0.3
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from mmssl_robust.utils.arguments import number
from mmssl_robust.utils.checkpoint import save_checkpoint
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.mismatch import mismatch

from .encoder import read_encoder

SUMMARY = 'average the weights of encoders that were trained from the same one'
FAR = 0.5  # encoders that have nothing in common are about 1 apart, trainings from the same one 0.05 to 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files and their shares."""
    parser.add_argument('sources', nargs='+', help='paths or URLs of encoders, of any layout that loads')
    parser.add_argument('out', type=Path, help="file to write, with timm's names: *.safetensors, *.pth, *.pt or *.ckpt")
    parser.add_argument('--shares', nargs='+', type=number(above=0), help='of each, in any unit; alike by default')
    parser.add_argument('--half', action='store_true', help='store in float16')


def averaged(encoders: Sequence[dict[str, Tensor]], shares: Sequence[float]) -> dict[str, Tensor]:
    """The weighted mean of state dicts, summed up in float64.

    Args:
        encoders: Of the same keys and shapes.
        shares: Of each, above 0; they need not add up to 1.

    Returns:
        float32.
    """
    total = sum(shares)
    return {
        key: torch.stack([share / total * one[key].double() for one, share in zip(encoders, shares)]).sum(0).float()
        for key in encoders[0]
    }


def distance(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """The length of the difference of two encoders' weights, as a share of the mean of their lengths."""
    mine, theirs = (torch.cat([state[key].double().flatten() for key in one]) for state in (one, other))
    lengths = mine.norm() + theirs.norm()
    return float(2 * (mine - theirs).norm() / lengths) if lengths else 0.0


def check(sources: Sequence[str], encoders: Sequence[dict[str, Tensor]]) -> None:
    """Check that an average of encoders can be one.

    Raises:
        UserError: If one has other weights than the first, or was not trained from the same encoder.
    """
    for source, encoder in zip(sources[1:], encoders[1:]):
        problems = mismatch(encoders[0], encoder)
        if problems:
            raise UserError(f'{source} has other weights than {sources[0]}; {problems}')
        if not distance(encoders[0], encoder) < FAR:
            raise UserError(
                f'{source} and {sources[0]} were not trained from the same encoder, or hold no numbers: their average '
                f'is none (their weights are {distance(encoders[0], encoder):.2f} of their length apart)'
            )


def run(args: argparse.Namespace) -> None:
    """Convert."""
    if len(args.sources) < 2:
        raise UserError('give two encoders or more, and then the file to write')
    if args.out.exists():  # perhaps the last encoder, of one who forgot what to write
        raise UserError(f'{args.out} is there already: give a new name for the average after the encoders')
    shares = args.shares or [1.0] * len(args.sources)
    if len(shares) != len(args.sources):
        raise UserError(f'{len(shares)} --shares for {len(args.sources)} encoders: give one for each')
    encoders = [read_encoder(source, None, None) for source in args.sources]
    check(args.sources, encoders)
    print(save_checkpoint(averaged(encoders, shares), args.out, args.half))
