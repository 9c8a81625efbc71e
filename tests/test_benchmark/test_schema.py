"""Every table says the version of its columns, which are those that are documented, and a newer one is refused."""

import json
import re
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from fakes import fake_row, write_suite

from mmssl_robust.benchmark import ranking, results, transfers
from mmssl_robust.benchmark.report import write_report
from mmssl_robust.benchmark.row_records import read_rows
from mmssl_robust.benchmark.schema import COLUMN, TABLES_VERSION, read_table
from mmssl_robust.benchmark.suite import SUITE_FILE, read_suite
from mmssl_robust.benchmark.transfers import TRANSFER_FILE, transfers_of
from mmssl_robust.easy.results import COLUMNS, Results
from mmssl_robust.utils.errors import UserError

DOCUMENT = Path(__file__).resolve().parents[2] / 'docs' / 'files.md'


@pytest.fixture(scope='module')
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp('work')
    write_suite(folder, [fake_row('classification', sweeps=False)], examples=0, images=10)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmssl_robust.benchmark.report.draw_figures', lambda *_: {})  # which takes seconds
        write_report(folder, folder / 'report', resamples=20, ranking=True)
    return folder


@pytest.mark.parametrize('name', ['results', 'ranking'])
def test_pandas_reads_the_version_without_options_and_csv_and_json_say_the_same(work, name):
    path = work / 'report' / f'{name}.csv'
    table = pd.read_csv(path)
    assert table.columns[-1] == COLUMN and set(table[COLUMN]) == {TABLES_VERSION}
    assert json.loads(path.with_suffix('.json').read_text())[COLUMN] == TABLES_VERSION
    ours, theirs = read_table(path), read_table(path.with_suffix('.json'))
    assert tuple(ours) == tuple(theirs) == dict(results=results, ranking=ranking)[name].COLUMNS
    pd.testing.assert_series_equal(ours['value'], theirs['value'])


@pytest.mark.parametrize('name', ['a.csv', 'a.json', 'a.parquet'])
def test_what_results_save_is_read_again(work, tmp_path, name):
    own = Results(work, resamples=20)
    own.save(tmp_path / name)
    assert tuple(read_table(tmp_path / name)) == COLUMNS
    assert read_table(tmp_path / name)['value'].tolist() == pytest.approx(own.table['value'].tolist())


@pytest.mark.parametrize('suffix', ['.csv', '.json', '.parquet'])
def test_a_newer_table_is_refused_in_one_line(tmp_path, suffix):
    path = tmp_path / f'a{suffix}'
    table = pd.DataFrame({'value': [1.0], COLUMN: [TABLES_VERSION + 1]})
    if suffix == '.json':
        path.write_text(json.dumps({COLUMN: TABLES_VERSION + 1, 'results': [{'value': 1.0}]}))
    else:
        getattr(table, f'to_{suffix[1:]}')(path, index=False)
    with pytest.raises(UserError, match=f'schema version {TABLES_VERSION + 1}, this is version') as error:
        read_table(path)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    'name, text, words',
    [
        ('a.csv', 'value\n1\n', 'schema version None'),
        ('a.json', '{"lines": 3', 'cannot read the table'),
        ('a.json', '{}', 'it has no lines of a table'),
        ('a.json', '3', 'cannot read the table'),
        ('a.csv', '', 'cannot read the table'),
        ('a.xlsx', '', 'is no table'),
        ('none.csv', None, 'cannot read the table'),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(tmp_path, name, text, words):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=words) as error:
        read_table(tmp_path / name)
    assert '\n' not in str(error.value)


def test_a_suite_says_its_version_and_one_of_before_is_read(work, tmp_path):
    values = json.loads((work / SUITE_FILE).read_text())
    assert values.pop('schema_version') == 1
    (tmp_path / SUITE_FILE).write_text(json.dumps(values))
    assert read_suite(tmp_path) == read_suite(work)
    (tmp_path / SUITE_FILE).write_text(json.dumps(values | dict(schema_version=2, what_is_new=3)))
    with pytest.raises(UserError, match=r'suite.json has schema version 2, this is version 1: read it with'):
        read_suite(tmp_path)


def test_a_newer_table_of_transfers_is_refused(work, tmp_path):
    _, rows = read_rows(write_suite_of(tmp_path))
    table = pq.read_table(work / 'rows/classification-standard/clean.parquet')
    pq.write_table(table.replace_schema_metadata({'mmssl_robust.schema_version': '2'}), tmp_path / TRANSFER_FILE)
    with pytest.raises(UserError, match='transfer.parquet has schema version 2'):
        transfers_of(rows)


def test_a_damaged_table_of_transfers_is_named(work, tmp_path):
    _, rows = read_rows(write_suite_of(tmp_path))
    (tmp_path / TRANSFER_FILE).write_bytes(b'PAR1 nothing')
    with pytest.raises(UserError, match=r'cannot read .*transfer\.parquet'):
        transfers_of(rows)
    table = pq.read_table(work / 'rows/classification-standard/clean.parquet')
    pq.write_table(table.replace_schema_metadata({}), tmp_path / TRANSFER_FILE)
    with pytest.raises(UserError, match=r'transfer\.parquet does not say source, target, attack'):
        transfers_of(rows)


def write_suite_of(folder):
    write_suite(folder, [fake_row('classification', sweeps=False)], examples=0, images=2)
    return folder


@pytest.mark.parametrize(
    'title, columns', [('results', results.COLUMNS), ('ranking', ranking.COLUMNS), ('transfer', transfers.COLUMNS)]
)
def test_the_document_describes_the_columns(title, columns):
    text = DOCUMENT.read_text().partition(f'## {title}')[2].partition('\n## ')[0]
    named = [name for cell in re.findall(r'^\| (`.+?`) \|', text, re.M) for name in re.findall(r'`(\w+)`', cell)]
    assert tuple(named) == (*columns, COLUMN)
