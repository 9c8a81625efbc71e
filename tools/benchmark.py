"""Run a suite, every row of it clean and under each attack, and write its report.

It is `mmssl-robust benchmark`, where users of OpenMMLab look for it.

Example:
    python tools/benchmark.py mini
"""

from mmssl_robust.commands.main import run_tool


def main() -> None:
    run_tool('benchmark')


if __name__ == '__main__':
    main()
