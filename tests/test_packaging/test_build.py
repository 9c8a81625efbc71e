"""What a wheel, a source archive and an editable install hold, built in a copy of the tree."""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from mmssl_robust.version import __version__

ROOT = Path(__file__).resolve().parents[2]
NOT_SOURCE = shutil.ignore_patterns(
    '.*', '__pycache__', 'build', 'dist', '*.egg-info', 'work_dirs', 'data', '*.safetensors'
)


@pytest.fixture(scope='module')
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp('build') / 'tree'
    return Path(shutil.copytree(ROOT, folder, ignore=NOT_SOURCE))


@pytest.fixture(scope='module')
def wheel(tree):
    with ZipFile(build(tree, 'build_wheel')) as archive:
        yield archive


def build(tree: Path, hook: str) -> Path:
    """Call a hook of the build backend; returns the archive that it wrote."""
    script = f'from setuptools.build_meta import *; print({hook}("dist"))'
    done = subprocess.run([sys.executable, '-c', script], cwd=tree, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return tree / 'dist' / done.stdout.splitlines()[-1]


def files(tree: Path, folder: str) -> set[str]:
    paths = (path.relative_to(tree) for path in (tree / folder).rglob('*') if path.is_file())
    return {path.as_posix() for path in paths if '.mim' not in path.parts}


def test_editable_install_links_what_mim_needs(tree):
    mim = tree / 'mmssl_robust' / '.mim'
    for _ in range(2):  # also over the links of an earlier install
        build(tree, 'build_editable')
        for name in ('configs', 'tools', 'model-index.yml'):
            assert (mim / name).is_symlink()
            assert (mim / name).resolve() == tree / name


def test_wheel_holds_the_package_and_what_mim_needs(tree, wheel):
    names = set(wheel.namelist())
    in_mim = {'model-index.yml'} | files(tree, 'configs') | files(tree, 'tools')
    assert {f'mmssl_robust/.mim/{path}' for path in in_mim} <= names
    assert {'mmssl_robust/py.typed'} | files(tree, 'mmssl_robust') <= names
    assert {name.split('/')[0].split('-')[0] for name in names} == {'mmssl_robust'}


def test_source_archive_builds_the_same_wheel(tree, wheel, tmp_path):
    with tarfile.open(build(tree, 'build_sdist')) as archive:
        archive.extractall(tmp_path)
    (source,) = tmp_path.iterdir()
    assert {'LICENSE', 'CHANGELOG.md', 'CITATION.cff', 'requirements/constraints.txt'} <= files(source, '.')
    assert not files(source, 'tests')
    with ZipFile(build(source, 'build_wheel')) as again:
        assert sorted(again.namelist()) == sorted(wheel.namelist())


def test_requires_no_mm_distribution_unless_asked(wheel):
    metadata = next(wheel.read(name).decode() for name in wheel.namelist() if name.endswith('METADATA'))
    required = [line.split(':', 1)[1].strip() for line in metadata.splitlines() if line.startswith('Requires-Dist')]
    plain = [line for line in required if 'extra ==' not in line]
    assert any(line.startswith('torch>=') for line in plain)
    assert not [line for line in plain if line.startswith(('mm', 'onedl-'))]
    assert any(line.startswith('onedl-mmcv') and 'extra == "mm"' in line for line in required)
    assert any(line.startswith('mmcv') and 'extra == "mm-upstream"' in line for line in required)
    assert 'Requires-Python: >=3.10' in metadata
    assert f'Version: {__version__}' in metadata and 'License-Expression: Apache-2.0' in metadata
    assert 'License-File: mmssl_robust/assets/samples/README.md' in metadata
