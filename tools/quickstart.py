"""Attack the embedded mini encoders on three tasks, in minutes.

It is `mmssl-robust quickstart`, where users of OpenMMLab look for it.

Example:
    python tools/quickstart.py --out work_dirs/quickstart
"""

from mmssl_robust.commands.main import run_tool


def main() -> None:
    run_tool('quickstart')


if __name__ == '__main__':
    main()
