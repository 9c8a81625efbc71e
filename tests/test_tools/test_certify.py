"""tools/certify.py on tiny models: what it says, that it goes on after a kill, and that mistakes are one line."""

import csv
import json
from pathlib import Path

import forks
import pytest
import torch
from mmengine.config import Config
from scipy.stats import beta, norm
from toys import (
    build,
    classification_run,
    depth_run,
    segmentation_run,
    write_classification,
    write_depth,
    write_segmentation,
)

from mmssl_robust.benchmark.certificates.store import CertificateStore

KINDS = dict(
    classification=(write_classification, 1, classification_run),
    segmentation=(write_segmentation, [(40, 48), (30, 25)], segmentation_run),
    depth=(write_depth, [(40, 48), (30, 25)], depth_run),
)
NUMBERS = ('--sigma', '0.02', '--n0', 3, '--n', 30, '--alpha', '0.05')


@pytest.fixture
def certify(run_tool, tmp_path, monkeypatch):
    """A function that makes a folder of a task the current one, and returns a function that runs the tool there."""

    def of(task, **settings):
        write, what, run = KINDS[task]
        write(tmp_path / 'data', what)
        cfg = Config(run(tmp_path / 'data', tmp_path / 'work', **settings))
        cfg.dump(tmp_path / 'config.py')
        torch.save(build(cfg.model).state_dict(), tmp_path / 'model.pth')
        monkeypatch.chdir(tmp_path)

        def call(*arguments, folder='out'):
            forks.forget_mmengine()
            run_tool('certify.py', 'config.py', 'model.pth', *NUMBERS, '--work-dir', folder, *arguments)
            return json.loads(Path(folder, 'summary.json').read_text())

        return call

    return of


def rows_of(folder='out'):
    with open(f'{folder}/images.csv', newline='') as file:
        return [{key: value for key, value in row.items() if key != 'seconds'} for row in csv.DictReader(file)]


def scores(summary, name):
    return [level['scores'][name]['value'] for level in summary['levels'] if level['radius'] is not None]


def test_classes(certify, capsys):
    call = certify('classification')
    summary = call('--radii', 0, '0.01', '0.02', '0.05')
    printed = capsys.readouterr().out
    assert '4 images, 0 done; 4 x 34 = 136 passes left' in printed and 'abstains' in printed
    assert summary['images'] == 4 and summary['passes'] == 136
    rows = rows_of()
    assert len(rows) == 16
    for row in rows:
        count = int(row['count'])
        share = beta.ppf(0.05, count, 31 - count) if count else 0
        assert float(row['share']) == pytest.approx(share)
        radius = 0.02 * norm.ppf(share) if share > 0.5 else -1
        assert int(row['prediction']) == (int(row['chosen']) if radius > float(row['radius']) else -1)
    accuracies = scores(summary, 'accuracy')
    assert accuracies == sorted(accuracies, reverse=True) and accuracies[-1] == 0
    right = [row for row in rows if row['radius'] == '0.01' and row['prediction'] == row['label']]
    assert accuracies[1] == pytest.approx(100 * len(right) / 4)


def test_a_killed_run_goes_on(certify, monkeypatch, capsys):
    call, add, kept = certify('classification'), CertificateStore.add, []

    def add_three(store, record):
        if len(kept) == 3:
            raise KeyboardInterrupt
        kept.append(record)
        add(store, record)

    whole = call('--batch-size', 7, folder='whole')
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(CertificateStore, 'add', add_three)
        call('--batch-size', 4)
    assert not Path('out/summary.json').exists()
    capsys.readouterr()
    Path('out/images/0000001.json').write_text(Path('out/images/0000001.json').read_text().replace('"count": ', ' '))
    before = Path('out/images/0000002.json').read_bytes()
    summary = call('--batch-size', 5)
    assert '4 images, 2 done; 2 x 34' in capsys.readouterr().out
    assert Path('out/images/0000002.json').read_bytes() == before
    assert rows_of('out') == rows_of('whole') and summary['levels'] == whole['levels']
    call('--max-images', 2)
    assert '2 images, 2 done; 0 x 34' in capsys.readouterr().out


@pytest.mark.slow
def test_two_processes_share_the_images(certify):
    call = certify('classification')
    call(folder='one')
    arguments = ('config.py', 'model.pth', *NUMBERS, '--work-dir', 'out')
    assert forks.tool_together('certify.py', *arguments) == [0, 0]
    assert rows_of('out') == rows_of('one')


def test_pixels(certify):
    summary = certify('segmentation')('--tau', '0.5', '0.7')
    for name in ('aAcc', 'mIoU', 'mIoU_bound'):
        near, far = scores(summary, name)
        assert near >= far >= 0
    assert scores(summary, 'aAcc')[0] > 0
    assert all(bound <= value for bound, value in zip(scores(summary, 'mIoU_bound'), scores(summary, 'mIoU')))
    radii = [level['radius'] for level in summary['levels']]
    assert radii[1:] == pytest.approx([0, 0.02 * norm.ppf(0.7)])
    assert summary['levels'][0]['scores']['aAcc']['value'] >= scores(summary, 'aAcc')[0]


def test_depths(certify):
    summary = certify('depth')('--radii', 0, '0.004', '0.1')
    for name in ('rmse', 'abs_rel'):
        near, far, trivial = scores(summary, name)
        assert near <= far <= trivial
    assert summary['levels'][0]['scores']['rmse']['value'] < scores(summary, 'rmse')[1] < scores(summary, 'rmse')[2]
    assert [level['abstained'] for level in summary['levels']] == [0, 0, 0, 100]
    widths = [float(row['width']) for row in rows_of() if row['index'] == '0']
    assert widths == sorted(widths) and widths[-1] == pytest.approx(10 - 0.001)


def refused(capsys, *arguments, tool='certify.py'):
    capsys.readouterr()
    forks.forget_mmengine()
    with pytest.raises(SystemExit) as stopped:
        forks.tool(tool, *arguments)
    assert stopped.value.code == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith('error: ') and '\n' not in error
    return error


@pytest.mark.parametrize(
    ('arguments', 'words'),
    (
        ((), '--sigma'),
        (('--sigma', '0'), '--sigma=0: give a number above 0'),
        (('--sigma=-0.1',), '--sigma=-0.1'),
        (('--sigma', 'nan'), "'nan' is not finite"),
        (('--sigma', '0.1', '--n', '0'), '--n=0'),
        (('--sigma', '0.1', '--n0', '0'), '--n0=0'),
        (('--sigma', '0.1', '--alpha', '0'), '--alpha=0'),
        (('--sigma', '0.1', '--alpha', '1'), 'alpha=1.0: give a probability'),
        (('--sigma', '0.1', '--radii=-1'), '--radii=-1.0'),
        (('--sigma', '0.1', '--radii', 'nan'), 'not finite'),
        (('--sigma', '0.1', '--tau', '0.4'), '--tau 0.4: give shares'),
        (('--sigma', '0.1', '--tau', '1'), '--tau 1: give shares'),
        (('--sigma', '0.1', '--seed=-1'), '--seed=-1'),
        (('--sigma', '0.1', '--batch-size', '0'), '--batch-size=0'),
    ),
)
def test_numbers_that_mean_nothing(capsys, run_tool, arguments, words):
    assert words in refused(capsys, 'config.py', *arguments)


def test_other_records(certify, capsys):
    call = certify('classification')
    call('--max-images', 2, '--radii', 0)
    arguments = ('config.py', 'model.pth', '--work-dir', 'out', *NUMBERS, '--max-images', 2, '--radii', 0)
    assert 'out was made with sigma 0.02, not 0.03: give another' in refused(capsys, *arguments, '--sigma', '0.03')
    assert 'seed 0, not 1' in refused(capsys, *arguments, '--seed', 1)
    state = torch.load('model.pth')
    torch.save({key: value + 1e-3 for key, value in state.items()}, 'other.pth')
    assert "'model': " in refused(capsys, 'config.py', 'other.pth', *arguments[2:])
    first = sorted(Path('data/class0').iterdir())[0]
    first.write_bytes(sorted(Path('data/class1').iterdir())[0].read_bytes())
    assert f'class0/{first.name} has changed since' in refused(capsys, *arguments)


def test_figure(certify, run_tool, capsys):
    call = certify('classification')
    call('--max-images', 2)
    call('--max-images', 2, '--seed', 1, folder='other')
    run_tool('analysis_tools/plot_certified.py', 'out', 'other', '--out', 'both.png')
    assert Path('both.png').stat().st_size > 1000
    words = refused(capsys, 'data', tool='analysis_tools/plot_certified.py')
    assert 'data/summary.json is no summary' in words
