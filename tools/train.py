"""Train an encoder or a head.

Examples:
    python tools/train.py configs/segmentation/mini_camvid.py
    python tools/train.py configs/dino/dino_mini_pretrain.py --amp --resume
    bash tools/dist_train.sh configs/dino/dino_vits16_pretrain_in1k.py 8
"""

from mmssl_robust.utils.startup import one_line_errors

import argparse

import torch
from mmengine.config import Config

from mmssl_robust.utils.cli import add_common_arguments, build_runner, load_config
from mmssl_robust.utils.data_check import check_class_count, named_data_errors
from mmssl_robust.utils.errors import UserError


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_common_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='continue from the newest checkpoint, or from a given one',
    )
    parser.add_argument('--amp', action='store_true', help='mixed precision in bfloat16 (needs a GPU)')
    parser.add_argument('--auto-scale-lr', action='store_true', help='scale the learning rate by the batch size')
    return parser.parse_args()


def use_amp(cfg: Config) -> None:
    """Train in bfloat16, whose range needs no loss scaling."""
    if not torch.cuda.is_available():
        raise UserError('--amp needs a GPU: leave it out')
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.setdefault('dtype', 'bfloat16')
    cfg.optim_wrapper.setdefault('loss_scale', dict(enabled=False))


@one_line_errors
def main() -> None:
    args = parse_args()
    cfg = load_config(args)
    if 'train_dataloader' not in cfg or 'model' not in cfg:
        raise UserError(f'{args.config} has no training section')
    if args.amp:
        use_amp(cfg)
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise UserError(f'{args.config} names no auto_scale_lr.base_batch_size: set the learning rate by hand')
        cfg.auto_scale_lr.enable = True
    if args.resume:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume
    runner = build_runner(cfg, ('train_dataloader', 'val_dataloader'))
    with named_data_errors(cfg.train_dataloader.dataset.get('data_root') or args.config):
        dataset = runner.train_loop.dataloader.dataset
    check_class_count(runner.model, dataset)
    runner.train()


if __name__ == '__main__':
    main()
