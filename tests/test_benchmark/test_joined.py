"""Rows of several folders: joined under names of their own, or refused."""

import json
import re

import pandas as pd
import pytest
from fakes import attack_cfg, fake_row, write_suite

from mmssl_robust.benchmark.joined import read_several
from mmssl_robust.commands.main import run_command
from mmssl_robust.utils.errors import UserError


def folder(path, task='classification', encoder='a', images=40, **fields):
    write_suite(path, [fake_row(task, sweeps=False, encoder=encoder, **fields)], examples=0, images=images)
    return path


def test_tasks_of_one_encoder_stay_together(tmp_path):
    suite, rows = read_several([folder(tmp_path / 'one'), folder(tmp_path / 'two', 'depth')])
    assert [records.row.encoder for records in rows] == ['a', 'a'] and len(suite.rows) == 2
    assert all(records.finished for records in rows)


def test_rows_of_one_name_are_told_apart(tmp_path):
    places = [folder(tmp_path / name) for name in ('one', 'two')]
    _, rows = read_several([*places, folder(tmp_path / 'three', 'depth')])
    assert [records.row.encoder for records in rows] == ['a (one)', 'a (two)', 'a (three)']
    assert [records.row.name for records in rows[:2]] == [
        f'classification-standard ({name})' for name in ('one', 'two')
    ]
    with pytest.raises(UserError, match='one is given twice'):
        read_several([places[0], places[0] / '..' / 'one'])
    _, rows = read_several([folder(tmp_path / part / 'x') for part in ('p', 'q', 'p_', 'p/_')])
    assert len({records.row.name for records in rows}) == 4


@pytest.mark.parametrize(
    'other, words',
    [
        (dict(images=30), 'the first has 40 images of CIFAR10, the second 30'),
        (dict(attacks=dict(embed=attack_cfg('embed'))), 'the first has the attacks embed and pgd, the second embed'),
        (
            dict(attacks=dict(embed=attack_cfg('embed'), pgd=attack_cfg('pgd', eps='2/255'))),
            "pgd with eps '8/255', not '2/255'",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(tmp_path, other, words):
    first = folder(tmp_path / 'one')
    images = other.pop('images', 40)
    row = fake_row('classification', sweeps=False, encoder='b')
    write_suite(tmp_path / 'two', [type(row)(**row.__dict__ | other)], examples=0, images=images)
    with pytest.raises(UserError, match='cannot be compared') as error:
        read_several([first, tmp_path / 'two'])
    assert words in str(error.value) and '\n' not in str(error.value)


def test_other_images_of_one_number_are_refused(tmp_path):
    first, second = folder(tmp_path / 'one'), folder(tmp_path / 'two', encoder='b')
    (records,) = read_several([second])[1]
    table = records.read('clean').astype(object)
    table.loc[3, 'label'] += 1
    (records.store.folder / 'clean.parquet').unlink()
    records.store.add('clean', 0, table.where(table.notna(), None).to_dict('records'))
    records.store.finish('clean', 1)
    with pytest.raises(UserError, match='the label of 1 of 40 differs'):
        read_several([first, second])


def test_the_command_ranks_them(tmp_path, capsys):
    places = [folder(tmp_path / name, encoder=name) for name in ('one', 'two')]
    with pytest.raises(UserError, match='give --out'):
        run_command('report', [str(place) for place in places])
    run_command('report', [*map(str, places), '--out', str(tmp_path / 'out'), '--resamples', '50'])
    assert capsys.readouterr().out.strip().endswith('ranking.html')
    page = (tmp_path / 'out/ranking.html').read_text()
    assert 'href="report.html"' in page and page.count('data-label="rank"') == 2
    assert 'src=' not in page and '<link' not in page and '@import' not in page
    assert 'href="ranking.html"' in (tmp_path / 'out/report.html').read_text()
    ranking = json.loads((tmp_path / 'out/ranking.json').read_text())
    assert ranking['schema_version'] == 1 and {line['kind'] for line in ranking['lines']} == {
        'overall', 'skill', 'difference',
    }  # fmt: skip
    lines = pd.read_csv(tmp_path / 'out/ranking.csv')
    assert len(lines) == len(ranking['lines'])


def test_encoders_of_one_folder_are_ranked_on_request(tmp_path, capsys):
    place = folder(tmp_path / 'one', encoder='one')
    run_command('report', [str(place), '--resamples', '50'])
    assert not (place / 'report/ranking.html').exists()
    run_command('report', [str(place), '--resamples', '50', '--ranking'])
    assert capsys.readouterr().out.strip().endswith('ranking.html') and (place / 'report/ranking.html').is_file()


def test_each_encoder_has_a_page_with_its_rows_alone(tmp_path):
    names = ('a/b', 'a b', 'c')
    places = [folder(tmp_path / str(place), encoder=name) for place, name in enumerate(names)]
    run_command('report', [*map(str, places), '--out', str(tmp_path / 'out'), '--resamples', '50', '--examples', '0'])
    ranking = (tmp_path / 'out/ranking.html').read_text()
    pages = sorted(re.findall(r'<th role="rowheader"[^>]*><a href="(encoders/[^"]+)">([^<]+)</a>', ranking))
    assert [name for _, name in pages] in (['a/b', 'a b', 'c'], ['a b', 'a/b', 'c'])
    assert [page for page, _ in pages] == ['encoders/a_b-2.html', 'encoders/a_b.html', 'encoders/c.html']
    for page, name in pages:
        text = (tmp_path / 'out' / page).read_text()
        assert f'<h1>{name}</h1>' in text and 'href="../ranking.html"' in text
        assert not any(f'>{other}<' in text for other in names if other != name)
