"""Whatever stands in configs of attacks, suites and records: what is asked for, or a line that refuses it."""

import json
import math
import shutil

import pyarrow as pa
import pytest
from fakes import fake_row, write_suite
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmssl_robust.attacks.arguments import arguments_of
from mmssl_robust.benchmark.parquet_files import read_parquet, write_parquet
from mmssl_robust.benchmark.records import schema_of
from mmssl_robust.benchmark.results import results_of
from mmssl_robust.benchmark.row_records import read_rows
from mmssl_robust.benchmark.suite_files import load_suite
from mmssl_robust.building import attack_class, build_attack
from mmssl_robust.presets import load_preset, presets
from mmssl_robust.tasks import task_named
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import parse_number

WORDS = ['8/255', 'linf', '3']
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(['8/255', 'linf', '3']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)
BAD = st.sampled_from([math.nan, math.inf, -1, 10**9, '', [], [1, 2], [math.nan] * 10, [-5] * 10])
TASKS = ('classification', 'segmentation', 'depth')
FUZZ = settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
FEW = settings(FUZZ, max_examples=10)  # each reads and writes files
PRESETS = {name: load_preset(name) for name in presets()}
ROW = dict(config='configs/classification/mini_cifar10.py', task='classification', data='CIFAR10', encoder='Mini')


def same(given, found):
    """Whether a setting is what was given, be it as a fraction, or in a tuple for a list."""
    if isinstance(found, (list, tuple)):
        return len(given) == len(found) and all(map(same, given, found))
    if isinstance(given, str) and isinstance(found, float):
        return parse_number(given, 'x') == found
    return given == found and type(given) is type(found) or isinstance(found, float) and given == found


@FUZZ
@given(data=st.data())
def test_settings_of_attacks(data):
    config = PRESETS[data.draw(st.sampled_from(sorted(PRESETS)))]
    key = data.draw(st.sampled_from([*arguments_of(attack_class(config)), 'objective', 'type', 'other']))
    value = data.draw(PLAIN)
    try:
        attack = build_attack({**config, key: value})
    except UserError as error:
        assert '\n' not in str(error)
        return
    assert key in attack.settings.arguments
    found = attack.settings.arguments[key]
    by_itself = value is None or key in ('stages', 'members')  # what that is the attack chooses, or tells by names
    texts = dict(eps=attack.settings.eps, step_size=attack.settings.step_size)
    if key in texts and not by_itself:
        assert texts[key] == parse_number(value, key)
    else:
        assert by_itself or same(value, found)


@FUZZ
@given(data=st.data())
def test_rows_of_suites(data, tmp_path):
    key = data.draw(
        st.sampled_from([*ROW, 'name', 'variant', 'epoch', 'max_images', 'batch_size', 'attacks', 'head', 'sweeps'])
    )
    value = data.draw(PLAIN)
    (tmp_path / 'suite.py').write_text(f'from math import inf, nan\nrows = [{ROW | {key: value}!r}]\n')
    try:
        (row,) = load_suite(str(tmp_path / 'suite.py')).rows
    except UserError as error:
        assert '\n' not in str(error)
        return
    if key not in ('attacks', 'sweeps') and value not in (None, ''):  # which have a default
        assert getattr(row, key) == value


@pytest.fixture(scope='module')
def records(tmp_path_factory):
    """A finished suite for each task, of one row."""
    folder = tmp_path_factory.mktemp('records')
    for task in TASKS:
        write_suite(folder / task, [fake_row(task, sweeps=False, name='row')], images=4, examples=0)
    return folder


def numbers(folder):
    _, rows = read_rows(folder)
    return results_of(rows, resamples=1)


def records_of(folder):
    _, (row,) = read_rows(folder)
    return row.read('embed')


def places(value, where=()):
    """Every place in a JSON value."""
    if where:
        yield where
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        yield from places(entry, (*where, key))


@pytest.mark.slow
@pytest.mark.parametrize('name', ['suite.json', 'rows/row/row.json'])
@FEW
@given(data=st.data())
def test_json_of_records(name, data, records, tmp_path):
    """Numbers come from the tables: what else is said is refused, or changes nothing of them but what it names."""
    source = records / 'segmentation'
    content = json.loads((source / name).read_text())
    *outer, last = data.draw(st.sampled_from(list(places(content))))
    holder = content
    for key in outer:
        holder = holder[key]
    holder[last] = data.draw(PLAIN)
    copy = shutil.copytree(source, tmp_path / 'copy')
    try:
        (copy / name).write_text(json.dumps(content))
        found = numbers(copy)['value'].dropna().tolist()
    except UserError as error:
        assert '\n' not in str(error)
    else:
        assert set(found) <= set(numbers(source)['value'].tolist())
    finally:
        shutil.rmtree(copy)


@FEW
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7), cut=st.booleans())
def test_bytes_of_records(place, bit, cut, records, tmp_path):
    """A flipped bit, or a torn end, is refused, or there was none that counts."""
    copy = shutil.copytree(records / 'depth', tmp_path / 'copy')
    path = copy / 'rows/row/embed.parquet'
    content = bytearray(path.read_bytes())
    place %= len(content)
    content[place] ^= 1 << bit
    path.write_bytes(content[:place] if cut else content)
    try:
        found = records_of(copy)
    except UserError as error:
        assert '\n' not in str(error)
    else:
        assert found.equals(records_of(records / 'depth'))
    finally:
        shutil.rmtree(copy)


def put(path, column, value):
    """Write a value into the second row of a table, as this package writes tables; tells whether it has such a type."""
    table = read_parquet(path)
    rows = table.to_pylist()
    rows[1][column] = value
    try:
        write_parquet(pa.Table.from_pylist(rows, table.schema), path, table.schema.metadata)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return False
    return True


@FEW
@given(data=st.data())
def test_values_of_records(data, records, tmp_path):
    """Another value in a column is refused, or the numbers are such."""
    task = data.draw(st.sampled_from(TASKS))
    columns = schema_of(task_named(task)).names
    copy = shutil.copytree(records / task, tmp_path / 'copy')
    try:
        value = data.draw(BAD | st.floats() | st.integers(-9, 10**6) | PLAIN)
        if not put(copy / 'rows/row/embed.parquet', data.draw(st.sampled_from(columns)), value):
            return
        found = numbers(copy)
    except UserError as error:
        assert '\n' not in str(error)
    else:
        first = found[found.attack == 'embed']
        assert len(first) and not first['value'].isna().any()
    finally:
        shutil.rmtree(copy)
