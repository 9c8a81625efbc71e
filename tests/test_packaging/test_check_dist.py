"""What ``make dist`` says of archives that are not right."""

import importlib.util
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from mmssl_robust.utils.errors import UserError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def check_dist():
    spec = importlib.util.spec_from_file_location('check_dist', ROOT / 'tools' / 'check_dist.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def archives(tmp_path, check_dist):
    """Whatever a check asks for, and more files of the wheel's."""

    def write(*more, version='1'):
        source, wheel = tmp_path / f'p-{version}.tar.gz', tmp_path / f'p-{version}-py3-none-any.whl'
        (tmp_path / 'empty').touch()
        with tarfile.open(source, 'w:gz') as archive:
            for name in check_dist.IN_SOURCE:
                archive.add(tmp_path / 'empty', f'p-{version}/{name}x' if name.endswith('/') else f'p-{version}/{name}')
        with ZipFile(wheel, 'w') as archive:
            for name in (*check_dist.IN_WHEEL, *more):
                archive.writestr(f'{name}x' if name.endswith('/') else name, '')
        return source, wheel

    return write


def test_archives_that_are_whole_pass(check_dist, archives, capsys):
    check_dist.check_contents(*archives())
    assert capsys.readouterr().out.count(' files, ') == 2


@pytest.mark.parametrize(
    'name', ['tests/test_x.py', 'mmssl_robust/__pycache__/x.cpython-311.pyc', 'data/x.png', 'mmssl_robust/x.pth']
)
def test_what_does_not_belong_there_is_named(check_dist, archives, name):
    with pytest.raises(UserError, match=f'holds {name}'):
        check_dist.check_contents(*archives(name))


def test_what_is_missing_is_named(check_dist):
    assert list(check_dist.faults(['a/b', 'c'], ['a/', 'c', 'd', 'e/'])) == ['lacks d', 'lacks e/']


def test_one_archive_of_a_kind(check_dist, archives, tmp_path):
    archives()
    assert check_dist.only(tmp_path, '*.whl').name == 'p-1-py3-none-any.whl'
    archives(version='2')
    with pytest.raises(UserError, match='holds 2 files'):
        check_dist.only(tmp_path, '*.whl')
