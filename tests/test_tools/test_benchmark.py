"""tools/benchmark.py: a whole suite with its report, in one process and in two, and after kill -9."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import forks
import pandas as pd
import pytest
from toys import small_images

from mmssl_robust.benchmark.row_records import store_of
from mmssl_robust.benchmark.run import SuiteRun
from mmssl_robust.benchmark.suite import read_suite
from mmssl_robust.benchmark.suite_files import load_suite

ROOT = Path(__file__).resolve().parents[2]
SUITE = """
title = 'A small one'
row_defaults = dict(
    encoder='mini ViT', batch_size=2, max_images={images}, sanity_images=0, attacks=dict(embed=dict(steps={steps}))
)
sweeps = dict(eps=['4/255'])
rows = [
    dict(
        config='configs/classification/mini_cifar10.py',
        task='classification',
        data='CIFAR-10',
        head='mmssl_robust://mini/mini_cifar10.safetensors',
    ),
    dict(
        config='{depth}',
        task='depth',
        data='HoloLens',
        head='mmssl_robust://mini/mini_hololens.safetensors',
    ),
]
"""


@pytest.fixture
def suite(tmp_path):
    path = tmp_path / 'small.py'
    small = small_images('configs/depth/mini_hololens.py', tmp_path / 'configs')
    path.write_text(SUITE.format(images=3, steps=1, depth=small))
    return path


def read_all(suite, work_dir):
    stores = [store_of(row, work_dir) for row in load_suite(str(suite)).rows]
    tables = [store.read(name) for store in stores for name in ('clean', 'embed', 'embed-eps-4of255')]
    return pd.concat(tables, ignore_index=True).drop(columns='seconds')


def assert_same(suite, one, other):
    pd.testing.assert_frame_equal(read_all(suite, one), read_all(suite, other), check_exact=True)


def start(suite, work_dir, *arguments):
    command = [sys.executable, ROOT / 'tools/benchmark.py', suite, '--work-dir', work_dir, '--no-report', *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def refused(run_tool, capsys, *arguments):
    with pytest.raises(SystemExit):
        run_tool('benchmark.py', *arguments)
    error = capsys.readouterr().err
    assert error.startswith('error: ')
    assert error.count('\n') == 1
    return error


def test_a_suite_and_its_report(suite, run_tool, work_dir, capsys):
    run_tool('benchmark.py', suite, '--work-dir', work_dir)
    page = (work_dir / 'report' / 'report.html').read_text()
    assert 'A small one' in page
    assert 'HoloLens' in page
    output = capsys.readouterr().out
    assert 'mini_cifar10-standard: 3 images, clean and 2 attacks, done after' in output
    run_tool('benchmark.py', suite, '--work-dir', work_dir, '--dry-run')
    assert 'GFLOP/s' in ' '.join(capsys.readouterr().out.split())


def test_two_processes_give_the_records_of_one(suite, run_tool, tmp_path):
    run_tool('benchmark.py', suite, '--work-dir', tmp_path / 'one', '--no-report')
    assert forks.tool_together('benchmark.py', suite, '--work-dir', tmp_path / 'two', '--no-report') == [0, 0]
    assert_same(suite, tmp_path / 'one', tmp_path / 'two')


def test_ctrl_c_says_how_to_go_on(suite, run_tool, capsys, work_dir, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(SuiteRun, 'run_row', interrupted)
    with pytest.raises(SystemExit) as end:
        run_tool('benchmark.py', suite, '--work-dir', work_dir)
    assert end.value.code == 130
    assert capsys.readouterr().err == 'stopped by SIGINT: the same command goes on from here\n'


def test_rows_are_chosen_by_name(suite, run_tool, capsys, work_dir):
    run_tool('benchmark.py', suite, '--work-dir', work_dir, '--dry-run', '--filter', '*hololens*')
    output = capsys.readouterr().out
    assert 'mini_hololens' in output
    assert 'mini_cifar10' not in output
    assert 'there are mini_cifar10-standard' in refused(run_tool, capsys, suite, '--filter', 'nothing')


def test_the_report_knows_rows_that_are_not_chosen(suite, run_tool, work_dir):
    run_tool('benchmark.py', suite, '--work-dir', work_dir, '--filter', '*hololens*')
    assert 'Not yet run' in (work_dir / 'report' / 'report.md').read_text()
    assert {row.name for row in read_suite(work_dir).rows} > {'mini_hololens-standard'}


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('nonsense',), 'unknown suite'),
        (('mini', '--max-images', 0), '--max-images=0: give'),
        (('mini', '--examples', -1), '--examples=-1: give'),
        (('mini', '--tflops', -5), '--tflops=-5: give'),
        (('mini', '--data-root', 'nowhere'), '--data-root nowhere is no folder'),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments, message, run_tool, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv('DATA_ROOT', os.environ['DATA_ROOT'])  # the tool sets it
    monkeypatch.chdir(tmp_path)
    assert message in refused(run_tool, capsys, *arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_five_times_kill_minus_nine_at_random_moments(tmp_path, run_tool):
    suite = tmp_path / 'long.py'
    suite.write_text(SUITE.format(images=12, steps=40, depth='configs/depth/mini_hololens.py'))
    begin = time.monotonic()
    assert start(suite, tmp_path / 'whole').wait() == 0
    seconds = time.monotonic() - begin
    generator = random.Random(0)
    for _ in range(5):
        process = start(suite, tmp_path / 'killed')
        time.sleep(generator.uniform(0.2, 0.6) * seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert start(suite, tmp_path / 'killed').wait() == 0
    assert_same(suite, tmp_path / 'whole', tmp_path / 'killed')
