"""Check the source archive and the wheel in a folder: what they hold, and that the wheel runs where it is installed.

The wheel is installed into a fresh environment, which sees the libraries of this one and nothing of the checkout.

Example:
    python tools/check_dist.py dist
"""

import argparse
import os
import site
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Iterable, Iterator
from pathlib import Path
from zipfile import ZipFile

from mmssl_robust.utils.arguments import Parser
from mmssl_robust.utils.assets import ASSETS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.terminal import one_line_errors
from mmssl_robust.version import __version__

IN_WHEEL = (
    'mmssl_robust/py.typed',
    'mmssl_robust/.mim/configs/',
    'mmssl_robust/.mim/tools/',
    'mmssl_robust/assets/mini/',
)
IN_SOURCE = (
    'CHANGELOG.md',
    'CITATION.cff',
    'LICENSE',
    'README.md',
    'setup.py',
    'pyproject.toml',
    'requirements/',
    'configs/',
)
# Parts of a path that tell what was left lying about in a checkout.
FOREIGN = ('__pycache__', '.git', '.venv', 'build', 'data', 'dist', 'tests', 'work_dirs')


def faults(names: Iterable[str], needed: Iterable[str]) -> Iterator[str]:
    """What an archive lacks, and what does not belong there.

    Args:
        names: Its files, from the root of the project on.
        needed: Files, and folders with a slash behind them.
    """
    names = list(names)
    for path in needed:
        if not any(name == path or (path.endswith('/') and name.startswith(path)) for name in names):
            yield f'lacks {path}'
    for name in names:
        if name.endswith(('.pyc', '.pth', '.log')) or set(FOREIGN) & set(name.split('/')[:-1]):
            yield f'holds {name}'


def only(folder: Path, pattern: str) -> Path:
    """The one archive of its kind.

    Raises:
        UserError: If there is none, or more than one.
    """
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise UserError(f'{folder} holds {len(found)} files {pattern}: run `make dist`')
    return found[0]


def check_contents(source: Path, wheel: Path) -> None:
    """Check what the archives hold.

    Raises:
        UserError: If one lacks something, or holds what does not belong there.
    """
    with tarfile.open(source) as archive:
        in_source = [member.name.partition('/')[2] for member in archive.getmembers() if member.isfile()]
    with ZipFile(wheel) as archive:
        in_wheel = archive.namelist()
    for path, names, needed in ((source, in_source, IN_SOURCE), (wheel, in_wheel, IN_WHEEL)):
        found = list(faults(names, needed))
        if found:
            raise UserError(f'{path.name} {", ".join(found[:5])}: see MANIFEST.in and setup.py')
        print(f'{path.name}: {len(names)} files, {path.stat().st_size / 2**20:.1f} MiB')


def installed(wheel: Path, folder: Path) -> Path:
    """Install the wheel into a new environment; returns the console script."""
    venv.create(folder, with_pip=False)
    pip = [sys.executable, '-m', 'pip', f'--python={folder}/bin/python', '-q', 'install', '--no-deps', '--no-index']
    subprocess.run([*pip, str(wheel)], check=True)
    (packages,) = folder.glob('lib/python*/site-packages')
    (packages / 'others.pth').write_text('\n'.join(site.getsitepackages()))
    return folder / 'bin' / 'mmssl-robust'


def check_run(command: Path, folder: Path) -> None:
    """Run the installed command in a folder that holds nothing.

    Raises:
        UserError: If it fails, or is of another version.
    """
    environment = {key: value for key, value in os.environ.items() if key not in ('PYTHONPATH', 'DATA_ROOT')}
    photographs = ASSETS / 'samples' / 'cifar10' / 'test'
    evaluate = ['evaluate', 'mini', str(photographs), '--max-images', '2', '--steps', '2']
    for words, says in ((['--version'], __version__), (['--help'], 'evaluate'), (evaluate, 'Report: ')):
        done = subprocess.run([command, *words], cwd=folder, env=environment, capture_output=True, text=True)
        if done.returncode or says not in done.stdout:
            raise UserError(
                f'mmssl-robust {words[0]} of the wheel failed: {(done.stderr or done.stdout).strip()[-500:]}'
            )
        print(f'mmssl-robust {words[0]}: runs outside the checkout')


def parse_args() -> argparse.Namespace:
    """What the command line says."""
    parser = Parser(description=__doc__)
    parser.add_argument('folder', type=Path, help='of the archives')
    return parser.parse_args()


@one_line_errors
def main() -> None:
    args = parse_args()
    source, wheel = only(args.folder, '*.tar.gz'), only(args.folder, '*.whl')
    check_contents(source, wheel)
    with tempfile.TemporaryDirectory() as name:
        command = installed(wheel, Path(name) / 'venv')
        check_run(command, Path(name))


if __name__ == '__main__':
    main()
