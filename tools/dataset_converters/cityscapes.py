"""Unpack Cityscapes and make the label maps of its training classes.

It is `mmssl-robust convert cityscapes`, where users of OpenMMLab look for it.

Example:
    python tools/dataset_converters/cityscapes.py leftImg8bit_trainvaltest.zip gtFine_trainvaltest.zip data
"""

from mmssl_robust.commands.main import run_tool

if __name__ == '__main__':
    run_tool('convert', 'cityscapes')
