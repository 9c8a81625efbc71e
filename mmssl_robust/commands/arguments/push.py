"""Push an encoder, a head or records to the Hugging Face Hub, from where hf:// reads them.

An encoder becomes safetensors that say what they are of, with a model card; `--results` puts its robustness there.
Records of a work dir lose what they say of this machine and go, with their report, to a repository of data; a
submission (`mmssl-robust pack`) can also be verified from there. Log in by `hf auth login`. `--dry-run DIR` writes
what would be uploaded and uploads nothing.

Examples:
    mmssl-robust push epoch_50.pth hf://OWNER/NAME --license apache-2.0 --results work_dirs/benchmark/mine
    mmssl-robust push 'timm:resnet50?checkpoint=my.pth' hf://OWNER/NAME@v2 --license mit --update
    mmssl-robust push heads/my_camvid.safetensors hf://OWNER/NAME --license mit --update
    mmssl-robust push work_dirs/benchmark/mine hf://datasets/OWNER/NAME --license cc-by-4.0 --dry-run look_at_me
"""

import argparse
from pathlib import Path

from mmssl_robust.utils.shared_arguments import add_import_argument

SUMMARY = 'push an encoder, a head or records to the Hugging Face Hub'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command line can say."""
    parser.add_argument(
        'source', help='a checkpoint, or a spec with ?checkpoint=FILE; a head; a work dir or a submission'
    )
    parser.add_argument('target', help='hf://OWNER/NAME, of records hf://datasets/OWNER/NAME; @BRANCH behind it')
    parser.add_argument('--license', help='such as apache-2.0; default what the file says of itself')
    parser.add_argument('--trained', default='', metavar='TEXT', help='for the card: how it was trained')
    parser.add_argument(
        '--results',
        metavar='WORK_DIR',
        help='for the card: records of this very encoder, a folder or hf://datasets/...',
    )
    add_import_argument(parser)
    parser.add_argument('--private', action='store_true', help='a new repository is for its owner alone')
    parser.add_argument('--update', action='store_true', help='add a commit to a repository that is there')
    parser.add_argument('--dry-run', type=Path, metavar='DIR', help='write what would be uploaded, upload nothing')
