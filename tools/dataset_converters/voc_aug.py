"""Add SBD's annotations to PASCAL VOC 2012.

It is `mmssl-robust convert voc_aug`, where users of OpenMMLab look for it.

Example:
    python tools/dataset_converters/voc_aug.py benchmark_RELEASE/dataset data
"""

from mmssl_robust.commands.main import run_tool

if __name__ == '__main__':
    run_tool('convert', 'voc_aug')
