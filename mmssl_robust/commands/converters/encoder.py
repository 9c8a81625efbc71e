r"""Convert an encoder's checkpoint to the layout of another program.

The layout of the source is recognised. The suffix of the output decides its format.

Examples:
    mmssl-robust convert encoder work_dirs/deacl/epoch_50.pth encoder.safetensors --layout timm
    mmssl-robust convert encoder work_dirs/deacl/epoch_50.pth deacl.ckpt --layout lightning \
        --teacher dino_vitbase16_pretrain.pth
"""

import argparse
from pathlib import Path

from torch import Tensor

from mmssl_robust.models.backbones.layouts import LAYOUTS
from mmssl_robust.models.backbones.weights import extract_encoder
from mmssl_robust.utils.arguments import integer
from mmssl_robust.utils.checkpoint import read_checkpoint, save_checkpoint
from mmssl_robust.utils.checkpoint_layouts import Which
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.mismatch import mismatch

SUMMARY = "convert an encoder's checkpoint to the layout of another program"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files and what to make of them."""
    parser.add_argument('source', help='path or URL of any encoder layout that loads')
    parser.add_argument('out', type=Path, help='file to write: *.pth, *.pt, *.ckpt or, of a flat layout, *.safetensors')
    parser.add_argument('--layout', choices=LAYOUTS, required=True)
    parser.add_argument('--teacher', help='checkpoint of the frozen teacher, for --layout lightning')
    add_reading_arguments(parser)


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what says how an encoder is read and stored."""
    parser.add_argument(
        '--grid',
        nargs=2,
        type=integer(1),
        metavar=('H', 'W'),
        help='patches for which a register model has positions, if no square',
    )
    parser.add_argument('--weights', choices=('ema', 'raw'), help='of a file with both, by default the average (ema)')
    parser.add_argument('--half', action='store_true', help='store in float16')


def read_encoder(source: str, grid: tuple[int, int] | None, weights: Which | None) -> dict[str, Tensor]:
    """Read an encoder of any layout, by timm's names."""
    checkpoint = read_checkpoint(source)
    try:
        registers = 'reg_token' in extract_encoder(checkpoint, weights=weights)
        encoder = extract_encoder(checkpoint, registers, grid, weights)
    except UserError as error:
        raise UserError(f'{source}: {error}') from error
    if not {'cls_token', 'pos_embed'} <= encoder.keys():
        raise UserError(f'{source} holds no encoder: no cls_token and pos_embed in any known layout')
    return encoder


def grid_of(args: argparse.Namespace) -> tuple[int, int] | None:
    """The patches that were said."""
    return (args.grid[0], args.grid[1]) if args.grid else None


def read_teacher(source: str, student: dict[str, Tensor], grid: tuple[int, int] | None) -> dict[str, Tensor]:
    """Read a teacher that has the student's architecture."""
    teacher = read_encoder(source, grid, None)
    problems = mismatch(student, teacher)
    if problems:
        raise UserError(f'the teacher {source} does not fit the student; {problems}')
    return teacher


def run(args: argparse.Namespace) -> None:
    """Convert."""
    if args.teacher and args.layout != 'lightning':
        raise UserError(f'--teacher is for --layout lightning: {args.layout} holds one encoder')
    if args.layout == 'lightning' and not args.teacher:
        raise UserError("--layout lightning needs --teacher: the paper's code reads both student and teacher from it")
    grid = grid_of(args)
    encoder = read_encoder(args.source, grid, args.weights)
    others = {'teacher': read_teacher(args.teacher, encoder, grid)} if args.teacher else {}
    print(save_checkpoint(LAYOUTS[args.layout](encoder, **others), args.out, args.half))
