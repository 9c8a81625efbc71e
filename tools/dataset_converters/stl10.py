"""Make a folder of PNG files for each class of STL-10.

It is `mmssl-robust convert stl10`, where users of OpenMMLab look for it.

Example:
    python tools/dataset_converters/stl10.py stl10_binary data
"""

from mmssl_robust.commands.main import run_tool

if __name__ == '__main__':
    run_tool('convert', 'stl10')
