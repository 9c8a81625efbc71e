"""Export the encoder or the head of a training checkpoint.

It is `mmssl-robust convert safetensors`, where users of OpenMMLab look for it.

Example:
    python tools/model_converters/export_safetensors.py work_dirs/distill_mini/epoch_8.pth encoder.safetensors --half
"""

from mmssl_robust.commands.main import run_tool

if __name__ == '__main__':
    run_tool('convert', 'safetensors')
