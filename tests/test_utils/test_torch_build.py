"""What is said of a PyTorch that does not suit the machine."""

import re
from types import SimpleNamespace

import pytest

from mmssl_robust.utils import torch_build
from mmssl_robust.utils.torch_build import CPU_INDEX, advice, cuda_bytes, torchvision_problem


@pytest.mark.parametrize(
    'cuda, driver, size, says',
    [
        (None, False, 0, ''),  # a CPU build on a CPU
        ('13.0', False, 0, ''),  # CUDA's libraries come from elsewhere
        (
            '13.0',
            False,
            2_600_000_000,
            f'2.6 GB of CUDA libraries serve nothing.*-c requirements/constraints.txt --extra-index-url {CPU_INDEX}',
        ),
        (None, True, 0, 'run in a checkout `pip uninstall -y torch .* && .* -c requirements/constraints.txt`'),
        ('13.0', True, 2_600_000_000, 'built for CUDA 13.0, cannot use: is its driver older'),
    ],
)
def test_advice(cuda, driver, size, says):
    assert re.fullmatch(f'.*{says}.*' if says else '', advice(cuda, driver, size))


def test_size_is_that_of_nvidias_distributions(monkeypatch):
    def distribution(name, *sizes):
        return SimpleNamespace(metadata=dict(Name=name), files=[SimpleNamespace(size=size) for size in sizes] or None)

    found = [distribution('nvidia-cublas', 3, None, 4), distribution('nvidia-nccl-cu13'), distribution('numpy', 9)]
    monkeypatch.setattr(torch_build.metadata, 'distributions', lambda: found)
    assert cuda_bytes() == 7


def test_a_torchvision_of_another_build_is_told(monkeypatch):
    """As a CPU build of PyTorch has it beside PyPI's torchvision."""
    versions = dict(torch='2.13.0+cpu', torchvision='0.28.0')
    monkeypatch.setattr(torch_build.metadata, 'version', versions.get)
    said = torchvision_problem(RuntimeError('operator torchvision::nms does not exist'))
    assert said.startswith('torchvision 0.28.0 does not fit torch 2.13.0+cpu') and '--force-reinstall' in said
    assert torchvision_problem(RuntimeError('operator aten::add does not exist')) is None
