"""Make a folder of PNG files for each class from CIFAR-10's binaries, as the mini configs read it.

It is `mmssl-robust convert cifar10`, where users of OpenMMLab look for it.

Example:
    python tools/dataset_converters/cifar10.py cifar-10-batches-bin data
"""

from mmssl_robust.commands.main import run_tool

if __name__ == '__main__':
    run_tool('convert', 'cifar10')
