"""The tables of the documents say what the records in docs/records say."""

import json
import re
import subprocess

import pytest
import refresh

from mmssl_robust.tasks import task_named

LISTED = refresh.read_list()
TASKS = dict(accuracy='classification', mIoU='segmentation', rmse='depth')


def test_documents_and_records_agree():
    assert refresh.findings(LISTED, refresh.read_figures(LISTED['figures'])) == []


def test_records_are_small_and_have_a_command():
    files = {path.stem: path.stat().st_size for path in refresh.RECORDS.glob('*.json')}
    assert set(files) <= set(LISTED['records'])
    assert sum(files.values()) < 1_000_000


@pytest.mark.parametrize('name', LISTED['records'])
def test_command_is_bash(name):
    subprocess.run(['bash', '-n'], input=LISTED['records'][name]['command'], text=True, check=True)


@pytest.mark.parametrize(('place', 'name'), LISTED['reports'].items())
def test_report_has_the_numbers_of_its_records(place, name):
    """Value and interval of each task's metric, in the row of their encoder."""
    report = (refresh.ROOT / place).read_text()
    records = json.loads((refresh.RECORDS / f'{name}.json').read_text())
    looked_at = 0
    for variant, data_sets in records['variants'].items():
        *encoder, column = variant.split(', ')  # with the encoder's name where there are several
        between = rf'{encoder[0]} +' if encoder else '[^|]+'
        for data, attacks in data_sets.items():
            row = next(line for line in report.splitlines() if re.match(rf'\| {data} +\| {between}\| {column} ', line))
            for attack, values in attacks.items():
                metric = next(name for name in values if name in TASKS)
                decimals = task_named(TASKS[metric]).metric.decimals
                wanted = '{:.{d}f} [{:.{d}f}, {:.{d}f}]'.format(
                    *(values[f'{metric}{end}'] for end in ('', ' low', ' high')), d=decimals
                )
                assert wanted in row, (variant, data, attack)
                looked_at += 1
    assert looked_at > 10
