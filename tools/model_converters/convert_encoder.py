"""Convert an encoder's checkpoint to the layout of another program.

It is `mmssl-robust convert encoder`, where users of OpenMMLab look for it.

Example:
    python tools/model_converters/convert_encoder.py work_dirs/deacl/epoch_50.pth encoder.safetensors --layout timm
"""

from mmssl_robust.commands.main import run_tool

if __name__ == '__main__':
    run_tool('convert', 'encoder')
