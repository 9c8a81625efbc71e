"""A suite on the embedded photographs: its numbers, and what kills and changes do to its records."""

import itertools
import random
import shutil
from contextlib import contextmanager
from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from mmengine.config import Config
from toys import cheapen_checks, small_images

from mmssl_robust.attack_settings import Sweep
from mmssl_robust.benchmark import heads, options, records, resolved_row, run
from mmssl_robust.benchmark.believable import checks_of
from mmssl_robust.benchmark.cost import passes, row_cost
from mmssl_robust.benchmark.options import Options
from mmssl_robust.benchmark.row_records import RowRecords, store_of
from mmssl_robust.benchmark.run import SuiteRun
from mmssl_robust.benchmark.suite import Row, Suite
from mmssl_robust.building import build_attack
from mmssl_robust.evaluation import sanity_checks
from mmssl_robust.evaluation.probes import Probe
from mmssl_robust.presets import load_preset
from mmssl_robust.registry import MODELS
from mmssl_robust.tasks import pictures
from mmssl_robust.utils import files
from mmssl_robust.utils.config_files import read_config
from mmssl_robust.utils.errors import UserError

TASKS = dict(
    classification=('classification/mini_cifar10', 'pgd', 6),
    segmentation=('segmentation/mini_camvid', 'segpgd', 3),
    depth=('depth/mini_hololens', 'depthpgd', 3),
)


def row_of(task='classification', **changes):
    config, attack, images = TASKS[task]
    fields = dict(
        config=f'configs/{config}.py',
        task=task,
        data=task,
        encoder='mini',
        name=task,
        head=f'mmssl_robust://mini/{config.split("/")[1]}.safetensors',
        max_images=images,
        batch_size=2,
        attacks=dict(embed=load_preset('embed', steps=2), own=load_preset(attack, steps=2)),
    )
    return Row(**{**fields, **changes})


def run_suite(folder, *rows, **settings):
    SuiteRun(Suite('own', 'Own', rows), folder, folder / 'heads', Options(**settings)).run()


def read_all(folder, row):
    """All records, but for the times."""
    store = store_of(row, folder)
    assert set(store.attacks()) == {'clean', *row.attacks}
    return pd.concat([store.read(name) for name in store.attacks()], ignore_index=True).drop(columns='seconds')


@pytest.mark.parametrize('task', TASKS)
def test_the_metrics_are_those_of_the_test_loop(task, tmp_path):
    attack = TASKS[task][1]
    small = small_images(row_of(task).config, tmp_path / 'config')
    attacks = dict(embed=load_preset('embed', steps=1), own=load_preset(attack, steps=1))
    row = row_of(task, config=small, attacks=attacks)
    run_suite(tmp_path, row)
    store = store_of(row, tmp_path)
    presets = {'embed': dict(steps=1), attack: dict(steps=1)}
    encoder = MODELS.build(Config.fromfile(row.config).model.backbone)
    encoder.init_weights()
    expected = Probe('p', row.config, row.head, presets, row.max_images, batch_size=2).run(encoder)
    for name, prefix in (('clean', 'p/'), ('embed', 'p/embed/'), ('own', f'p/{attack}/')):
        table = store.read(name)
        assert len(table) == row.max_images
        if task == 'classification':
            assert 100 * (table.label == table.prediction).mean() == pytest.approx(expected[f'{prefix}accuracy/top1'])
        elif task == 'depth':
            assert table.rmse.mean() == pytest.approx(expected[f'{prefix}rmse'], rel=1e-6)
        else:
            with np.errstate(invalid='ignore'):
                iou = np.stack(table.intersections).sum(axis=0) / np.stack(table.unions).sum(axis=0)
            assert 100 * np.nanmean(iou) == pytest.approx(expected[f'{prefix}mIoU'], abs=0.0051)


@pytest.mark.usefixtures('another_writer')
@pytest.mark.parametrize('head, folder', [(row_of().head, 'rows/classification'), (None, 'heads/mini_cifar10-')])
def test_two_processes_write_neither_a_row_nor_a_head(head, folder, tmp_path):
    with pytest.raises(UserError, match=f'{folder}.* is being written to by another process'):
        run_suite(tmp_path, row_of(head=head))


def test_what_is_recorded_of_an_attack(tmp_path):
    row = row_of()
    run_suite(tmp_path, row)
    store = store_of(row, tmp_path)
    clean, own, embed = (store.read(name) for name in ('clean', 'own', 'embed'))
    assert clean['index'].tolist() == own['index'].tolist()
    assert clean.loss_before.isna().all()
    assert clean.forwards.eq(1).all()
    assert own.forwards.eq(3).all() and own.backwards.eq(2).all()
    assert own.linf.between(1e-3, 8 / 255 + 1e-6).all()
    assert (own.loss_after > own.loss_before).all()
    assert own.success.eq(own.label != own.prediction).all()
    assert embed.loss_before.eq(0).all()
    assert own.file[0] == 'test/airplane/0000.jpg'
    assert (own.seconds > 0).all()
    info = store.info()
    assert info['images'] == 6
    assert len(info['classes']) == 10
    assert info['environments'][0]['device']


def test_examples_are_the_extremes(tmp_path):
    row = row_of()
    run_suite(tmp_path, row, examples=1)
    table = store_of(row, tmp_path).read('own').set_index('index')
    clean = store_of(row, tmp_path).read('clean').set_index('index')
    drops = table.quality - clean.quality
    kept = {int(path.stem) for path in (store_of(row, tmp_path).folder / 'examples' / 'own').iterdir()}
    assert kept == {table.quality.idxmax(), drops.idxmin()}


class Killed(BaseException):
    pass


@pytest.mark.parametrize('seed', [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_five_kills_leave_the_records_of_an_undisturbed_run(seed, tmp_path, monkeypatch):
    attacks = dict(own=load_preset('pgd', steps=2), weak=load_preset('pgd', steps=1))
    small = small_images(row_of().config, tmp_path / 'config')
    row = row_of(config=small, attacks=attacks, sweeps=dict(weak=Sweep('own', 'steps', 1)), sweep_images=3)
    run_suite(tmp_path / 'whole', row)
    generator = random.Random(seed)
    for _ in range(5):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            die_at_a_file(patch, generator.randint(0, 2))
            run_suite(tmp_path / 'killed', row)
    run_suite(tmp_path / 'killed', row)
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    pd.testing.assert_frame_equal(read_all(whole, row), read_all(killed, row), check_exact=True)
    assert files_below(whole) == files_below(killed)


def die_at_a_file(patch, number):
    """Kill when a file of that number is written: all of it is there but for its name."""
    count = itertools.count()

    @contextmanager
    def dying(path):
        with files.whole_file(path) as partial:
            yield partial
            if next(count) == number:
                raise Killed

    for module in (records, pictures):
        patch.setattr(module, 'whole_file', dying)


def files_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob('*') if path.is_file())


def test_a_finished_suite_loads_nothing(tmp_path, monkeypatch):
    row = row_of(attacks={})
    run_suite(tmp_path, row)
    monkeypatch.setattr(run, 'RowEvaluation', lambda *_: pytest.fail('a model is built'))
    run_suite(tmp_path, row)


def test_an_attack_can_be_added(tmp_path, monkeypatch):
    row = row_of(attacks=dict(own=load_preset('pgd', steps=1)))
    run_suite(tmp_path, row)
    before = (store_of(row, tmp_path).folder / 'own.parquet').stat().st_mtime_ns
    more = row_of(attacks=row.attacks | dict(embed=load_preset('embed', steps=1)))
    run_suite(tmp_path, more)
    assert len(read_all(tmp_path, more)) == 18
    assert (store_of(row, tmp_path).folder / 'own.parquet').stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(max_images=4), 'max_images 6, not 4'),
        (dict(batch_size=3), 'batch_size 2, not 3'),
        (dict(checkpoint='mmssl_robust://mini_deacl/encoder.safetensors'), 'encoder_sha256'),
        (dict(head='mmssl_robust://mini_deacl/mini_cifar10.safetensors'), 'head_sha256'),
        (dict(attacks=dict(own=load_preset('pgd', steps=5))), 'steps 1, not 5'),
    ],
)
def test_what_was_made_otherwise_is_not_mixed(changes, message, tmp_path):
    row = row_of(attacks=dict(own=load_preset('pgd', steps=1)))
    run_suite(tmp_path, row)
    before = read_all(tmp_path, row)
    with pytest.raises(UserError, match=message) as caught:
        run_suite(tmp_path, row_of(**{**dict(attacks=row.attacks), **changes}))
    assert '\n' not in str(caught.value)
    pd.testing.assert_frame_equal(read_all(tmp_path, row), before)


def test_another_config_or_precision_is_noticed(tmp_path, config):
    own = tmp_path / 'own.py'
    own.write_text(f"_base_ = ['{config('classification/mini_cifar10.py')}']")
    row = row_of(config=str(own), attacks={})
    run_suite(tmp_path, row)
    with pytest.raises(UserError, match="precision 'fp32', not 'bf16'"):
        run_suite(tmp_path, row, precision='bf16')
    own.write_text(own.read_text() + '\nmodel = dict(data_preprocessor=dict(mean=[0, 0, 0]))')
    with pytest.raises(UserError, match='config_hash'):
        run_suite(tmp_path, row)


def test_a_missing_head_is_trained_once(tmp_path, config, monkeypatch):
    own = tmp_path / 'own.py'
    small = small_images(config('depth/mini_hololens.py'), tmp_path / 'small')
    own.write_text(f"_base_ = ['{small}']\ntrain_cfg = dict(max_epochs=1)")
    row = row_of('depth', config=str(own), head=None, attacks={}, max_images=2)
    batches, build = [], heads.build_runner

    def watched(cfg, *args):
        batches.append(cfg.train_cfg.total_batch_size)
        return build(cfg, *args)

    monkeypatch.setattr(heads, 'build_runner', watched)
    run_suite(tmp_path, row)
    assert batches == [Config.fromfile(own).train_dataloader.batch_size]  # of all processes together
    (head,) = (tmp_path / 'heads').glob('own-*/head.safetensors')
    assert not list(head.parent.glob('*.pth'))  # each would hold the encoder
    first = head.stat().st_mtime_ns
    assert np.isfinite(read_all(tmp_path, row).rmse).all()
    run_suite(tmp_path / 'again', row)
    (second,) = (tmp_path / 'again' / 'heads').glob('own-*/head.safetensors')
    assert second.read_bytes() == head.read_bytes()  # the same seed, the same head
    run_suite(tmp_path, row)
    assert head.stat().st_mtime_ns == first


def test_the_check_names_what_is_missing_before_anything_runs(tmp_path):
    rows = (row_of(), row_of('depth', checkpoint='nowhere.pth', head=None), row_of(name='x', config='configs/none.py'))
    with pytest.raises(UserError, match=r'depth: .*nowhere\.pth.* \(and 1 more'):
        SuiteRun(Suite('own', 'Own', rows), tmp_path, tmp_path, Options()).check()
    assert not list(tmp_path.iterdir())


def test_an_attack_that_needs_fp32_is_noticed_before_anything_runs(tmp_path):
    rows = (row_of(), row_of(name='auto', attacks=dict(auto=load_preset('autoattack'))))
    with pytest.raises(UserError, match='auto: auto leaves an image alone .* leave out --amp') as caught:
        SuiteRun(Suite('own', 'Own', rows), tmp_path, tmp_path, Options(precision='bf16')).check()
    assert '\n' not in str(caught.value)
    SuiteRun(Suite('own', 'Own', rows), tmp_path, tmp_path, Options()).check()


def test_damaged_files_end_the_run_or_are_skipped(tmp_path, data_root, monkeypatch):
    root = tmp_path / 'data'
    folder = root / 'cifar10' / 'test'
    for name in ('airplane', 'automobile'):
        (folder / name).mkdir(parents=True)
        for image in sorted((data_root / 'cifar10/test' / name).iterdir())[:2]:
            (folder / name / image.name).write_bytes(image.read_bytes())
    for name in sorted(path.name for path in (data_root / 'cifar10/test').iterdir()):
        (folder / name).mkdir(exist_ok=True)
        if not any((folder / name).iterdir()):
            image = next((data_root / 'cifar10/test' / name).iterdir())
            (folder / name / image.name).write_bytes(image.read_bytes())
    broken = sorted((folder / 'airplane').iterdir())[1]
    broken.write_bytes(broken.read_bytes()[:300])
    monkeypatch.setenv('DATA_ROOT', str(root))
    row = row_of(attacks={}, max_images=None)
    with pytest.raises(UserError, match=f'cannot read {broken}'):
        run_suite(tmp_path, row)
    run_suite(tmp_path, row, on_corrupt='skip')
    assert len(read_all(tmp_path, row)) == 11
    assert broken.name in store_of(row, tmp_path).info()['skipped'][0]


@pytest.mark.parametrize('batch_size', [1, 2])
def test_a_depth_map_of_three_channels_is_skipped(batch_size, tmp_path, data_root, monkeypatch):
    shutil.copytree(data_root / 'hololens', tmp_path / 'data' / 'hololens')
    broken = min((tmp_path / 'data/hololens/depths/test').iterdir())
    cv2.imwrite(str(broken), np.ones((360, 540, 3), np.uint16))
    monkeypatch.setenv('DATA_ROOT', str(tmp_path / 'data'))
    small = small_images(row_of('depth').config, tmp_path / 'config')
    row = row_of('depth', config=small, attacks=dict(embed=load_preset('embed', steps=1)), batch_size=batch_size)
    with pytest.raises(UserError, match=f'{broken} holds 3 channels'):
        run_suite(tmp_path, row)
    run_suite(tmp_path, row, on_corrupt='skip')
    assert len(read_all(tmp_path, row)) == 2 * (TASKS['depth'][2] - 1)
    assert broken.name in store_of(row, tmp_path).info()['skipped'][0]


def test_cost(tmp_path):
    row = row_of(attacks=dict(own=load_preset('pgd', steps=1)))
    settings = (tmp_path, tmp_path, Options())
    before = row_cost(row, *settings, compare=False)
    assert (before.images, before.done, before.todo, before.problem) == (6, 0, 12, '')
    run_suite(tmp_path, row)
    after = row_cost(row, *settings, compare=False)
    assert (after.done, after.todo, after.flops) == (12, 0, 0)
    # Recorded are clean, two forwards and a backward of the attack; not timed are its clean loss and its prediction.
    assert after.flops_done == pytest.approx(before.flops * 4 / 6)
    assert not row_cost(row, *settings).problem
    fewer = row_cost(replace(row, max_images=2), *settings)
    assert 'max_images 6, not 2' in fewer.problem
    # A ViT of 65 tokens: 12 D^2 of matrices and 2 N D of attention a token and block, 2 operations each; the last block
    # has keys and values of all tokens, and the rest of CLS alone.
    tokens, dims, depth = 65, 192, 6
    forward = 2 * (depth - 1) * tokens * (12 * dims**2 + 2 * tokens * dims) + 2 * 64 * dims * 192 + 2 * 1920
    forward += 2 * (tokens * 2 * dims**2 + 10 * dims**2 + 2 * tokens * dims)
    assert before.flops == pytest.approx(6 * forward * (1 + passes(build_attack(row.attacks['own']))), rel=0.02)
    without = row_cost(row_of('depth', head=None, attacks={}), *settings)
    assert without.flops_head == pytest.approx(without.flops / 3 * 4 * 30)  # 3 test images, 4 of training, 30 epochs
    assert 'nowhere' in row_cost(row_of(config='nowhere.py'), *settings).problem


def test_bf16_examples_are_scored_in_fp32(tmp_path):
    row = row_of(attacks=dict(own=load_preset('pgd', steps=1)), max_images=2)
    run_suite(tmp_path, row, precision='bf16')
    table = store_of(row, tmp_path).read('own')
    assert (table.loss_after.apply(lambda loss: torch.tensor(loss).bfloat16().item()) != table.loss_after).any()


def test_what_the_device_has_not_is_not_recorded(tmp_path, monkeypatch):
    # As with AMX, or on a GPU.
    monkeypatch.setattr(options, 'usable_precision', lambda precision, device: 'fp32')
    row = row_of(attacks={}, max_images=1)
    run_suite(tmp_path, row, precision='fast-fp32')
    assert store_of(row, tmp_path).info()['identity']['precision'] == 'fp32'


@pytest.fixture
def checked_row(tmp_path, monkeypatch):
    """A row whose attacks are checked."""
    cheapen_checks(monkeypatch)
    small = small_images(row_of().config, tmp_path / 'config')

    def make(**changes):
        fields = dict(attacks=dict(own=load_preset('pgd', steps=1)), max_images=2, sanity_images=1)
        return row_of(config=small, **{**fields, **changes})

    return make


@pytest.mark.parametrize('fast', [True, False])
def test_bf16_is_checked_where_it_is_fast(tmp_path, monkeypatch, checked_row, fast):
    monkeypatch.setattr(sanity_checks, 'bf16_is_fast', lambda device: fast)
    row = checked_row()
    run_suite(tmp_path, row)
    assert fast == ('bfloat16 is as strong' in {check['name'] for check in store_of(row, tmp_path).sanity()['own']})


def test_attacks_are_checked_on_a_few_images_once(tmp_path, monkeypatch, checked_row):
    row = checked_row(sanity_images=2)
    run_suite(tmp_path, row)
    checks = store_of(row, tmp_path).sanity()['own']
    assert {check['name'] for check in checks} >= {'gradients are not zero', 'a second run is the same'}
    found = [check for check in checks_of([RowRecords(row, store_of(row, tmp_path))]) if 'tried on' in check.name]
    assert len(found) == len(checks) and all('on 2 images' in check.figures for check in found)
    seen, check = [], sanity_checks.check_attacks
    spy = lambda *args, **more: seen.append(args[2]) or check(*args, **more)  # noqa: E731
    monkeypatch.setattr(sanity_checks, 'check_attacks', spy)
    more = replace(row, attacks=row.attacks | dict(other=load_preset('embed', steps=1)))
    run_suite(tmp_path, more)
    assert [list(attacks) for attacks in seen] == [['other']]  # what was checked is not checked again
    assert store_of(row, tmp_path).sanity()['own'] == checks and store_of(row, tmp_path).sanity()['other']


def test_another_variant_of_the_encoder_serves_the_check_by_transfer(tmp_path, checked_row):
    other = dict(name='deacl', variant='DeACL', checkpoint='mmssl_robust://mini_deacl/encoder.safetensors')
    few = dict(max_images=3, sanity_images=2)
    head = 'mmssl_robust://mini_deacl/mini_cifar10.safetensors'
    run_suite(tmp_path, checked_row(**few), checked_row(**few, **other, head=head))
    for name in ('classification', 'deacl'):
        checks = store_of(row_of(name=name), tmp_path).sanity()['own']
        assert 'a transfer is no stronger' in {check['name'] for check in checks}


def test_what_a_row_depends_on_is_computed_once(tmp_path, monkeypatch):
    read, hashed = [], []
    monkeypatch.setattr(resolved_row, 'read_config', lambda path: read.append(path) or read_config(path))
    monkeypatch.setattr(resolved_row, 'sha256', lambda path: hashed.append(path.name) or files.sha256(path))
    row = row_of(attacks={}, max_images=2)
    suite = SuiteRun(Suite('own', 'Own', (row,)), tmp_path, tmp_path / 'heads', Options())
    suite.check()
    suite.run()
    assert len(read) == 1 and hashed.count('encoder.safetensors') == 1


def test_the_batch_is_recorded_attack_by_attack(tmp_path, monkeypatch):
    """A kill under the second attack leaves what the first has made of the batch."""
    row = row_of(attacks=dict(own=load_preset('pgd', steps=1), auto=load_preset('autoattack', steps=1, queries=2)))

    def die(*_):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr('mmssl_robust.attacks.ensembles.base.Ensemble.run', die)
        run_suite(tmp_path, row)
    store = store_of(row, tmp_path)
    assert (store.done('clean'), store.done('own'), store.done('auto')) == ({0}, {0}, set())
    run_suite(tmp_path, row)
    auto, clean = (store.read(name) for name in ('auto', 'clean'))
    assert auto.groupby('index').size().eq(4).all() and len(clean) == 6
    (records,) = [RowRecords(row, store)]
    robust = records.contributions('auto').values()['accuracy']
    right = auto.assign(right=auto.label == auto.prediction).groupby('index').right.all()
    right &= clean.set_index('index').label == clean.set_index('index').prediction
    assert robust == pytest.approx(100 * right.mean())
