"""Say what is installed, on what it would compute, what is missing, and what to type."""

import argparse
import importlib
import os
import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

from mmssl_robust.utils.config_files import SUITES, configs_in, run_configs
from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.torch_build import advice, cuda_bytes, has_driver, torchvision_problem
from mmssl_robust.utils.versions import check_mm_versions
from mmssl_robust.version import __version__

# What each is for, of libraries that nothing needs but what it names.
OPTIONAL = {
    'tensorboard': '--log-to tensorboard',
    'wandb': '--log-to wandb',
    'mlflow': '--log-to mlflow',
    'imagecorruptions-imaug': '--attack corruptions',
    'transformers': 'encoders of the Hugging Face Hub',
    'argcomplete': 'completion in the shell',
    'openmim': '`mim test mmssl_robust CONFIG`',
}


class Finding(NamedTuple):
    """Something that was looked for.

    Attributes:
        what: What it is.
        found: What there is, or how to get it.
        missing: Whether something that is needed is missing.
    """

    what: str
    found: str
    missing: bool = False


def run(args: argparse.Namespace) -> None:  # noqa: ARG001
    """Print the findings; exit code 1 if something that is needed is missing."""
    findings = [*_itself(), *_libraries(), *_openmmlab(), *_optional(), *_device(), *_data()]
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        print(f'{"missing" if finding.missing else "":7}  {finding.what:{width}}  {finding.found}')
    if any(finding.missing for finding in findings):
        sys.exit(1)


def _itself() -> Iterator[Finding]:
    yield Finding('mmssl_robust', f'{__version__}, {len(run_configs())} configs, {len(_suites())} suites')
    yield Finding('Python', f'{platform.python_version()}, {sys.executable}')


def _suites() -> dict[str, Path]:
    return configs_in(SUITES)


def _libraries() -> Iterator[Finding]:
    """What the package says that it needs, of any version that is not wide of it."""
    try:
        lines = metadata.requires('mmssl_robust') or []
    except metadata.PackageNotFoundError:
        yield Finding('mmssl_robust', 'is not installed: run `pip install -e ".[mm]"` in its checkout', missing=True)
        return
    for requirement in map(Requirement, lines):
        if requirement.marker is None or requirement.marker.evaluate({'extra': ''}):
            yield _library(requirement)


def _library(requirement: Requirement) -> Finding:
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        twin = {'opencv-python': 'opencv-python-headless'}.get(requirement.name)
        if twin:
            return _library(Requirement(f'{twin}{requirement.specifier}'))
        return Finding(requirement.name, f'not installed: run `pip install "{requirement}"`', missing=True)
    fits = requirement.specifier.contains(version, prereleases=True)
    hint = '' if fits else f', {requirement.specifier} needed: run `pip install "{requirement}"`'
    return Finding(requirement.name, version + hint, missing=not fits)


def _openmmlab() -> Iterator[Finding]:
    try:
        check_mm_versions()
    except UserError as error:
        yield Finding('OpenMMLab', str(error), missing=True)
        return
    names = ('mmengine', 'mmcv', 'mmsegmentation', 'mmpretrain')
    versions = [f'{name} {_version(f"onedl-{name}") or _version(name)}' for name in names]
    yield Finding('OpenMMLab', ', '.join(versions))


def _optional() -> Iterator[Finding]:
    for name, purpose in OPTIONAL.items():
        version = _version(name)
        yield Finding(name, version or f'not installed, for {purpose}: `pip install {name}`')


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _device() -> Iterator[Finding]:
    try:
        import torch
    except Exception as error:  # whatever a broken installation raises
        yield Finding('device', f'PyTorch cannot be imported: {first_line(error)}', missing=True)
        return
    try:
        importlib.import_module('torchvision')
    except Exception as error:  # likewise
        yield Finding('torchvision', torchvision_problem(error) or first_line(error), missing=True)
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    yield Finding('device', ', '.join(names) or f'CPU, {os.cpu_count()} cores, {torch.get_num_threads()} threads')
    hint = '' if names else advice(torch.version.cuda, has_driver(), cuda_bytes())
    if hint:
        yield Finding('PyTorch', hint)


def _data() -> Iterator[Finding]:
    root = os.environ.get('DATA_ROOT')
    if not root:
        yield Finding('data', 'DATA_ROOT is not set: configs look in ./data; `benchmark mini` brings its own')
    elif Path(root).is_dir():
        names = sorted(path.name for path in Path(root).iterdir() if path.is_dir())
        yield Finding('data', f'DATA_ROOT={root}: {", ".join(names) or "empty"}')
    else:
        yield Finding('data', f'DATA_ROOT={root} is no folder: set it to that of your data sets', missing=True)
