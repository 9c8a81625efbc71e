"""Tables of documents from records: templates, marks, sentences, and what is refused."""

import json
from types import SimpleNamespace

import pandas
import pytest
from figures import Figure, documents, missing_sentences, named_in, read_figures, refreshed, unmarked_tables
from made_records import made_records, suite_records

from mmssl_robust.benchmark.suite import Row, Suite
from mmssl_robust.utils.errors import UserError

TABLE = '| encoder | clean |\n|---|---|\n| mini | {one[mini/cifar10][metrics][accuracy/top1]:.1f} |\n'


@pytest.fixture
def folder(tmp_path):
    """Records of one evaluation, and of a suite of two variants."""
    suite = dict(
        variants={name: {'CIFAR-10': dict(clean=dict(accuracy=value))} for name, value in (('A', 7), ('B', 8.25))}
    )
    (tmp_path / 'one.json').write_text(json.dumps({'mini/cifar10': {'metrics': {'accuracy/top1': 66.649}}}))
    (tmp_path / 'two.json').write_text(json.dumps(suite))
    return tmp_path


def test_table_is_written_between_its_marks(folder):
    text = 'before\n<!-- figure: t -->\n| old |\n<!-- /figure -->\nafter\n'
    new = refreshed(text, dict(t=Figure('t', TABLE)), folder)
    table = '| encoder | clean |\n|---|---|\n| mini | 66.6 |'
    assert new == f'before\n<!-- figure: t -->\n{table}\n<!-- /figure -->\nafter\n'
    assert refreshed(new, dict(t=Figure('t', TABLE)), folder) == new
    assert named_in(new) == ['t']


def test_table_of_a_list_keeps_its_indent(folder):
    text = '- point\n\n  <!-- figure: t -->\n  <!-- /figure -->\n'
    new = refreshed(text, dict(t=Figure('t', TABLE)), folder)
    assert new.splitlines()[2:] == [
        '  <!-- figure: t -->',
        '  | encoder | clean |',
        '  |---|---|',
        '  | mini | 66.6 |',
        '  <!-- /figure -->',
    ]


def test_a_line_for_each_variant(folder):
    line = '| {variant} | {row[CIFAR-10][clean][accuracy]:.1f} |\n'
    figure = Figure('t', line, each='two', header='| encoder | clean |\n|---|---|\n')
    assert figure.text(folder) == '| encoder | clean |\n|---|---|\n| A | 7.0 |\n| B | 8.2 |\n'
    assert figure.records == ['two']


def test_sentences_are_looked_for_whatever_their_lines(folder):
    figures = read_figures(dict(s=dict(sentence='reaches {one[mini/cifar10][metrics][accuracy/top1]:.0f} %')))
    assert list(missing_sentences({'a.md': 'It reaches\n67 % here.'}, figures, folder)) == []
    assert list(missing_sentences({'a.md': 'It reaches 66 %.'}, figures, folder)) == ['s: reaches 67 %']


@pytest.mark.parametrize(
    ('template', 'message'),
    [
        ('{one[mini/cifar10][metrics][mIoU]:.1f}', "figure t asks for what its records do not say: KeyError('mIoU')"),
        ('{none[a]}', 'no none.json in docs/records: python tools/docs/refresh.py --run none'),
    ],
)
def test_numbers_that_lack(template, message, folder):
    with pytest.raises(UserError) as error:
        Figure('t', template).text(folder)
    assert str(error.value) == message


def test_unknown_mark(folder):
    with pytest.raises(UserError, match="no figure 't' in docs/figures.yml"):
        refreshed('<!-- figure: t -->\n<!-- /figure -->\n', {}, folder)


def test_tables_with_decimals_are_found_outside_marks_and_code():
    text = '\n'.join(
        (
            *('| a | b |', '|---|---|', '| x | 1.5 |', ''),
            *('| words | 3 |', '|---|---|', '| v1.5 | 4 |', ''),
            *('<!-- figure: t -->', '| c |', '|---|', '| 2.5 |', '<!-- /figure -->', ''),
            *('```text', '| d | 3.5 |', '```', ''),
            *('- e', '', '  | f | g |', '  |---|---|', '  | y | **4.5** |'),
        )
    )
    assert unmarked_tables(text) == ['| a | b |', '| f | g |']


def test_pages_that_are_made_of_the_package_are_no_documents(tmp_path):
    for name in ('docs/results.md', 'docs/model_zoo.md', 'docs/reference/configs.md', 'docs/reference/api/attacks.md'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [*documents(tmp_path)] == [tmp_path / 'docs/results.md']


def test_records_are_joined_by_their_paths_and_tell_of_no_place(tmp_path):
    (tmp_path / 'mini').mkdir()
    (tmp_path / 'mini/cifar10.json').write_text(
        json.dumps(dict(metrics=dict(a=1.5), root='/home/somebody/data/cifar10'))
    )
    assert made_records(tmp_path, '*/*.json') == {'mini/cifar10': dict(metrics=dict(a=1.5), root='cifar10')}
    with pytest.raises(UserError, match='no \\*.json in .*: its command has not run to its end'):
        made_records(tmp_path, '*.json')


@pytest.mark.parametrize(
    'encoders, names', [('AA', ['Standard', 'DeACL']), ('AB', ['A, Standard', 'B, DeACL']), ('A', ['Standard'])]
)
def test_variants_of_several_encoders_are_told_apart(encoders, names):
    rows = [Row('x.py', 'depth', 'NYU', *row) for row in zip(encoders, ('Standard', 'DeACL'))]
    content = SimpleNamespace(
        begun=[SimpleNamespace(row=row, label=row.name, attacks=[]) for row in rows],
        results=pandas.DataFrame(columns=['row', 'kind']),
        costs=pandas.DataFrame(columns=['row']),
        suite=Suite('own', 'Own', tuple(rows)),
        written='2026-01-01',
        digest='0',
        environments=list,
    )
    assert list(suite_records(content)['variants']) == names
