"""Write the report of a benchmark from its records.

It is `mmssl-robust report`, where users of OpenMMLab look for it.

Example:
    python tools/analysis_tools/report.py work_dirs/benchmark/mini
"""

from mmssl_robust.commands.main import run_tool

if __name__ == '__main__':
    run_tool('report')
