"""Export the encoder or the head of a training checkpoint as safetensors.

The encoder gets DINO's own key names, so that timm and torch.hub users can load it.

Examples:
    mmssl-robust convert safetensors work_dirs/distill_mini/epoch_8.pth encoder.safetensors --half
    mmssl-robust convert safetensors work_dirs/mini_camvid/epoch_10.pth head.safetensors --part head
"""

import argparse
from pathlib import Path

import torch

from mmssl_robust.models.backbones.weights import extract_encoder
from mmssl_robust.utils.checkpoint import read_checkpoint, save_checkpoint
from mmssl_robust.utils.checkpoint_layouts import state_of
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.state_dict import head_of

SUMMARY = 'export the encoder or the head of a training checkpoint as safetensors'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files and what to make of them."""
    parser.add_argument('checkpoint', help='checkpoint written by tools/train.py, or any encoder layout that loads')
    parser.add_argument('out', type=Path, help='file to write, *.safetensors')
    parser.add_argument('--part', choices=('encoder', 'head'), default='encoder')
    parser.add_argument('--half', action='store_true', help='store in float16')


def select(checkpoint: dict, part: str) -> dict[str, torch.Tensor]:
    """Return the tensors of one part of a model."""
    if part == 'encoder':
        return extract_encoder(checkpoint)
    tensors = head_of(state_of(checkpoint).tensors)
    # An encoder by itself has names without `backbone.`, which no head has either.
    return {key: value for key, value in tensors.items() if 'head' in key.partition('.')[0] or key.startswith('neck.')}


def run(args: argparse.Namespace) -> None:
    """Convert."""
    if args.out.suffix != '.safetensors':
        raise UserError(f'cannot write {args.out}: give a name that ends in .safetensors')
    tensors = select(read_checkpoint(args.checkpoint), args.part)
    if not tensors:
        raise UserError(f'{args.checkpoint} holds no {args.part}')
    print(save_checkpoint(tensors, args.out, args.half))
