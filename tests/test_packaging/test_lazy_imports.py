"""What must be quick, or run where little is installed, imports nothing heavy; told by ``sys.modules``, not a clock."""

import json
import subprocess
import sys
from pathlib import Path

from fakes import fake_row, write_suite

from mmssl_robust.commands.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
OPENMMLAB = {'mmengine', 'mmcv', 'mmseg', 'mmpretrain'}
OF_MODELS = OPENMMLAB | {'torch', 'torchvision', 'timm', 'transformers'}
HEAVY = OF_MODELS | {'cv2', 'h5py', 'matplotlib', 'numpy', 'pandas', 'pyarrow', 'scipy'}

HELP_OF_ALL = """
import contextlib, io, json, sys
from mmssl_robust.commands.main import COMMANDS, main

found = {}
for words in [['--help'], ['--version'], *([name, '--help'] for name in COMMANDS)]:
    before = set(sys.modules)
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
        main(words)
    assert said.getvalue(), words
    found[' '.join(words)] = sorted(set(sys.modules) - before)
print(json.dumps(found))
"""


def said_by(code, *arguments):
    """What a fresh interpreter prints."""
    command = [sys.executable, '-c', code, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def imported_by(code, *arguments):
    return set(json.loads(said_by(f'import json, sys\n{code}\nprint(json.dumps([*sys.modules]))', *arguments)))


def test_help_of_every_command_imports_nothing_heavy():
    found = json.loads(said_by(HELP_OF_ALL))
    assert len(found) == len(COMMANDS) + 2
    assert {words: HEAVY & set(modules) for words, modules in found.items()} == dict.fromkeys(found, set())


def test_attacks_import_pytorch_alone():
    heavy = HEAVY - {'torch', 'numpy'}
    code = 'import torch, sys; before = set(sys.modules)\nimport mmssl_robust.attacks'
    assert heavy & imported_by(code) == set()


def test_a_report_needs_neither_pytorch_nor_openmmlab(tmp_path):
    write_suite(tmp_path, [fake_row('classification', images=4, sweep_images=2)], images=4)
    code = (
        'import contextlib, io\nfrom mmssl_robust.commands.main import main\n'
        'with contextlib.redirect_stdout(io.StringIO()): main(["report", sys.argv[1], "--resamples", "10"])'
    )
    assert OF_MODELS & imported_by(code, tmp_path) == set()
    assert (tmp_path / 'report' / 'report.html').is_file()
