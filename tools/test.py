"""Evaluate a model on clean and on adversarial images.

It is `mmssl-robust test`, where users of OpenMMLab look for it.

Example:
    python tools/test.py CONFIG CHECKPOINT --attack pgd
"""

from mmssl_robust.commands.main import run_tool


def main() -> None:
    run_tool('test')


if __name__ == '__main__':
    main()
