"""What all tests share: the embedded sample as data, a seed, safe checkpoint reading, no left-over MMEngine state."""

import os
from collections import OrderedDict
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')  # before torch is imported, and for the tools that tests start

import matplotlib
import pytest
import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer

import mmssl_robust
from mmssl_robust.utils.checkpoint import register_safe_loaders

matplotlib.use('Agg')
torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))

SAMPLES = Path(mmssl_robust.__file__).parent / 'assets' / 'samples'


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if torch.cuda.is_available():
        return
    for item in items:
        if 'gpu' in item.keywords:
            item.add_marker(pytest.mark.skip(reason='needs a CUDA device'))


@pytest.fixture(scope='session', autouse=True)
def data_root():
    """Folder of the embedded sample; every config reads its data there, whatever the caller's DATA_ROOT."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('DATA_ROOT', str(SAMPLES))
        yield SAMPLES


@pytest.fixture(scope='session', autouse=True)
def safe_loaders():
    """MMEngine reads checkpoints as the tools do."""
    register_safe_loaders()


@pytest.fixture
def work_dir(tmp_path):
    """A fresh folder for what a Runner writes."""
    return tmp_path / 'work_dir'


@pytest.fixture(autouse=True)
def seed():
    """The random weights and images of a test do not depend on which tests ran before it."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def separate_mmengine_state():
    """A Runner leaves its default scope, logger and visualiser behind as globals: start without any."""
    # MMEngine itself binds a new dict at times, so the content of the old one is not what to clear.
    for manager in (DefaultScope, MMLogger, MessageHub, Visualizer):
        manager._instance_dict = OrderedDict()
