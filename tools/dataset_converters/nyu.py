"""Make images and depth maps of NYU-Depth-v2's labelled frames.

It is `mmssl-robust convert nyu`, where users of OpenMMLab look for it.

Example:
    python tools/dataset_converters/nyu.py nyu_depth_v2_labeled.mat splits.mat data
"""

from mmssl_robust.commands.main import run_tool

if __name__ == '__main__':
    run_tool('convert', 'nyu')
