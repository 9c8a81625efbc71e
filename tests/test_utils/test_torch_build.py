"""What is said of a PyTorch that does not suit the machine."""

import re
from types import SimpleNamespace

import pytest

from mmssl_robust.utils import torch_build
from mmssl_robust.utils.torch_build import CPU_INDEX, advice, cuda_bytes


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
