"""Certify a smoothed model: what no perturbation of an L2 norm can change.

It is `mmssl-robust certify`, where users of OpenMMLab look for it.

Example:
    python tools/certify.py CONFIG CHECKPOINT --sigma 0.25
"""

from mmssl_robust.commands.main import run_tool


def main() -> None:
    run_tool('certify')


if __name__ == '__main__':
    main()
