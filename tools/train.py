"""Train an encoder or a head.

It is `mmssl-robust train`, where users of OpenMMLab look for it.

Example:
    python tools/train.py CONFIG
"""

from mmssl_robust.commands.main import run_tool


def main() -> None:
    run_tool('train')


if __name__ == '__main__':
    main()
