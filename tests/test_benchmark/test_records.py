"""Records of evaluations: what is written is read back, and nothing of different origin is mixed."""

import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from mmssl_robust.benchmark.records import SCHEMA, RecordStore
from mmssl_robust.utils.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
IDENTITY = dict(config_hash='abc', max_images=4)


def row(index, attack='pgd', **columns):
    return dict(index=index, file=f'{index}.png', attack=attack, forwards=21, backwards=20, seconds=0.5, **columns)


@pytest.fixture
def store(tmp_path):
    store = RecordStore(tmp_path / 'rows' / 'mini')
    store.open(IDENTITY, dict(classes=['a', 'b']))
    store.begin('pgd', dict(eps='8/255'))
    return store


def test_units_in_any_order_become_one_table_in_the_order_of_the_data(store):
    store.add('pgd', 1, [row(2, label=1, prediction=0, success=True), row(3)])
    store.add('pgd', 0, [row(0, intersections=[1, 2], quality=0.25), row(1)])
    assert store.done('pgd') == {0, 1}
    assert not store.is_finished('pgd')
    store.finish('pgd', 2)
    records = store.read('pgd')
    assert store.is_finished('pgd')
    assert store.attacks() == ['pgd']
    assert records['index'].tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(records['intersections'][0], [1, 2])
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
    (store.folder / 'row.json').write_text('{')
    with pytest.raises(UserError, match='is damaged'):
        store.info()


def test_records_that_are_not_there(store):
    with pytest.raises(UserError, match='no records at'):
        store.read('embed')


def test_another_schema_is_refused(store):
    store.add('pgd', 0, [row(0)])
    store.finish('pgd', 1)
    file = store.folder / 'pgd.parquet'
    pq.write_table(pq.read_table(file).drop_columns(['restart']), file)
    with pytest.raises(UserError, match='other columns than schema version 2'):
        store.read('pgd')
    info = (store.folder / 'row.json').read_text()
    (store.folder / 'row.json').write_text(info.replace('"schema_version": 2', '"schema_version": 3'))
    with pytest.raises(UserError, match='schema version 3'):
        store.info()


def test_left_overs_of_a_killed_process_are_removed(store):
    store.add('pgd', 0, [row(0)])
    partial = store.folder / 'parts' / 'pgd' / '.1.parquet.999999999.partial'
    partial.write_bytes(b'half')
    store.open(IDENTITY, {})
    assert not partial.exists()
    assert store.done('pgd') == {0}


def test_skipped_files_are_remembered_once(store):
    for _ in range(2):
        store.note_skipped(3, 'cannot read b.png')
    store.note_skipped(1, 'cannot read a.png')
    assert store.skipped() == ['cannot read a.png', 'cannot read b.png']


def test_the_document_describes_the_schema():
    rows = re.findall(r'^\| `(\w+)` \| (\S+) \| (.+?) \|$', (ROOT / 'docs' / 'records.md').read_text(), re.M)
    assert rows == [
        (field.name, re.sub(r'\w+: ', '', str(field.type)), field.metadata[b'description'].decode()) for field in SCHEMA
    ]
