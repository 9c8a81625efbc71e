"""Parts of a suite made apart and joined: the same as made at once, and refused where they do not belong together."""

import sys
from dataclasses import replace

import pandas as pd
import pytest
from fakes import fake_records, fake_row, settings_of, write_suite

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.benchmark.merging import merge, shards_of
from mmssl_robust.benchmark.row_records import read_rows, store_of
from mmssl_robust.benchmark.shard import Shard
from mmssl_robust.benchmark.smaller import FEW, smaller
from mmssl_robust.benchmark.suite import Suite
from mmssl_robust.commands.main import main
from mmssl_robust.tasks import TASKS, register_task
from mmssl_robust.utils.errors import UserError

IMAGES, BATCH = 10, 3


def test_every_unit_is_of_one_shard():
    for parts in (1, 2, 3, 7):
        shards = [Shard.parse(f'{number}/{parts}') for number in range(1, parts + 1)]
        assert sorted(unit for shard in shards for unit in shard.units(5)) == list(range(5))
    assert [Shard.parse(f'{number}/2').images([[0, 1, 2], [3, 4, 5], [6]]) for number in (1, 2)] == [4, 3]
    assert not Shard.parse('1/1').is_part and Shard().units(3) == {0, 1, 2}


@pytest.mark.parametrize('text', ['0/2', '3/2', '1', '1/0', '-1/2', 'a/b', '1/2/3'])
def test_what_is_no_shard(text):
    with pytest.raises(UserError, match='give I/N'):
        Shard.parse(text)


def test_each_shard_has_its_own_folder(tmp_path):
    assert Shard().folder(tmp_path) == tmp_path
    assert Shard.parse('2/3').folder(tmp_path) == tmp_path / 'shards/2-of-3'


@pytest.fixture
def row():
    return fake_row('classification', images=IMAGES, sweep_images=4)


def write_part(folder, row, shard, identity=None, environment='a', changed=None):
    """Write what one shard would."""
    Suite('fake', 'Fake', (row,), command=f'mmssl-robust benchmark fake --shard {shard}').write(folder)
    store = store_of(row, folder)
    info = dict(images=IMAGES, environments=[dict(device=environment)], skipped=[f'of {shard}'])
    store.open(dict(batch_size=BATCH, head_sha256='1') | (identity or {}), info)
    for name in (CLEAN, *row.attacks):
        config = row.attacks.get(name, {})
        store.begin(name, config, settings_of(row, name) if config else None, row.sweeps.get(name))
        records = fake_records(replace(row, task='classification'), name, 4 if name in row.sweeps else IMAGES)
        batches = [records[start : start + BATCH] for start in range(0, len(records), BATCH)]
        for unit in Shard.parse(shard).units(len(batches)):
            batch = [dict(record, score=-9.0) for record in batches[unit]] if changed == name else batches[unit]
            store.add(name, unit, batch)
    return folder


def test_parts_make_what_one_run_makes(tmp_path, row):
    whole = write_part(tmp_path / 'whole', row, '1/1')
    merge([whole], tmp_path / 'at_once', 2)
    for number in (1, 2, 3):
        write_part(Shard.parse(f'{number}/3').folder(tmp_path), row, f'{number}/3', environment=str(number))
    assert merge(shards_of(tmp_path), tmp_path, 2) == []
    for name in (CLEAN, *row.attacks):
        one, joined = (store_of(row, folder).read(name) for folder in (tmp_path / 'at_once', tmp_path))
        pd.testing.assert_frame_equal(one, joined)
    suite, (records,) = read_rows(tmp_path)
    assert records.missing == () and suite.command == 'mmssl-robust benchmark fake --shard I/3'
    assert [machine['device'] for machine in records.info['environments']] == ['1', '2', '3']
    assert records.info['skipped'] == ['of 1/3', 'of 2/3', 'of 3/3']
    assert merge(shards_of(tmp_path), tmp_path, 2) == []  # once more changes nothing


@pytest.fixture
def own_task(tmp_path):
    """A file that defines a task, which nothing has imported."""
    path = tmp_path / 'my_own_task.py'
    path.write_text(
        'from mmssl_robust.tasks import TASKS, register_task\n'
        "@register_task\nclass Own(type(TASKS['classification'])):\n    name = 'own'\n"
    )
    yield path
    TASKS.pop('own', None)
    sys.modules.pop('my_own_task', None)


def test_parts_of_a_task_of_ones_own_need_its_file_by_name(tmp_path, row, own_task, capsys):
    register_task(type('Own', (type(TASKS['classification']),), dict(name='own')))
    work_dir = tmp_path / 'mine'
    for shard in ('1/2', '2/2'):
        write_part(Shard.parse(shard).folder(work_dir), replace(row, task='own'), shard)
    del TASKS['own']
    with pytest.raises(SystemExit):
        main(['merge', str(work_dir)])
    assert "unknown task 'own'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(
            ['push', str(work_dir), 'hf://datasets/me/mine', '--license', 'mit', '--dry-run', str(tmp_path / 'pushed')]
        )
    assert "unknown task 'own'" in capsys.readouterr().err
    main(['merge', str(work_dir), '--import', str(own_task), '--no-report'])
    assert 'missing' not in capsys.readouterr().out
    assert read_rows(work_dir)[1][0].missing == ()


def test_what_is_missing_is_said_and_may_come_later(tmp_path, row):
    first = write_part(tmp_path / 'first', row, '1/2')
    second = write_part(tmp_path / 'second', row, '2/2')
    missing = merge([first], tmp_path / 'all', 2)
    assert f'{row.name}, clean: 2 of 4 batches' in missing and len(missing) == 1 + len(row.attacks)
    assert merge([second], tmp_path / 'all', 2) == []
    assert read_rows(tmp_path / 'all')[1][0].missing == ()


@pytest.mark.parametrize(
    'other, words',
    [
        (dict(identity=dict(head_sha256='2')), "head_sha256 '1', not '2'"),
        (dict(identity=dict(batch_size=2)), 'batch_size 3, not 2'),
        (dict(identity=dict(device='cuda')), "device None, not 'cuda'"),
    ],
)
def test_parts_that_depend_on_different_things_are_refused(tmp_path, row, other, words):
    parts = [write_part(tmp_path / 'a', row, '1/2'), write_part(tmp_path / 'b', row, '2/2', **other)]
    with pytest.raises(UserError, match=f'do not belong together.*{words}'):
        merge(parts, tmp_path / 'all', 2)


def test_parts_of_different_suites_are_refused(tmp_path, row):
    name = next(iter(row.attacks))
    other = replace(row, attacks=row.attacks | {name: row.attacks[name] | dict(eps='4/255')})
    parts = [write_part(tmp_path / 'a', row, '1/2'), write_part(tmp_path / 'b', other, '2/2')]
    with pytest.raises(UserError, match='are of different suites'):
        merge(parts, tmp_path / 'all', 2)


def test_records_of_the_same_images_that_differ_are_refused(tmp_path, row):
    parts = [write_part(tmp_path / 'a', row, '1/1'), write_part(tmp_path / 'b', row, '1/2', changed='pgd')]
    with pytest.raises(UserError, match='hold other records of the same images'):
        merge(parts, tmp_path / 'all', 2)


def test_nothing_to_merge(tmp_path):
    with pytest.raises(UserError, match=f'nothing to merge in {tmp_path}: '):
        merge(shards_of(tmp_path), tmp_path, 2)


@pytest.mark.usefixtures('another_writer')
def test_records_that_another_process_is_writing_are_let_be(tmp_path, row):
    part = write_part(tmp_path / 'part', row, '1/1')
    with pytest.raises(UserError, match=f'all/rows/{row.name} is being written to'):
        merge([part], tmp_path / 'all', 2)


def test_few_images_go_without_sweeps_and_checks(row):
    row = replace(row, sanity_images=8)
    suite = Suite('fake', 'Fake', (row,))
    (few,) = smaller(suite, max_images=4).rows
    assert (few.max_images, few.sweeps, few.sanity_images) == (4, {}, 0)
    assert set(few.attacks) == set(row.attacks) - set(row.sweeps)
    (more,) = smaller(suite, max_images=FEW).rows
    assert more.sweeps == row.sweeps and (more.sweep_images, more.sanity_images) == (4, 8)
    (capped,) = smaller(Suite('fake', 'Fake', (replace(row, sweep_images=100, sanity_images=50),)), 20).rows
    assert (capped.sweep_images, capped.sanity_images) == (20, 20)
    (plain,) = smaller(suite, no_sweeps=True, no_sanity=True, batch_size=7).rows
    assert (plain.sweeps, plain.sanity_images, plain.batch_size, plain.max_images) == ({}, 0, 7, None)
    assert smaller(suite) == suite


def test_a_report_of_parts_of_several_machines(tmp_path):
    """Rows that were made whole on different machines."""
    rows = [fake_row('classification', sweeps=False), fake_row('depth', sweeps=False)]
    for folder, made in (('a', rows[:1]), ('b', rows[1:])):
        write_suite(tmp_path / folder, made, examples=1)
        Suite('fake', 'Fake', tuple(rows)).write(tmp_path / folder)
    assert merge([tmp_path / 'a', tmp_path / 'b'], tmp_path / 'all', 2) == []
    assert all(records.missing == () for records in read_rows(tmp_path / 'all')[1])
    assert list((tmp_path / 'all/rows' / rows[0].name / 'examples/pgd').glob('*.npz'))
