"""Trainings by the command line."""

import pytest

from mmssl_robust.utils.checkpoint import read_checkpoint


@pytest.fixture
def write_config(deacl_cfg, tmp_path):
    """Write the tiny config with these hooks."""
    deacl_cfg.optim_wrapper.optimizer = dict(type='SGD', lr=0.2, momentum=0.9)

    def write(*hooks):
        deacl_cfg.custom_hooks = list(hooks)
        deacl_cfg.dump(tmp_path / 'deacl_tiny.py')
        return tmp_path / 'deacl_tiny.py'

    return write


@pytest.fixture
def train(deacl_cfg, write_config, run_tool):
    """Train in this process; returns the last checkpoint."""

    def run(work_dir, *arguments, epochs=4):
        deacl_cfg.train_cfg.max_epochs = epochs
        run_tool('train.py', write_config(), '--work-dir', work_dir, *arguments)
        return read_checkpoint(work_dir / f'epoch_{epochs}.pth')

    return run
