"""Old checkpoints are removed after the new ones are written."""

import pytest
import torch
from mmengine.runner import Runner

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.file_backend import WholeFileBackend


@pytest.fixture
def cfg(deacl_cfg):
    deacl_cfg.default_hooks.checkpoint = dict(type='mmssl_robust.SafeCheckpointHook', interval=1, max_keep_ckpts=1)
    deacl_cfg.train_cfg.max_epochs = 2
    return deacl_cfg


def test_the_only_checkpoint_survives_a_failed_one(cfg, work_dir, monkeypatch):
    put = WholeFileBackend.put

    def full(self, content, path):
        if 'epoch_2' in str(path):
            raise UserError('the disk is full')
        put(self, content, path)

    monkeypatch.setattr(WholeFileBackend, 'put', full)
    with pytest.raises(UserError, match='disk is full'):
        Runner.from_cfg(cfg).train()
    assert [path.name for path in work_dir.glob('*.pth')] == ['epoch_1.pth']


def test_and_goes_when_there_is_a_newer_one(cfg, work_dir):
    Runner.from_cfg(cfg).train()
    assert [path.name for path in work_dir.glob('*.pth')] == ['epoch_2.pth']
    state = torch.load(work_dir / 'epoch_2.pth', weights_only=False)
    assert state['message_hub']['runtime_info']['keep_ckpt_ids'] == [2]
    assert state['meta']['training']['images'] == 24


def test_what_a_kill_has_left_goes_when_the_training_goes_on(cfg, work_dir, monkeypatch):
    class Killed(BaseException):
        pass

    def dying(*_):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(WholeFileBackend, 'remove', dying)
        Runner.from_cfg(cfg).train()
    assert sorted(path.name for path in work_dir.glob('*.pth')) == ['epoch_1.pth', 'epoch_2.pth']
    cfg.train_cfg.max_epochs, cfg.experiment_name = 3, 'resumed'
    cfg.resume, cfg.load_from = True, str(work_dir / 'epoch_2.pth')
    Runner.from_cfg(cfg).train()
    assert [path.name for path in work_dir.glob('*.pth')] == ['epoch_3.pth']
