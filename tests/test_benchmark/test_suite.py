"""Suites: the shipped ones, and what a suite file may say."""

import csv
from functools import cache
from pathlib import Path

import pytest

import mmssl_robust
from mmssl_robust.attack_settings import Sweep
from mmssl_robust.benchmark.options import Options
from mmssl_robust.benchmark.resolved_row import ResolvedRow
from mmssl_robust.benchmark.suite import read_suite
from mmssl_robust.benchmark.suite_files import load_suite, suites
from mmssl_robust.building import build_attack
from mmssl_robust.utils.errors import UserError

SHIPPED = (
    'mini',
    'mini_attacks',
    'mini_figure2',
    'mini_robust',
    'paper',
    'paper_figure2',
    'paper_table1',
    'paper_table2',
    'paper_table3',
    'robust_heads',
    'robust_study',
    'robust_worst',
    'small',
    'mini_threats',
)
OWN_ROW = "dict(config='depth.py', task='depth', data='NYU', encoder='own')"
ROW = "dict(config='configs/depth/mini_nyu.py', task='depth', data='NYU', encoder='mini')"


def write(tmp_path, text):
    path = tmp_path / 'own.py'
    path.write_text(text)
    return str(path)


shipped = cache(load_suite)
_configs = {}


def config_of(row):
    """A row's config, read once for all suites: where the config is the same, only checkpoints differ."""
    key = (row.config, row.spec)
    if key not in _configs:
        _configs[key] = ResolvedRow(row, Path('heads'), Options()).cfg
    return _configs[key]


def test_all_are_found():
    assert set(suites()) == set(SHIPPED)


@pytest.mark.parametrize('name', SHIPPED)
def test_shipped_suite(name):
    suite = shipped(name)
    assert suite.title
    assert len({row.name for row in suite.rows}) == len(suite.rows)
    for row in suite.rows:
        assert row.attacks
        for settings in row.attacks.values():
            build_attack(settings)


@pytest.mark.parametrize('name', SHIPPED)
def test_configs_of_shipped_suites_are_there(name):
    for config, row in {row.config: row for row in shipped(name).rows}.items():
        assert config_of(row).model.backbone.init_cfg.checkpoint, config


@pytest.mark.parametrize('name', SHIPPED)
def test_attacks_of_shipped_suites_find_the_tokens_that_they_move(name):
    """Attacks on CLS and patch tokens at once are for heads that read both."""
    for row in shipped(name).rows:
        objectives = [getattr(build_attack(settings), 'objective', None) for settings in row.attacks.values()]
        if 'both' in [getattr(objective, 'tokens', None) for objective in objectives]:
            assert config_of(row).model.backbone.out_type == 'featmap_cls', row.name


@pytest.mark.parametrize('name', ['robust_study', 'robust_worst'])
def test_trainings_become_rows(name, tmp_path, monkeypatch):
    """Each folder with a checkpoint below $STUDY, beside the encoder that all started from."""
    monkeypatch.setenv('STUDY', str(tmp_path))
    for run in ('LORE', 'FARE', 'begun'):
        (tmp_path / run).mkdir()
    for run in ('LORE', 'FARE'):
        (tmp_path / run / 'last_checkpoint').write_text(f'{tmp_path}/{run}/epoch_16.pth')
    rows = load_suite(name).rows
    assert [row.variant for row in rows] == 3 * ['Standard', 'FARE', 'LORE']
    assert rows[1].checkpoint == f'{tmp_path}/FARE/epoch_16.pth'
    assert [Path(row.head).name for row in rows[::3]] == [
        f'mini_{data}.safetensors' for data in ('cifar10', 'camvid', 'nyu')
    ]


def test_the_worst_case_may_be_of_fewer_budgets_and_images(monkeypatch):
    monkeypatch.setenv('STUDY', 'none')
    assert [row.max_images for row in load_suite('robust_worst').rows] == 3 * [None]
    assert {'sea-2', 'sea-16'} <= load_suite('robust_worst').rows[1].attacks.keys()
    monkeypatch.setenv('STUDY_EPS', '4/255 6/255')
    monkeypatch.setenv('STUDY_IMAGES', '50 8 16')
    rows = load_suite('robust_worst').rows
    assert [row.max_images for row in rows] == [50, 8, 16]
    assert [name for name in rows[0].attacks if 'autoattack' in name] == ['autoattack-4', 'autoattack-6']


def test_a_quick_look_may_be_of_other_numbers_of_images(monkeypatch):
    monkeypatch.setenv('STUDY', 'none')
    for value, images in (('', [200, 8, 16]), ('1000 8 all', [1000, 8, None])):
        monkeypatch.setenv('STUDY_IMAGES', value)
        assert [row.max_images for row in load_suite('robust_study').rows] == images


def test_the_small_encoder_with_heads_of_its_own_or_the_standards(tmp_path, monkeypatch):
    """Heads of a folder are those of every encoder, and a task without one has no row."""
    monkeypatch.setenv('STUDY', str(tmp_path / 'students'))
    monkeypatch.setenv('STUDY_HEADS', '')
    rows = load_suite('small').rows
    assert [(row.head, row.max_images) for row in rows] == 4 * [(None, None)]
    for folder in ('students/FARE', 'heads/small_nyu', 'heads/small_112px_cifar10'):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / 'last_checkpoint').write_text(f'{tmp_path}/{folder}/epoch_2.pth\n')
    monkeypatch.setenv('STUDY_HEADS', str(tmp_path / 'heads'))
    monkeypatch.setenv('STUDY_IMAGES', '100 8 16')
    rows = load_suite('small').rows
    assert [(row.variant, row.max_images) for row in rows] == [
        (variant, images) for images in (100, 16) for variant in ('Standard', 'FARE')
    ]
    assert {row.head for row in rows} == {
        f'{tmp_path}/heads/{name}/epoch_2.pth' for name in ('small_nyu', 'small_112px_cifar10')
    }
    monkeypatch.setenv('STUDY_HEADS', str(tmp_path / 'haeds'))
    with pytest.raises(UserError, match='STUDY_HEADS: no head was trained in any of .*haeds/small_112px_cifar10'):
        load_suite('small')


def test_heads_of_an_encoders_own_are_taken_where_they_were_trained(tmp_path, monkeypatch):
    """Each by the names of its encoder and config; what is not there, the run trains, or needs no training."""
    monkeypatch.setenv('STUDY', str(tmp_path))
    monkeypatch.delenv('STUDY_HEADS', raising=False)
    folders = [tmp_path / 'FARE', tmp_path / 'heads/FARE/mini_wide_nyu_conv', tmp_path / 'heads/Standard/mini_wide_nyu']
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / 'last_checkpoint').write_text(f'{folder}/epoch_6.pth')
    assert {row.head for row in load_suite('robust_heads').rows} == {None}
    monkeypatch.setenv('STUDY_HEADS', str(tmp_path / 'heads'))
    rows = load_suite('robust_heads').rows
    assert {(row.variant, row.data): row.head for row in rows if row.head} == {
        ('FARE', 'NYU-Depth-v2, convolutions'): f'{folders[1]}/epoch_6.pth',
        ('Standard', 'NYU-Depth-v2, linear'): f'{folders[2]}/epoch_6.pth',
    }
    assert [row.data for row in rows[::2]] == list(dict.fromkeys(row.data for row in rows))  # one contest for each head
    monkeypatch.setenv('STUDY_HEADS', str(tmp_path / 'FARE'))
    with pytest.raises(UserError, match='STUDY_HEADS: there is no ENCODER/CONFIG/last_checkpoint below .*/FARE'):
        load_suite('robust_heads')


def test_the_quick_look_may_be_of_another_budget(monkeypatch):
    monkeypatch.setenv('STUDY', 'none')
    for eps, step in (('', '1/255'), (' ', '1/255'), ('8/255', '2/255'), ('2/255', '0.5/255')):
        monkeypatch.setenv('STUDY_EPS', eps)
        settings = [attack for row in load_suite('robust_study').rows for attack in row.attacks.values()]
        assert {(attack['eps'], attack['step_size']) for attack in settings} == {(eps.strip() or '4/255', step)}
        assert all(build_attack(attack).settings.steps == 10 for attack in settings)
    for eps in ('0.03', '4/255 8/255'):
        monkeypatch.setenv('STUDY_EPS', eps)
        with pytest.raises(UserError, match=f'STUDY_EPS={eps!r}: give'):
            load_suite('robust_study')


@pytest.mark.parametrize('name', ['STUDY_EPS', 'STUDY_IMAGES'])
@pytest.mark.parametrize('value', ['50 8', 'a b c', '0.01 0.02 0.03', '4/255 4/255', '-1 2 3', '0 1 2'])
@pytest.mark.parametrize('suite', ['robust_worst', 'robust_study'])
def test_what_is_no_budget_or_number(suite, name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=f'{name}=.{value}.: give'):
        load_suite(suite)


def test_the_paper_suites_are_the_published_rows_with_the_published_attacks():
    with open(Path(mmssl_robust.__file__).parent / 'assets/paper/tables.csv') as file:
        published = {
            (line['dataset'], line['encoder'], line['encoder_type'], line['attack']) for line in csv.DictReader(file)
        }
    rows = [row for number in (1, 2, 3) for row in load_suite(f'paper_table{number}').rows]
    ours = {(row.data, row.encoder, row.variant, name) for row in rows for name in ('clean', *row.attacks)}
    assert ours == published
    for row in rows:
        for settings in row.attacks.values():
            assert (settings['eps'], settings['step_size'], settings['steps']) == ('8/255', '2/255', 20)


def test_sweeps_repeat_each_attack_with_other_budgets(tmp_path):
    text = f"rows = [{ROW}]\nsweeps = dict(eps=['4/255', '8/255'], steps=[5])"
    (row,) = load_suite(write(tmp_path, text)).rows
    assert row.sweeps == {
        'embed-eps-4of255': Sweep('embed', 'eps', 4 / 255),
        'depthpgd-eps-4of255': Sweep('depthpgd', 'eps', 4 / 255),
        'embed-steps-5': Sweep('embed', 'steps', 5),
        'depthpgd-steps-5': Sweep('depthpgd', 'steps', 5),
    }
    assert row.attacks['depthpgd-eps-4of255'] == row.attacks['depthpgd'] | dict(eps='4/255')


def test_attacks_can_be_named_and_changed(tmp_path):
    attacks = "attacks=dict(embed=dict(steps=3), strong=dict(preset='depthpgd', restarts=5))"
    (row,) = load_suite(write(tmp_path, f'row_defaults = dict({attacks})\nrows = [{ROW}]')).rows
    assert row.attacks['embed']['steps'] == 3
    assert row.attacks['strong']['type'].endswith('DepthPGD')
    assert row.attacks['strong']['restarts'] == 5


def test_what_is_written_is_read(tmp_path):
    suite = load_suite('mini')
    suite.write(tmp_path)
    assert read_suite(tmp_path) == suite


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ("title = 'nothing'", 'neither rows nor suites'),
        (f'rows = [{ROW}, dict(name="mini_nyu-standard", task="depth", config="x", data="y", encoder="z")]', 'differ'),
        ("rows = [dict(task='sound')]", "task 'sound'"),
        ("rows = [dict(task='depth', data='x')]", 'cannot be used'),
        (f"row_defaults = dict(attacks=['nonsense'])\nrows = [{ROW}]", "unknown attack 'nonsense'"),
        (f"row_defaults = dict(attacks=dict(clean=dict(preset='pgd')))\nrows = [{ROW}]", 'rename it'),
        ('rows = [', 'cannot use the config'),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text, message, tmp_path):
    with pytest.raises(UserError, match=message) as caught:
        load_suite(write(tmp_path, text))
    assert '\n' not in str(caught.value)


def test_an_unknown_suite_is_told_the_nearest_or_those_that_there_are():
    with pytest.raises(UserError, match=r"unknown suite 'papr': did you mean paper\?"):
        load_suite('papr')
    with pytest.raises(UserError, match='mini, mini_attacks, mini_figure2, mini_robust, mini_threats, paper'):
        load_suite('zzz')


def test_a_folder_without_a_suite(tmp_path):
    with pytest.raises(UserError, match=r'no suite\.json'):
        read_suite(tmp_path)
    for text in ('{"rows": 3}', '[' * 100_000):
        (tmp_path / 'suite.json').write_text(text)
        with pytest.raises(UserError, match='is damaged'):
            read_suite(tmp_path)


def test_rows_that_no_table_could_tell_apart_are_refused(tmp_path):
    path = tmp_path / 'own.py'
    path.write_text(f"rows = [{ROW}, {ROW[:-1]}, name='second')]")
    with pytest.raises(UserError, match="'second' .* one data, encoder, variant and epoch"):
        load_suite(str(path))


def test_paths_are_meant_from_the_suite_on(tmp_path, monkeypatch):
    folder = tmp_path / 'mine'
    folder.mkdir()
    (folder / 'depth.py').write_text("_base_ = '{{$MMSSL_CONFIGS:configs}}/depth/mini_nyu.py'\nown = True")
    (folder / 'part.py').write_text(f'rows = [{ROW}, {OWN_ROW}]')
    (folder / 'all.py').write_text("suites = ['part.py']")
    monkeypatch.chdir(tmp_path)
    suite = load_suite('mine/all.py')
    monkeypatch.chdir('/')
    configs = [ResolvedRow(row, Path('heads'), Options()).cfg for row in suite.rows]
    assert [cfg.get('own') for cfg in configs] == [None, True]
    assert [row.folder for row in suite.rows] == ['', str(folder)]
    suite.write(tmp_path)
    assert read_suite(tmp_path) == suite


def test_a_file_of_ones_own_is_meant_from_the_suite_on(tmp_path, monkeypatch):
    folder = tmp_path / 'mine'
    folder.mkdir()
    spec = 'encoder.py:make_encoder?size=32'
    path = folder / 'own.py'
    path.write_text(f"rows = [{ROW[:-1]}, spec={spec!r}), {ROW[:-1]}, name='x', variant='mini', spec='mini')]")
    with pytest.raises(UserError, match=f'names no file: paths are meant from {folder} on'):
        load_suite(str(path))
    (folder / 'encoder.py').touch()
    monkeypatch.chdir(tmp_path)
    specs = [row.spec for row in load_suite('mine/own.py').rows]
    assert specs == [f'{folder}/encoder.py:make_encoder?size=32', 'mini']
