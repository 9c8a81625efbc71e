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
