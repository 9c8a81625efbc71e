"""Evaluate a model on clean and on adversarial images.

Examples:
    mmssl-robust test configs/segmentation/mini_camvid.py work_dirs/mini_camvid/epoch_10.pth --attack segpgd embed
    mmssl-robust test CONFIG CHECKPOINT --attack pgd --eps 4/255 --steps 40 --out result.json --show-dir pictures
    mmssl-robust test CONFIG CHECKPOINT --attack autoattack --norm l2 --eps 0.5
    mmssl-robust test CONFIG CHECKPOINT --attack pgd --restarts 5 --targeted least-likely
    bash tools/dist_test.sh CONFIG CHECKPOINT 8 --attack pgd
    mmssl-robust test CONFIG CHECKPOINT --tta --attack segpgd
    mmssl-robust test configs/retrieval/mini_cifar10_retrieval.py --attack embed pgd
"""

import argparse

from mmssl_robust.utils.arguments import integer
from mmssl_robust.utils.config_files import ATTACKS, DEFENCES, configs_in
from mmssl_robust.utils.shared_arguments import (
    add_checkpoint_argument,
    add_common_arguments,
    add_corrupt_argument,
    add_engine_arguments,
    add_log_argument,
    add_weights_argument,
)

SUMMARY = 'evaluate a model on clean and on adversarial images'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command line can say."""
    add_common_arguments(parser)
    add_checkpoint_argument(parser)
    known = ', '.join(configs_in(ATTACKS))
    parser.add_argument(
        '--attack', nargs='+', metavar='NAME', help=f'{known}, or the path of a file; default those in test_cfg.attacks'
    )
    parser.add_argument(
        '--defence', metavar='NAME', help=f'before the model: {", ".join(configs_in(DEFENCES))}, or the path of a file'
    )
    parser.add_argument(
        '--no-bpda', action='store_true', help='attack the defence by its own gradient, to see what that hides'
    )
    parser.add_argument('--norm', help='linf, l2 or l1')
    parser.add_argument('--eps', help="size of the perturbation in that norm, for pixels in [0, 1], e.g. '4/255'")
    parser.add_argument('--step-size', help="e.g. '1/255'")
    parser.add_argument('--steps', type=integer(1))
    parser.add_argument('--queries', type=integer(1), help='of Square')
    parser.add_argument('--restarts', type=integer(1))
    parser.add_argument(
        '--eot-samples', type=integer(1), help='calls of a model with randomness of its own for one gradient'
    )
    parser.add_argument(
        '--targeted',
        nargs='?',
        const='',
        metavar='TARGET',
        help="a class index or 'least-likely' (default); for depth 'flip' (default) or 'scale:1.1'",
    )
    parser.add_argument('--keep', help='best, last or first successful iterate of each image, at which it is done')
    parser.add_argument(
        '--active',
        type=integer(1),
        help='images of a batch in the model at once during an attack; others take free places',
    )
    parser.add_argument('--seed', type=integer(0), help='of the random starts')
    parser.add_argument('--surrogate', metavar='ENCODER', help='whose embedding `transfer` attacks, by name or path')
    parser.add_argument('--perturbation', metavar='FILE', help='what `universal` adds to every image')
    parser.add_argument('--severity', type=integer(1), help='of corruptions and edits, 1 to 5')
    parser.add_argument('--sanity', action='store_true', help='check whether the attacks are believable, on few images')
    parser.add_argument('--sanity-images', type=integer(1), default=16, help='how many')
    parser.add_argument(
        '--sanity-other', metavar='ENCODER', help='weights of another encoder, for the check by transfer'
    )
    add_engine_arguments(parser)
    parser.add_argument(
        '--tta',
        action='store_true',
        help="of a segmentor: average scales and mirror images, those of the config's tta_pipeline or else DINOv2's",
    )
    add_weights_argument(parser)
    parser.add_argument('--batch-size', type=integer(1), help='images at a time; no image depends on the others')
    parser.add_argument('--max-images', type=integer(1), help='take this many, evenly spread over the data set')
    add_corrupt_argument(parser)
    parser.add_argument('--out', metavar='FILE.json', help='write the results here')
    parser.add_argument('--show-dir', help='draw attacked images into this folder')
    parser.add_argument('--show-images', type=integer(1), default=8, help='how many for each attack')
    add_log_argument(parser)
