"""Unpack ADE20K's scene parsing benchmark.

It is `mmssl-robust convert ade20k`, where users of OpenMMLab look for it.

Example:
    python tools/dataset_converters/ade20k.py ADEChallengeData2016.zip data
"""

from mmssl_robust.commands.main import run_tool

if __name__ == '__main__':
    run_tool('convert', 'ade20k')
