"""The report: whole, true to the records, and in need of nothing else."""

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
import torch
from fakes import fake_row, write_row, write_suite

from mmssl_robust.benchmark.report import figures, gather, write_report
from mmssl_robust.benchmark.report.page import render_page
from mmssl_robust.benchmark.report.tables import json_report, latex_tables, markdown_report
from mmssl_robust.benchmark.report.threats import markdown_threats
from mmssl_robust.benchmark.schema import read_table
from mmssl_robust.benchmark.suite import Suite
from mmssl_robust.presets import load_preset
from mmssl_robust.utils.errors import UserError

_VOID = {'meta', 'img', 'br', 'link', 'input', 'hr', 'path', 'use', 'rect', 'stop'}


class Page(HTMLParser):
    """Notes unclosed tags, ids, links and what is loaded."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.loaded, self.words = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in _VOID:
            self.open.append(tag)
        self.ids += [attributes['id']] if 'id' in attributes else []
        self.links += [attributes['href']] if tag == 'a' else []
        self.loaded += [attributes['src']] if 'src' in attributes else []
        if tag == 'img':
            assert attributes['alt']

    def handle_startendtag(self, tag, attributes):
        self.ids += [dict(attributes)['id']] if 'id' in dict(attributes) else []

    def handle_endtag(self, tag):
        if tag not in _VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope='module')
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp('benchmark')
    write_suite(folder, examples=1, title='Fake & <b>small</b>')
    return write_report(folder, folder / 'out', resamples=200, examples=1).parent


def test_all_of_it_is_there(report):
    names = sorted(path.relative_to(report).as_posix() for path in report.rglob('*') if path.is_file())
    figures = [f'figures/{name}{suffix}' for name in ('eps', 'kept', 'steps') for suffix in ('.pdf', '.svg')]
    assert names == sorted([*figures, 'report.html', 'report.md', 'results.csv', 'results.json', 'tables.tex'])
    assert (report / 'figures/eps.pdf').read_bytes().startswith(b'%PDF')


def test_the_page_is_whole_and_needs_nothing_else(report):
    text = (report / 'report.html').read_text()
    page = Page(text)
    assert page.open == []
    assert {link.removeprefix('#') for link in page.links} <= set(page.ids)
    assert page.loaded and all(source.startswith('data:image/') for source in page.loaded)
    assert '<script' not in text and '@import' not in text and '<link' not in text
    assert not re.search(r'url\((?!#)', text)
    assert 'Fake & <b>small</b>' in ''.join(page.words)  # its tags are text
    assert text.count('<svg') == 3
    # One of each kind for each attack of six rows; six pictures of dense tasks, three of classification.
    assert len(page.loaded) == 2 * 2 * 2 * (6 + 6 + 3)


def test_numbers_are_those_of_the_records(report):
    content = gather(report.parent, 200)
    words = ' '.join(Page((report / 'report.html').read_text()).words)
    lines = list(csv.DictReader(io.StringIO((report / 'results.csv').read_text())))
    wanted = dict(attack='pgd', variant='DeACL', kind='result')
    pgd = next(line for line in lines if wanted.items() <= line.items())
    found = content.results[(content.results['attack'] == 'pgd') & (content.results['variant'] == 'DeACL')].iloc[0]
    assert float(pgd['value']) == found['value']
    assert f'{found["value"]:.1f}' in words
    assert f'paper {found["published"]:.0f}, {found["difference"]:+.1f}' in words
    loaded = json.loads((report / 'results.json').read_text())
    assert len(loaded['results']) == len(lines)
    assert loaded['records_sha256'] == content.digest
    markdown = (report / 'report.md').read_text()
    assert f'{found["value"]:.1f} [{found["low"]:.1f}, {found["high"]:.1f}]' in markdown
    assert 'scored in fp32' not in markdown  # nothing else was asked for
    assert 'AMD' not in markdown and 'Fake CPU' in markdown


def test_latex_has_a_booktabs_table_for_each_task(report):
    text = (report / 'tables.tex').read_text()
    assert text.count(r'\toprule') == text.count(r'\bottomrule') == 3
    assert r'top-1 accuracy, \%' in text


def test_the_tool_writes_the_same_again_and_loads_no_model(report, run_tool, monkeypatch, capsys):
    monkeypatch.setattr(torch, 'load', lambda *_, **__: pytest.fail('a checkpoint is read'))
    again = report.parent / 'again'
    run_tool('analysis_tools/report.py', report.parent, '--out', again, '--resamples', 200, '--examples', 1)
    assert Path(capsys.readouterr().out.strip().splitlines()[-1]) == again / 'report.html'
    for name in ('report.html', 'report.md', 'tables.tex', 'results.csv', 'results.json', 'figures/eps.svg'):
        assert (again / name).read_bytes() == (report / name).read_bytes(), name


def test_what_has_not_run_is_said(tmp_path):
    rows = [fake_row('classification', sweeps=False), fake_row('depth', sweeps=False)]
    Suite('fake', 'Fake', tuple(rows)).write(tmp_path)
    nothing = write_report(tmp_path, tmp_path / 'empty', resamples=50)
    assert 'HoloLens, DINO ViT-B/16, Standard: nothing of it' in nothing.read_text()
    write_row(tmp_path, rows[0], skip=('pgd',), skipped=['cannot read a.png'])
    text = write_report(tmp_path, tmp_path / 'some', resamples=50).read_text()
    assert 'CIFAR10, DINO ViT-B/16, Standard: pgd' in text
    assert 'cannot read a.png' in text


@pytest.mark.parametrize('variants', [('',), ('', 'DeACL')])
def test_a_variant_that_nobody_named_is_not_said(tmp_path, variants):
    rows = [fake_row('depth', variant, sweeps=False, data=f'HoloLens{variant}') for variant in variants]
    rows = [replace(row, attacks=row.attacks | dict(minimal=load_preset('minimal'))) for row in rows]
    write_suite(tmp_path, rows, examples=0)
    content = gather(tmp_path, 50)
    text, latex = markdown_report(content, {}, markdown_threats(content)), latex_tables(content)
    page = render_page(content, {}, 0)
    named = len(variants) > 1
    assert ('>variant</th>' in page) is named and 'Standard' not in page.replace('than Standard', '')
    assert '<h3>Smallest perturbations</h3>' in page and Page(page).open == []
    for written in (text, latex):
        assert 'Standard' not in written.replace('than Standard', '') and ('variant' in written) is named
    assert '{lllr' in latex if named else '{llr' in latex
    assert '- HoloLens, DINO ViT-B/16: RMSE 0' in text.replace('rmse', 'RMSE')
    assert all(records.label == 'HoloLens, DINO ViT-B/16' for records in content.rows if not records.row.variant)


def test_precision_stands_below_the_tables(tmp_path):
    rows = [fake_row('classification', sweeps=False), fake_row('depth', sweeps=False)]
    Suite('fake', 'Fake', tuple(rows)).write(tmp_path)

    def texts():
        content = gather(tmp_path, 50)
        return [render_page(content, {}, 0), markdown_report(content, {}), latex_tables(content)]

    write_row(tmp_path, rows[0], precision='bf16')
    assert all('Examples made in bf16, scored in fp32.' in text for text in texts())
    write_row(tmp_path, rows[1])
    line = 'Examples made in bf16, scored in fp32: CIFAR10, DINO ViT-B/16, Standard.'
    assert all(line in text for text in texts())
    assert json_report(gather(tmp_path, 50))['precisions'] == {rows[0].name: 'bf16', rows[1].name: 'fp32'}


def test_rows_with_epochs_are_figure_2(tmp_path):
    rows = [
        fake_row(
            'classification', variant='DeACL' if epoch else 'Standard', epoch=epoch, sweeps=False, name=f'e{epoch}'
        )
        for epoch in (0, 10, 20)
    ]
    write_suite(tmp_path, rows, examples=0)
    text = write_report(tmp_path, tmp_path / 'out', resamples=50).read_text()
    assert 'figure-evolution' in text
    assert (tmp_path / 'out/figures/evolution.pdf').is_file()
    assert 'paper 9' not in text  # what is published is of the last epoch


@pytest.mark.parametrize('arguments', [('nowhere',), ('nowhere', '--resamples', 0)])
def test_errors_are_one_line(arguments, run_tool, capsys):
    with pytest.raises(SystemExit):
        run_tool('analysis_tools/report.py', *arguments)
    assert capsys.readouterr().err.count('\n') == 1


def test_a_damaged_record_is_named(tmp_path):
    (row,) = write_suite(tmp_path, [fake_row('classification', sweeps=False)], examples=0)
    (tmp_path / 'rows' / row.name / 'pgd.parquet').write_bytes(b'torn')
    with pytest.raises(UserError, match=r'cannot read the records .*pgd\.parquet'):
        write_report(tmp_path, tmp_path / 'out', resamples=50)
    assert not (tmp_path / 'out').exists()


def test_two_tasks_on_one_data_set_have_bars_of_their_own():
    line = dict(data='CIFAR-10', encoder='mini', variant='Standard', attack='pgd', value=50.0, low=40.0, high=60.0)
    figure = figures._kept(pd.DataFrame([line | dict(task=task) for task in ('classification', 'retrieval')]))
    (axes,) = figure.axes
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ['CIFAR-10, classification\npgd', 'CIFAR-10, retrieval\npgd'] and len(axes.patches) == 2


def test_names_that_formats_would_obey(tmp_path):
    """Names of rows, attacks and suites come from others: no table, text or figure does what they say."""
    hostile = dict(encoder=r'\write18{x}^^5c <script>x</script>', data='=1+$1$ `x` [y](z)')
    row = replace(fake_row('classification', sweeps=False), **hostile)
    Suite('fake', '# ![t](x) <script>', (row,)).write(tmp_path)
    write_row(tmp_path, row)
    page = write_report(tmp_path, tmp_path / 'out', resamples=50)
    texts = {path.suffix: path.read_text() for path in page.parent.iterdir() if path.is_file()}
    assert r'\textbackslash{}write18\{x\}\textasciicircum{}\textasciicircum{}5c' in texts['.tex']
    assert r'\write' not in texts['.tex'] and '^^' not in texts['.tex']
    assert '<script>x' not in texts['.md'] + texts['.html'] and '](z)' not in texts['.md'].replace(r'\](z)', '')
    assert "'=1+" in texts['.csv'] and not re.search(r'(^|,)"?=', texts['.csv'], re.MULTILINE)
    assert read_table(page.parent / 'results.csv')['data'].unique().tolist() == [row.data]
    assert all('=1+$1$' in svg.read_text() for svg in (page.parent / 'figures').glob('*.svg'))
