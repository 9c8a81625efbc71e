"""Every writer goes on to the same bits after it was killed."""

import subprocess
import sys
from pathlib import Path

import pytest

LOOP = Path(__file__).resolve().parents[1] / 'kill_loop.py'
WRITERS = ['training', 'head', 'evaluation', 'benchmark', 'report', 'features', 'packed file', 'packed folder', 'push']


@pytest.mark.slow
@pytest.mark.parametrize('writer', [*WRITERS, 'data', 'weights'])
def test_kills(writer, tmp_path):
    command = [sys.executable, LOOP, '--kills', '3', '--writer', writer, '--folder', tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and '3 kills' in done.stdout, done.stdout + done.stderr
