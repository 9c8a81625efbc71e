import hashlib
import io
import json
from itertools import chain

import numpy as np
import pytest
import torch
from mmengine.config import Config
from rich.console import Console

from mmssl_robust.attacks import DepthPGD, SegPGD
from mmssl_robust.evaluation.summary import config_hash, library_versions, metrics_table
from mmssl_robust.utils.json_files import write_json


def test_json_of_numbers_as_libraries_give_them(tmp_path):
    path = tmp_path / 'deep' / 'result.json'
    write_json(
        dict(a=np.float32(0.5), b=torch.tensor(2), c=[float('nan'), np.inf], d=dict(e=True, f='x', g=None)), path
    )
    assert json.loads(path.read_text()) == dict(a=0.5, b=2, c=[None, None], d=dict(e=True, f='x', g=None))


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / 'result.json'
    path.write_text('old')
    with pytest.raises(TypeError):
        write_json(dict(a=1, b=object()), path)
    assert path.read_text() == 'old' and list(tmp_path.iterdir()) == [path]
    write_json(dict(a=1), path)
    assert json.loads(path.read_text()) == dict(a=1) and list(tmp_path.iterdir()) == [path]


@pytest.fixture
def printed():
    """What a table looks like on a terminal of 80 columns."""

    def lines(table):
        console = Console(width=80, record=True, file=io.StringIO())
        console.print(table)
        return [line.rstrip() for line in console.export_text().splitlines() if line.strip()]

    return lines


def test_table_has_a_row_for_clean_and_each_attack(printed):
    settings = SegPGD(steps=20).settings.as_dict()
    attacks = {name: dict(settings=settings, success_rate=0.975, fell=12, rose=3) for name in ('segpgd', 'embed')}
    metrics = {'mIoU': 41.5, 'x/aAcc': 0.5}
    metrics |= {f'{name}/{key}': value / 10 for name in attacks for key, value in metrics.items()}
    lines = printed(metrics_table(metrics, dict(attacks=attacks), 'title'))
    rows = [line.split() for line in lines if '─' not in line]
    assert rows[:5] == [
        ['title'],
        ['mIoU', 'x/aAcc', 'success', 'fell,', 'rose'],
        ['clean', '41.50', '0.5000'],
        ['segpgd', '4.15', '0.0500', '97.5%', '12,', '3'],
        ['embed', '4.15', '0.0500', '97.5%', '12,', '3'],
    ]
    # What stands below the table is in lines of its width.
    words = SegPGD().settings.words()
    assert ' '.join(chain(*rows[5:])) == f'segpgd: {words} embed: {words}'


def test_all_depth_errors_fit_on_a_line(printed):
    names = ('rmse', 'abs_rel', 'log10', 'delta1', 'delta2', 'delta3')
    attacks = dict(depthpgd=dict(settings=DepthPGD().settings.as_dict(), success_rate=1.0, fell=20, rose=0))
    metrics = {f'{prefix}{name}': 0.1234 for prefix in ('', 'depthpgd/') for name in names}
    lines = printed(metrics_table(metrics, dict(attacks=attacks), 'title'))
    assert any(line.split() == ['depthpgd', *['0.1234'] * 6, '100.0%', '20,', '0'] for line in lines)


def test_config_hash_is_of_what_the_numbers_depend_on():
    cfg = Config(dict(model=dict(type='A', depth=2), work_dir='here'))
    assert config_hash(cfg) == config_hash(Config(dict(work_dir='there', model=dict(depth=2, type='A'))))
    assert config_hash(cfg) != config_hash(Config(dict(model=dict(type='A', depth=3))))


def test_a_bank_enters_the_hash_of_configs_that_have_one_alone():
    cfg = Config(dict(model=dict(type='A')))
    parts = dict(model=dict(type='A'), test_cfg=None, test_dataloader=None, test_evaluator=None)
    assert config_hash(cfg) == hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    hashes = {config_hash(cfg)}
    for bank in (dict(type='B'), dict(type='C'), dict(type='C', data_root='here')):
        cfg.bank_dataloader = dict(dataset=bank)
        hashes.add(config_hash(cfg))
    assert len(hashes) == 3


def test_versions():
    versions = library_versions()
    assert versions['torch'] == torch.__version__.split('+')[0] or versions['torch'] == torch.__version__
    assert {'python', 'mmssl_robust', 'numpy', 'timm'} <= versions.keys()
