import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from mmssl_robust.utils import versions
from mmssl_robust.utils.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
MAINTAINED = {'onedl-mmengine': '0.10.12', 'onedl-mmcv': '2.3.6', 'onedl-mmsegmentation': '1.4.2'} | {
    'onedl-mmpretrain': '1.3.6'
}
UPSTREAM = {'mmengine': '0.10.7', 'mmcv': '2.1.0', 'mmsegmentation': '1.2.2', 'mmpretrain': '1.2.0'} | {
    'ftfy': '6.3.1',
    'regex': '2026.11.15',
    'setuptools': '81.0.0',
}


@pytest.fixture
def error_line(monkeypatch):
    """What the check says of a machine with the given distributions; None if it is content."""

    def check(installed: dict[str, str]) -> str | None:
        def version(name: str) -> str:
            if name not in installed:
                raise metadata.PackageNotFoundError(name)
            return installed[name]

        monkeypatch.setattr(metadata, 'version', version)
        try:
            versions.check_mm_versions()
        except UserError as error:
            assert '\n' not in str(error)
            return str(error)
        return None

    return check


@pytest.mark.parametrize('installed', [MAINTAINED, UPSTREAM, MAINTAINED | {'setuptools': '84.0'}])
def test_either_set_is_accepted(error_line, installed):
    assert error_line(installed) is None


def test_nothing_installed_names_the_maintained_set(error_line):
    line = error_line({})
    assert line.endswith(f'run `pip install {" ".join(map(repr, versions.MAINTAINED))}`')


def test_only_what_is_wrong_is_installed(error_line):
    line = error_line(MAINTAINED | {'onedl-mmsegmentation': '1.3.0'})
    assert line.endswith("run `pip install 'onedl-mmsegmentation>=1.4,<2'`")
    assert 'onedl-mmsegmentation 1.3.0' in line


@pytest.mark.parametrize(
    'version, accepted', [('2.1.0', True), ('2.2.0', False), ('2.0.0', False), ('2.1.0+cu1', True)]
)
def test_bounds_of_upstream_mmcv(error_line, version, accepted):
    line = error_line(UPSTREAM | {'mmcv': version})
    assert (line is None) == accepted
    assert accepted or line.endswith("run `pip install --no-build-isolation 'mmcv>=2.0.1,<2.2'`")


def test_upstream_without_what_it_does_not_declare(error_line):
    installed = {name: version for name, version in UPSTREAM.items() if name not in ('ftfy', 'regex', 'mmcv')}
    line = error_line(installed | {'setuptools': '82.0.1'})
    install = "pip install 'ftfy>=6' 'regex' 'setuptools<82'"
    assert line.endswith(f"run `{install} && pip install --no-build-isolation 'mmcv>=2.0.1,<2.2'`")


def test_two_sets_over_each_other(error_line):
    line = error_line(MAINTAINED | {'mmcv': '2.1.0'})
    assert 'mmcv 2.1.0 overwrite each other' in line
    assert f'pip uninstall -y {" ".join(MAINTAINED)} mmcv && pip install' in line


@pytest.mark.parametrize(
    'checked, file, unchecked',
    [
        (versions.MAINTAINED, 'mminstall.txt', []),
        # Most of upstream works with NumPy 2 and the pyarrow that wants it as well, so they are not refused.
        ((*versions.UPSTREAM, *versions.UPSTREAM_UNDECLARED), 'mminstall_upstream.txt', ['numpy<2', 'pyarrow<22']),
    ],
)
def test_requirement_files_say_the_same(checked, file, unchecked):
    written = [line for line in (ROOT / 'requirements' / file).read_text().splitlines() if line[:1] not in ('', '#')]
    assert written == [*checked, *unchecked]


def test_constraints_lie_within_the_ranges():
    pins = [line for line in (ROOT / 'requirements/constraints.txt').read_text().splitlines() if '==' in line]
    ranges = {Requirement(line).name: Requirement(line).specifier for line in versions.MAINTAINED + versions.UPSTREAM}
    checked = {pin.name for pin in map(Requirement, pins) if pin.name in ranges}
    assert checked == set(ranges)
    for pin in map(Requirement, pins):
        if pin.name in ranges:
            assert ranges[pin.name].contains(next(iter(pin.specifier)).version)


def test_registry_reports_before_anything_is_imported():
    """Without the libraries, the gateway to MMEngine says what to install rather than failing to import it."""
    script = (
        'import sys\n'
        "sys.modules.update(dict.fromkeys(('mmengine', 'mmcv', 'mmseg', 'mmpretrain')))\n"
        'from importlib import metadata\n'
        'def version(name): raise metadata.PackageNotFoundError(name)\n'
        'metadata.version = version\n'
        'import mmssl_robust\n'
        'import mmssl_robust.registry\n'
    )
    done = subprocess.run([sys.executable, '-c', script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert 'UserError: onedl-mmengine>=0.10.8,<0.11' in done.stderr.splitlines()[-1]
    assert "run `pip install 'onedl-mmengine>=0.10.8,<0.11'" in done.stderr.splitlines()[-1]
