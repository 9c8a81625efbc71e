"""Which versions go together: a session for each pair of Python and PyTorch, which writes its line of docs/versions.md.

nox                                            # every pair: a CUDA build of PyTorch for each, several GB of downloads
nox -s "versions(python='3.12', torch='2.8.0')"    # one pair
nox --list                                     # all of them
EXTRA_INDEX=URL nox ...                        # PyTorch's own index, say of its CPU builds
"""

import datetime
import os
import re
from pathlib import Path

import nox

nox.needs_version = '>=2024.4.15'
nox.options.default_venv_backend = 'uv|venv'  # uv, where it is there, unpacks a library once for all environments

ROOT = Path(__file__).parent
PAGE = ROOT / 'docs' / 'versions.md'
PYTHONS = ('3.10', '3.11', '3.12', '3.13')
TORCHVISION = {'2.4.1': '0.19.1', '2.8.0': '0.23.0', '2.11.0': '0.26.0', '2.14.1': '0.29.1'}
"""PyTorch -> torchvision that was built for it."""
WITHOUT_WHEELS = {('3.13', '2.4.1')}
# The parts that call most of PyTorch, timm and OpenMMLab: what holds of every attack, losses, models, and the bridge.
TESTS = ('tests/test_attacks/test_pgd_contract.py', 'tests/test_functional', 'tests/test_models', 'tests/test_victims')
MINI = ('evaluate', 'mini', 'mmssl_robust/assets/samples/cifar10/test', '--max-images', '4', '--steps', '2')


@nox.session
@nox.parametrize('torch', list(TORCHVISION))
@nox.parametrize('python', PYTHONS)
def versions(session: nox.Session, torch: str) -> None:
    """Install, run tests, evaluate an encoder, write what came of it."""
    python = str(session.python)
    if (python, torch) in WITHOUT_WHEELS:
        session.skip(f'PyTorch {torch} has no wheels for Python {python}')
    outcome = _tried(session, torch)
    _write(python, torch, outcome)
    if 'passed' not in outcome or 'failed' in outcome or 'error' in outcome:
        session.error(outcome)


def _tried(session: nox.Session, torch: str) -> str:
    """What came of the tests, in pytest's words."""
    index = ('--extra-index-url', os.environ['EXTRA_INDEX']) if os.environ.get('EXTRA_INDEX') else ()
    constraints = Path(session.create_tmp()) / 'constraints.txt'
    constraints.write_text(_constraints(torch))
    session.install('-c', str(constraints), *index, '-e', '.[mm,tests]')
    # In place of opencv-python's, which needs libGL.
    session.install('-c', str(constraints), '--force-reinstall', '--no-deps', 'opencv-python-headless')
    log = Path(session.create_tmp()) / 'pytest.log'
    with log.open('w') as file:
        command = ('python', '-m', 'pytest', *TESTS)
        session.run(*command, stdout=file, success_codes=[0, 1, 2], env=dict(OMP_NUM_THREADS='1'))
    said = re.sub(r' in [\d.]+s.*', '', log.read_text().strip().splitlines()[-1]).strip('= ')
    session.run('python', '-m', 'mmssl_robust', *MINI, '--out', session.create_tmp() + '/mini')
    return said


def _constraints(torch: str) -> str:
    """The project's, with another PyTorch."""
    text = (ROOT / 'requirements' / 'constraints.txt').read_text()
    text = re.sub(r'^torch==.*', f'torch=={torch}', text, flags=re.MULTILINE)
    return re.sub(r'^torchvision==.*', f'torchvision=={TORCHVISION[torch]}', text, flags=re.MULTILINE)


def _write(python: str, torch: str, outcome: str) -> None:
    """Put a line into the table of the page, in place of the one that is there."""
    line = f'| {python} | {torch} | {outcome} | {datetime.date.today()} |'
    text, count = re.subn(rf'^\| {python} \| {torch} \|.*$', line, PAGE.read_text(), flags=re.MULTILINE)
    if not count:
        raise LookupError(f'{PAGE} has no line for Python {python} and PyTorch {torch}')
    PAGE.write_text(text)
