"""Numbers in other places than files, through MMEngine's back ends."""

import json

import pytest
from fakes import fake_row, write_suite
from mmengine.config import Config

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.benchmark.results import numbers_of
from mmssl_robust.commands import log_to
from mmssl_robust.utils.choices import LOG_TO
from mmssl_robust.utils.errors import UserError


def test_a_row_of_a_benchmark_is_logged(tmp_path, monkeypatch):
    """By MMEngine's own back end for files, in the place of one that needs a server."""
    monkeypatch.setitem(LOG_TO, 'files', ('LocalVisBackend', 'json'))
    (row,) = write_suite(tmp_path, [fake_row('classification', sweeps=False)], examples=0)
    numbers = numbers_of(row, tmp_path)
    assert set(numbers) >= {f'{row.name}/{name}/accuracy' for name in (CLEAN, 'embed', 'pgd')}
    log = log_to.ScalarLog(['files'], tmp_path / 'logs')
    log.add(numbers)
    log.close()
    (path,) = (tmp_path / 'logs').rglob('*.json')
    assert json.loads(path.read_text().splitlines()[0]).items() >= numbers.items()


def test_nowhere(tmp_path):
    log = log_to.ScalarLog([], tmp_path / 'logs')
    log.add(dict(a=1.0))
    log.close()
    assert not (tmp_path / 'logs').exists()


def test_what_is_not_installed_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(LOG_TO, 'wandb', ('WandbVisBackend', 'no_such_package'))
    with pytest.raises(UserError, match='--log-to wandb needs the package no_such_package'):
        log_to.ScalarLog(['wandb'], tmp_path)


def test_beside_what_a_config_logs_to_if_anything(monkeypatch):
    monkeypatch.setitem(LOG_TO, 'files', ('LocalVisBackend', 'json'))
    for visualizer in (None, dict(type='Visualizer'), dict(type='Visualizer', vis_backends=None)):
        cfg = Config(dict(visualizer=visualizer))
        log_to.add_logs(cfg, ['files'])
        assert cfg.visualizer.vis_backends[-1].type == 'LocalVisBackend'
