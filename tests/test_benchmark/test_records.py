"""Records of evaluations: what is written is read back, and nothing of different origin is mixed."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmssl_robust.attack_settings import AttackSettings
from mmssl_robust.benchmark.old_records import old_settings
from mmssl_robust.benchmark.parquet_files import write_parquet
from mmssl_robust.benchmark.records import SHARED, RecordStore
from mmssl_robust.building import build_attack
from mmssl_robust.presets import load_preset, presets
from mmssl_robust.tasks import TASKS, task_named
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import partial_name

ROOT = Path(__file__).resolve().parents[2]
IDENTITY = dict(config_hash='abc', max_images=4)


def row(index, attack='pgd', **columns):
    return dict(index=index, file=f'{index}.png', attack=attack, forwards=21, backwards=20, seconds=0.5, **columns)


@pytest.fixture
def store(tmp_path):
    store = RecordStore(tmp_path / 'rows' / 'mini', task_named('classification'))
    store.open(IDENTITY, dict(classes=['a', 'b']))
    store.begin('pgd', dict(eps='8/255'))
    return store


def test_units_in_any_order_become_one_table_in_the_order_of_the_data(store):
    store.add('pgd', 1, [row(2, label=1, prediction=0, success=True), row(3)])
    store.add('pgd', 0, [row(0, quality=0.25), row(1)])
    assert store.done('pgd') == {0, 1}
    assert not store.is_finished('pgd')
    store.finish('pgd', 2)
    records = store.read('pgd')
    assert store.is_finished('pgd')
    assert store.attacks() == ['pgd']
    assert records['index'].tolist() == [0, 1, 2, 3]
    assert records['label'].isna().tolist() == [True, True, False, True]
    assert records['quality'][0] == 0.25
    assert sorted(path.name for path in store.folder.iterdir()) == ['pgd.parquet', 'row.json']


def test_a_missing_unit_is_no_end(store):
    store.add('pgd', 0, [row(0)])
    with pytest.raises(UserError, match='1 of 2 units of pgd are missing'):
        store.finish('pgd', 2)
    assert store.done('pgd') == {0}


def test_another_config_is_refused_and_leaves_the_records(store):
    store.add('pgd', 0, [row(0)])
    with pytest.raises(UserError, match="config_hash 'abc', not 'xyz'"):
        store.open(dict(IDENTITY, config_hash='xyz'), {})
    assert store.done('pgd') == {0}
    assert store.info()['identity'] == IDENTITY


def test_other_settings_of_an_attack_are_refused_and_another_attack_is_added(store):
    with pytest.raises(UserError, match="eps '8/255', not '4/255'"):
        store.begin('pgd', dict(eps='4/255'))
    store.begin('embed', dict(eps='4/255'))
    store.begin('pgd', dict(eps='8/255'))
    assert list(store.info()['attacks']) == ['pgd', 'embed']


def test_what_may_change_is_brought_up_to_date(store):
    store.open(IDENTITY, dict(classes=['a', 'b'], images=4))
    assert store.info()['images'] == 4
    assert list(store.info()['attacks']) == ['pgd']


def test_a_damaged_file_is_named(store):
    (store.folder / 'pgd.parquet').write_bytes(b'PAR1 nothing')
    with pytest.raises(UserError, match=r'cannot read the records .*pgd\.parquet'):
        store.read('pgd')
    for text in ('{', '[]', '[' * 100_000):
        (store.folder / 'row.json').write_text(text)
        with pytest.raises(UserError, match='is damaged'):
            store.info()


def test_records_that_are_not_there(store):
    with pytest.raises(UserError, match='no records at'):
        store.read('embed')


def test_older_and_newer_columns_are_no_matter(store):
    store.add('pgd', 0, [row(0, label=2)])
    store.finish('pgd', 1)
    file = store.folder / 'pgd.parquet'
    table = pq.read_table(file).drop_columns(['restart', 'prediction'])
    write_parquet(table.append_column('colour', pa.array(['red'])), file, {})
    records = store.read('pgd')
    assert records['label'].tolist() == [2] and records[['restart', 'prediction']].isna().all().all()
    assert 'colour' not in records


def test_what_no_version_wrote_is_refused(store):
    store.add('pgd', 0, [row(0)])
    store.finish('pgd', 1)
    file = store.folder / 'pgd.parquet'
    table = pq.read_table(file)
    write_parquet(table.drop_columns(['index']), file, {})
    with pytest.raises(UserError, match='has no column index'):
        store.read('pgd')
    write_parquet(table.set_column(0, 'index', pa.array(['first'])), file, {})
    with pytest.raises(UserError, match='index of .* string, not int64'):
        store.read('pgd')
    info = (store.folder / 'row.json').read_text()
    (store.folder / 'row.json').write_text(info.replace('"schema_version": 3', '"schema_version": 4'))
    with pytest.raises(UserError, match='schema version 4'):
        store.info()


def test_tasks_keep_columns_of_their_own(tmp_path):
    store = RecordStore(tmp_path, task_named('segmentation'))
    store.open(IDENTITY, {})
    store.begin('pgd', {})
    store.add('pgd', 0, [row(0, intersections=[1, 2], quality=0.25)])
    store.finish('pgd', 1)
    records = store.read('pgd')
    np.testing.assert_array_equal(records['intersections'][0], [1, 2])
    assert 'rmse' not in records and 'prediction' not in records


def test_row_json_of_version_2_says_what_its_attacks_were(store):
    old = dict(
        schema_version=2,
        identity=IDENTITY,
        attacks=dict(
            clean=dict(settings={}),
            pgd=dict(settings=dict(type='mmssl_robust.PGD', objective=dict(type='CrossEntropy'), eps='4/255')),
            embed=dict(settings=load_preset('embed', norm='l2', eps='0.5')),
        ),
    )
    (store.folder / 'row.json').write_text(json.dumps(old))
    attacks = store.info()['attacks']
    for name in ('pgd', 'embed'):
        found, today = (
            AttackSettings.from_dict(attacks[name]['settings']),
            build_attack(attacks[name]['config']).settings,
        )
        for field in ('attack', 'objective', 'reads', 'budget', 'steps', 'step_size', 'restarts'):
            assert getattr(found, field) == getattr(today, field), field
        assert found.words() == today.words()
    assert attacks['clean']['settings'] is None
    store.open(IDENTITY, {})  # which goes on with them
    assert store.info()['attacks'] == attacks


OTHERS = {name for name in presets() if build_attack(load_preset(name)).kind != 'image'}
YOUNGER = {'embed-directions', 'embed-cls', 'embed-patch', 'embed-both', 'embed-ensemble', 'embed-transfer', *OTHERS}


@pytest.mark.parametrize('name', sorted(presets().keys() - YOUNGER))
def test_presets_of_version_2_are_known(name):
    config = load_preset(name)
    found, today = old_settings(config), build_attack(config).settings
    for field in ('attack', 'objective', 'reads', 'budget', 'steps', 'step_size', 'restarts'):
        assert getattr(found, field) == getattr(today, field), field


def test_left_overs_of_a_killed_process_are_removed(store):
    store.add('pgd', 0, [row(0)])
    partial = store.folder / 'parts' / 'pgd' / partial_name('1.parquet', 999999999)
    partial.write_bytes(b'half')
    store.open(IDENTITY, {})
    assert not partial.exists()
    assert store.done('pgd') == {0}


def test_skipped_files_are_remembered_once(store):
    for _ in range(2):
        store.note_skipped(3, 'cannot read b.png')
    store.note_skipped(1, 'cannot read a.png')
    assert store.skipped() == ['cannot read a.png', 'cannot read b.png']


@pytest.mark.parametrize('content', [b'', b'{"pgd": [', b'\xff\xfe', b'3'])
def test_what_was_torn_is_made_again(content, store, capsys):
    store.write_sanity({'pgd': []})
    store.note_skipped(3, 'cannot read b.png')
    for name in ('sanity.json', 'skipped/3.json'):
        (store.folder / name).write_bytes(content)
    assert store.sanity() == {} and store.skipped() == []
    assert 'sanity.json is damaged: what it said is made again' in capsys.readouterr().out
    store.note_skipped(3, 'cannot read b.png')
    assert store.skipped() == ['cannot read b.png']


def test_the_document_describes_the_schema():
    rows = re.findall(r'^\| `(\w+)` \| (\S+) \| (.+?) \|$', (ROOT / 'docs' / 'records.md').read_text(), re.M)
    # pyarrow prints float64 as double; the document and the columns of tasks say float64.
    shared = [
        (field.name, str(field.type).replace('double', 'float64'), field.metadata[b'description'].decode())
        for field in SHARED
    ]
    own = [(column.name, column.kind, column.description) for task in TASKS.values() for column in task.columns]
    assert rows == [*shared, *own]
