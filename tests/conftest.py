"""What all tests share: the embedded sample as data, a seed, safe checkpoint reading, no left-over MMEngine state."""

import errno
import fcntl
import gc
import os
import sys
from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault('OMP_NUM_THREADS', '1')  # before torch is imported, and for the tools that tests start

import forks
import matplotlib
import pytest
import torch
from fake_hub import hub  # noqa: F401
from mmengine.config import Config
from packaging.version import Version
from safetensors.torch import save_file
from toys import backbone_cfg
from yapf.yapflib import yapf_api

import mmssl_robust
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.checkpoint import SAFE_TORCH, register_safe_loaders
from mmssl_robust.utils.errors import UserError

matplotlib.use('Agg')
torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))

gc.disable()  # while all is imported
CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
SAMPLES = Path(mmssl_robust.__file__).parent / 'assets' / 'samples'


def pytest_collection_finish() -> None:
    """What was imported is no garbage."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker('gpu'):
            item.add_marker(pytest.mark.skip(reason='needs a CUDA device'))


def is_refusal(error: BaseException) -> bool:
    """Whether the package has refused a pickled checkpoint, or `pytest.raises` met that in place of another error."""
    ours = isinstance(error, UserError) or str(error).startswith('Regex pattern did not match')
    return ours and f'torch {torch.__version__} cannot read ' in str(error)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Skip what would read a pickled checkpoint where PyTorch cannot do so safely, and the package refuses it."""
    if Version(torch.__version__) < SAFE_TORCH and call.excinfo and is_refusal(call.excinfo.value):
        with pytest.raises(pytest.skip.Exception) as call.excinfo:
            pytest.skip(f'reads a pickled checkpoint, for which PyTorch {SAFE_TORCH} is needed')
    return (yield)


@pytest.fixture(scope='session', autouse=True)
def data_root():
    """Folder of the embedded sample; every config reads its data there, whatever the caller's DATA_ROOT."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('DATA_ROOT', str(SAMPLES))
        yield SAMPLES


@pytest.fixture(scope='session', autouse=True)
def no_collection_with_each_data_set():
    """MMEngine collects all garbage there is with each data set: a tenth of the time of tests that build many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmengine.dataset.base_dataset.gc', SimpleNamespace(collect=lambda: None))
        yield


@pytest.fixture(scope='session', autouse=True)
def safe_loaders():
    """MMEngine reads checkpoints as the tools do."""
    register_safe_loaders()


@pytest.fixture(scope='session', autouse=True)
def plain_configs():
    """The configs of Runners are written as they are: laying one out by yapf takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yapf_api, 'FormatCode', lambda text, **_: (text, True))
        yield


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
    forks.forget_mmengine()


@pytest.fixture
def config():
    """Path of a config of this repository."""
    return lambda name: CONFIGS / name


@pytest.fixture
def deacl_cfg(data_root, tmp_path, work_dir):
    """Config of a tiny DeACL on the sample's 60 CIFAR images, 4 epochs of 24 images, without probes."""
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'teacher.safetensors'))
    backbone = backbone_cfg('featmap_cls') | dict(init_cfg=init_cfg)
    save_file(MODELS.build(backbone).vit.state_dict(), init_cfg['checkpoint'])
    cfg = Config.fromfile(CONFIGS / 'deacl' / 'dino_mini.py')
    cfg.model.backbone = backbone
    folder = cfg.train_dataloader.dataset.datasets[0]
    folder.data_prefix = 'cifar10/test'
    folder.pipeline[1].scale = 16
    cfg.train_dataloader.dataset = folder
    cfg.train_dataloader.num_workers = 0
    cfg.train_dataloader.persistent_workers = False
    cfg.train_cfg = dict(
        type='mmssl_robust.AdversarialTrainLoop', max_epochs=4, total_batch_size=8, images_per_epoch=24, val_interval=9
    )
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    cfg.default_hooks.checkpoint = dict(type='mmssl_robust.SafeCheckpointHook', interval=1, max_keep_ckpts=2)
    cfg.work_dir = str(work_dir)
    return cfg


@pytest.fixture
def another_writer(monkeypatch):
    """Have each folder look as if another process was writing to it."""

    def lockf(*_):
        raise BlockingIOError(errno.EAGAIN, 'Resource temporarily unavailable')

    monkeypatch.setattr(fcntl, 'lockf', lockf)


@pytest.fixture
def run_tool(monkeypatch):
    """Run a tool of ``tools/`` in this process, as the command line would."""

    monkeypatch.setattr(sys, 'argv', sys.argv)  # put back at the end
    return forks.tool
