"""How contenders are timed, what counts as reached, what is printed. No time is tested."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from attack_speed import memory
from attack_speed.dense_baselines import windows as windows_of
from attack_speed.outcomes import Outcome, as_json, memory_table, table_of
from attack_speed.targets import TARGETS, Target, memory_verdicts, verdicts
from attack_speed.timing import Times, interleave
from rich.console import Console
from toys import ARCH


class Clock:
    """Time that passes only when somebody works."""

    def __init__(self):
        self.now, self.log = 0.0, []

    def __call__(self):
        return self.now

    def work(self, name, seconds):
        def run():
            self.log.append(name)
            self.now += seconds

        return run


def test_repetitions_interleave_in_shuffled_order():
    orders = []
    for seed in (0, 0, 1):
        clock = Clock()
        times = interleave({name: clock.work(name, 1.0) for name in 'abcd'}, least=4, seed=seed, clock=clock)
        rounds = [clock.log[start : start + 4] for start in range(0, 16, 4)]
        assert all(sorted(part) == list('abcd') for part in rounds) and len(set(map(tuple, rounds))) > 1
        assert times.repeats == 4 and len(clock.log) == 16
        orders.append(clock.log)
    assert orders[0] == orders[1] != orders[2]


@pytest.mark.parametrize(('budget', 'repeats'), [(0, 3), (30, 9), (31, 10), (5, 3)])
def test_repetitions_end_within_their_budget(budget, repeats):
    clock = Clock()
    times = interleave({'a': clock.work('a', 1), 'b': clock.work('b', 2)}, budget=budget, clock=clock)
    assert times.repeats == repeats


def test_ratios_are_paired():
    """A disturbance that doubles both times of a repetition leaves the ratio alone."""
    times = Times(dict(ours=[1.0, 2.0, 4.0, 1.0], textbook=[2.0, 4.0, 8.0, 3.0]))
    ratio = times.over('ours', 'textbook')
    assert (ratio.median, ratio.low) == (2, 2) and ratio.high == pytest.approx(2.7)
    assert times.median('ours') == 1.5
    assert times.over('ours', 'foolbox') is times.median('foolbox') is None


def test_a_target_is_met_by_the_median():
    times = Times(dict(ours=[1.0, 1.0, 1.0], textbook=[1.3, 1.5, 9.0], floor=[0.9, 0.94, 1.0]))
    assert Target('pgd', 'ours', 'textbook', faster=1.5).met(times)
    assert not Target('pgd', 'ours', 'textbook', faster=1.51).met(times)
    assert Target('pgd', 'ours', 'floor', slower=1.07).met(times)
    assert not Target('pgd', 'ours', 'floor', slower=1.05).met(times)
    assert Target('pgd', 'ours', 'foolbox', faster=1.4).met(times) is None
    assert str(Target('pgd', 'ours', 'floor', slower=1.05)) == '1.05 of floor'


def test_every_target_has_one_bound_and_a_place():
    assert all((target.faster is None) != (target.slower is None) for target in TARGETS)
    places = [(target.case, target.contender, target.rival) for target in TARGETS]
    assert len(set(places)) == len(places)


def test_counted_operations_are_a_target():
    times = Times(dict(ours=[1.0]))
    assert ('40 F', True) in list(verdicts('pgd', 'ours', times, 40.0))
    assert ('40 F', False) in list(verdicts('pgd', 'best', times, 40.1))
    assert '40 F' not in dict(verdicts('pgd', 'fast', times, 40.1))


def test_memory_targets():
    def mib(**peaks):
        return {name: {windows: dict(mib=value) for windows, value in peak.items()} for name, peak in peaks.items()}

    peaks = mib(ours={1: 600, 3: 800, 18: 1400}, textbook={1: 2600, 3: 8000})
    assert [(met, figure) for _, met, figure in memory_verdicts(peaks)] == [(True, '1/10.0'), (True, '40 MiB')]
    peaks = mib(ours={3: 1100, 18: 2300}, textbook={3: 8000})
    assert [met for _, met, _ in memory_verdicts(peaks)] == [False, False]
    assert list(memory_verdicts(mib(ours={1: 600}))) == []


def test_the_table_says_what_is_missed():
    times = Times(dict(ours=[1.0], best=[1.5], textbook=[1.45], floor=[0.99]))
    outcome = Outcome('pgd', 4, times, dict(ours=39.6, best=40.6, textbook=61.0, floor=39.6), 1e-6)
    console = Console(width=100, record=True)
    console.print(table_of([outcome]))
    console.print(memory_table(dict(ours={3: dict(mib=900, live=850)}, textbook={3: dict(mib=5000, live=4900)})))
    text = console.export_text()
    for line in (
        '1.4x textbook met',
        '1.05x torchattacks absent',
        '40 F MISSED',
        '1.4x textbook MISSED',
        'MISSED (1/5.6)',
    ):
        assert line in text
    report = json.loads(json.dumps(as_json(outcome)))
    assert report['faster']['ours']['textbook']['median'] == 1.45
    assert report['targets']['best']['40 F'] is False


def test_windows_are_as_many_as_wanted():
    for windows in memory.GRIDS:
        model, batch, size = memory.problem(windows, ARCH, crop=16, stride=8, device='cpu')
        assert tuple(batch['inputs'][0].shape[1:]) == size and not any(side % 8 for side in size)
        assert len(list(windows_of(model, *size))) == windows


PEAKS = """
import json
from multiprocessing import get_context
from attack_speed import memory

for contender in ('ours', 'textbook'):
    with get_context('fork').Pool(1) as pool:
        print(json.dumps(pool.apply(memory.peak, (contender, 9, 'cpu', '1MB', {arch}, 128, 64))))
"""


@pytest.mark.slow
def test_memory_is_seen():
    # Each in a process of its own, or it would use again what others have freed.
    command = [sys.executable, '-c', PEAKS.format(arch=ARCH)]
    folder = Path(memory.__file__).parents[1]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith('{')]  # MMEngine prints on import, too
    assert len(lines) == 2
    for line in lines:
        found = json.loads(line)
        assert found['mib'] > 5 and found['live'] > 5


def test_live_memory_by_hand():
    with memory.profile(activities=[memory.ProfilerActivity.CPU], profile_memory=True) as profiler:
        first = torch.ones(2**20)
        second = first + 1
        del first
        third = second + 1
        del second, third
    assert memory.live_mib(profiler) == pytest.approx(8, abs=0.1)


def test_the_tool_writes_and_prints(run_tool, tmp_path, capsys):
    out = tmp_path / 'speed.json'
    run_tool(
        'analysis_tools/benchmark_attacks.py', '--cases', 'pipeline', '--batch-size', 2, '--repeats', 2, '--out', out
    )
    report = json.loads(out.read_text())
    assert len(report['cases']['pipeline']['seconds']['ours']) == 2
    assert {'cpu', 'cores', 'torch', 'threads'} <= report['machine'].keys()
    assert '2.2x pil' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('arguments', 'message'), [(['--repeats', 0], 'at least 1'), (['--device', 'cuda'], 'PyTorch sees no GPU')]
)
def test_errors_are_one_line(run_tool, capsys, arguments, message, monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    with pytest.raises(SystemExit):
        run_tool('analysis_tools/benchmark_attacks.py', *arguments)
    assert message in capsys.readouterr().err


def test_what_the_targets_do_not_speak_of_meets_none():
    times = Times(dict(ours=[1.0], textbook=[9.0]))
    assert Outcome('active', 24, times).verdicts('ours') == [('3x textbook', True)]
    assert Outcome('active', 24, times, valid=False).verdicts('ours') == [('3x textbook', False)]
