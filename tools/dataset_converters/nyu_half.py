"""Halve NYU-Depth-v2's frames to 320 x 240, as the mini configs read them.

It is `mmssl-robust convert nyu_half`, where users of OpenMMLab look for it.

Example:
    python tools/dataset_converters/nyu_half.py data/nyu data
"""

from mmssl_robust.commands.main import run_tool

if __name__ == '__main__':
    run_tool('convert', 'nyu_half')
