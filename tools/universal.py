"""Make one perturbation for all images, which the attack `universal` adds to each.

It is `mmssl-robust universal`, where users of OpenMMLab look for it.

Example:
    python tools/universal.py CONFIG CHECKPOINT --out delta.safetensors
"""

from mmssl_robust.commands.main import run_tool


def main() -> None:
    run_tool('universal')


if __name__ == '__main__':
    main()
