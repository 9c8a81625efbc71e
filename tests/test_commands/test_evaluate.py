"""`evaluate`: the four cases from folders to a table, tiny."""

import argparse
import json
import shutil
from pathlib import Path

import forks
import numpy as np
import pytest

from mmssl_robust import evaluate
from mmssl_robust.benchmark.report import write_report
from mmssl_robust.benchmark.row_records import read_rows
from mmssl_robust.commands import evaluate as command
from mmssl_robust.commands.arguments.evaluate import add_arguments
from mmssl_robust.easy.results import Results
from mmssl_robust.utils.config_files import read_config
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.terminal import console

FEW = ('--max-images', '2', '--steps', '2', '--no-report', '--eps', '4/255')


def call(*arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    command.run(parser.parse_args([str(argument) for argument in arguments]))


@pytest.fixture
def short_training(monkeypatch):
    """Heads are trained for a moment."""
    monkeypatch.setattr('mmssl_robust.easy.configs._STEPS', 1)
    monkeypatch.setattr('mmssl_robust.easy.configs._EPOCHS', (1, 2))


def test_photographs_without_labels(tmp_path, data_root, monkeypatch):
    folder = data_root / 'cifar10/test/bird'
    with console.capture() as said:
        call('mini', folder, *FEW, '2/255', '--out', tmp_path / 'out', '--save-config', tmp_path / 'own.py')
    assert '2 of 10 images are attacked' in said.get() and 'mini on bird, 2 images' in said.get()
    assert '…' not in said.get()  # 80 columns are enough
    table = Results(tmp_path / 'out').table
    assert set(table['eps'].dropna()) == {2 / 255, 4 / 255} and set(table['attack']) >= {'clean', 'embed-both'}
    assert table[table['metric'] == 'nearest']['low'].notna().all()
    assert read_config(tmp_path / 'own.py').model.head.type == 'mmssl_robust.EmbeddingHead'
    monkeypatch.setattr('mmssl_robust.benchmark.run.RowEvaluation', None)  # nothing is loaded a second time
    call('mini', folder, *FEW, '2/255', '--out', tmp_path / 'out')
    with pytest.raises(UserError, match='were made with max_images 2, not 3'):
        call('mini', folder, *FEW, '2/255', '--max-images', '3', '--out', tmp_path / 'out')
    with pytest.raises(UserError, match='were made with .*restarts'):
        call('mini', folder, *FEW, '2/255', '--restarts', '2', '--out', tmp_path / 'out')


def test_settings_of_the_attacks():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    words = ['--norm', 'l2', '--eps', '0.5', '1', '--step-size', '0.1', '--restarts', '3', '--keep', 'last']
    plan = command.plan_of(parser.parse_args(['mini', 'photos', *words]), 'mini', Path('photos'))
    assert (plan.norm, plan.eps, plan.step_size, plan.restarts, plan.keep) == ('l2', ('0.5', '1'), '0.1', 3, 'last')


def test_two_processes_give_the_records_of_one(tmp_path, data_root):
    arguments = ('mini', data_root / 'cifar10/test/bird', '--max-images', '4', '--steps', '1', '--attack', 'embed-cls')
    arguments += ('--eps', '4/255', '--size', '32', '--batch-size', '2', '--no-report')
    with console.capture():
        call(*arguments, '--out', tmp_path / 'one')
    two = (*arguments, '--launcher', 'pytorch', '--out', tmp_path / 'two')
    assert forks.together(call, *two, environments=forks.ranks(2)) == [0, 0]
    (one,), (two,) = (read_rows(tmp_path / name)[1] for name in ('one', 'two'))
    for name in ('clean', 'embed-cls'):
        assert one.read(name).drop(columns='seconds').equals(two.read(name).drop(columns='seconds'))
    assert two.info['environments'][0]['processes'] == 2


@pytest.mark.parametrize('task, lists', [('embedding', ['images']), ('classification', ['test', 'train'])])
@pytest.mark.usefixtures('short_training')
def test_other_images_are_never_mixed_in(task, lists, tmp_path, data_root):
    """Neither of those that are attacked nor of those that a head or a bank is made of."""
    folder, other = tmp_path / 'animals', next((data_root / 'cifar10/test/ship').iterdir())
    for name in ('cat', 'dog'):
        shutil.copytree(data_root / 'cifar10/test' / name, folder / name)
    arguments = ('mini', folder, '--task', task, *FEW, '--steps', '1', '--size', '32', '--out', tmp_path / 'out')
    with console.capture():
        call(*arguments)
    before = Results(tmp_path / 'out').table
    for name in lists:
        entries = json.loads((tmp_path / f'out/lists/{name}.json').read_text())['data_list']
        file = folder / entries[0]['img_path']
        content = file.read_bytes()
        shutil.copy(other, file)
        with pytest.raises(UserError, match='_files .* images?, digest .*: move that folder away, or give another'):
            call(*arguments)
        file.write_bytes(content)
    with console.capture():
        call(*arguments)
    assert Results(tmp_path / 'out').table.equals(before)


@pytest.mark.parametrize(
    'task, folder, arguments, attacks',
    [
        ('classification', 'cifar10', [], {'clean', 'embed', 'pgd'}),
        (
            'segmentation', 'camvid/images', ['--labels', 'camvid/annotations', '--ignore', '11'],
            {'clean', 'embed', 'segpgd'},
        ),
        (
            'depth', 'hololens/images', ['--labels', 'hololens/depths', '--depth-scale', '1000'],
            {'clean', 'embed', 'depthpgd'},
        ),
    ],
)  # fmt: skip
@pytest.mark.usefixtures('short_training')
def test_with_labels(task, folder, arguments, attacks, tmp_path, data_root):
    arguments = [data_root / part if '/' in part else part for part in arguments]
    with console.capture():
        call('mini', data_root / folder, '--task', task, *arguments, *FEW, '--size', '32', '--out', tmp_path / 'out')
    results = Results(tmp_path / 'out')
    assert set(results.table['attack']) == attacks and results.table['images'].eq(2).all()
    _, (records,) = read_rows(tmp_path / 'out')
    assert records.info['head'].endswith('head.safetensors') and records.info['encoder'] == 'mini'


def test_from_python(tmp_path, data_root):
    folder = data_root / 'cifar10/test/bird'
    results = evaluate('mini', folder, attacks=['embed-cls'], out=tmp_path, max_images=2, steps=1, eps='2/255', size=32)
    assert results.value() == 100 and results.value('embed-cls', 'cls_distance') > 0
    assert results.report().is_file() and len(results.to_pandas()) == 2 * 9


def test_another_norm_from_python(tmp_path, data_root):
    settings = dict(norm='l2', eps=0.5, step_size=np.float32(0.25), steps=1, max_images=1, size=32)
    results = evaluate('mini', data_root / 'cifar10/test/bird', attacks='embed-cls', out=tmp_path, **settings)
    assert results.table['eps'].dropna().eq(0.5).all() and results.value('embed-cls', 'cls_distance') > 0


def test_a_bank_of_other_images(tmp_path, data_root):
    folder, bank = data_root / 'cifar10/test/bird', data_root / 'cifar10/train'
    arguments = ('--bank', bank, '--attack', 'embed-cls', '--size', '32', *FEW, '--out', tmp_path)
    with console.capture() as said:
        call('mini', folder, *arguments)
    assert 'probe: class kept by linear probes of the bank, %' in said.get()
    table = Results(tmp_path).table.set_index(['attack', 'metric'])['value']
    assert table['clean', 'probe'] == 100 and 0 <= table['embed-cls', 'probe'] <= 100
    cfg = read_config(tmp_path / 'config.py')
    assert cfg.bank_dataloader.dataset.data_root == str(bank.resolve()) != cfg.test_dataloader.dataset.data_root
    page = write_report(tmp_path, tmp_path / 'report', resamples=10)
    assert '"metric": "probe"' in page.with_name('results.json').read_text()


def test_damaged_photographs(tmp_path, data_root):
    for name in ('0000', '0020', '0040'):
        (tmp_path / 'photos').mkdir(exist_ok=True)
        (tmp_path / f'photos/{name}.jpg').write_bytes((data_root / f'cifar10/test/bird/{name}.jpg').read_bytes())
    (tmp_path / 'photos/0010.jpg').write_bytes(b'broken')
    arguments = ('mini', tmp_path / 'photos', '--max-images', '4', '--size', '16', '--attack', 'embed-cls', *FEW[2:])
    with console.capture(), pytest.raises(UserError, match=r'cannot read .*0010.jpg .*--on-corrupt skip'):
        call(*arguments, '--out', tmp_path / 'out')
    with console.capture():
        call(*arguments, '--on-corrupt', 'skip', '--out', tmp_path / 'out')
    assert Results(tmp_path / 'out').table['images'].eq(3).all()
