"""A report is made where there is nothing but the records: no OpenMMLab, no PyTorch, no model."""

import subprocess
import sys
from pathlib import Path

from fakes import OWN, fake_row, write_suite

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ('mmengine', 'mmcv', 'mmseg', 'mmpretrain', 'timm', 'torch', 'torchvision')
BLOCK = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {blocked}:
            raise ModuleNotFoundError(f'blocked: {{name}}', name=name)

sys.meta_path.insert(0, Block())
"""


def run(code, blocked=LIBRARIES):
    command = [sys.executable, '-c', BLOCK.format(blocked=set(blocked)) + code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_numbers_need_no_pictures_either():
    modules = [
        f'mmssl_robust.{name}' for name in ('benchmark.results', 'benchmark.believable', 'benchmark.suite', 'tasks')
    ]
    done = run(f'import {", ".join(modules)}', (*LIBRARIES, 'matplotlib'))
    assert done.returncode == 0, done.stderr


def test_the_tool_writes_the_report(tmp_path):
    write_suite(tmp_path, [fake_row(task, sweeps=False) for task in OWN], examples=1)
    tool = ROOT / 'tools' / 'analysis_tools' / 'report.py'
    command = ['report.py', str(tmp_path), '--resamples', '50']
    done = run(f'import runpy; sys.argv = {command}; runpy.run_path({str(tool)!r}, run_name="__main__")')
    assert done.returncode == 0, done.stderr
    page = (tmp_path / 'report' / 'report.html').read_text()
    assert 'worst case' in page and page.count('<img') > 50
