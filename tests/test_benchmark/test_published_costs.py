"""The costs in docs/reproduce.md are those that --dry-run says."""

import re
from pathlib import Path

import pytest

from mmssl_robust.benchmark.cost import row_cost
from mmssl_robust.benchmark.options import Options
from mmssl_robust.benchmark.suite_files import load_suite

TEXT = (Path(__file__).resolve().parents[2] / 'docs' / 'reproduce.md').read_text()
LINE = r'^\| [^|]+ \| `mmssl-robust benchmark (\w+)` \| (\d+) \| ([\d.]+) \|$'
COSTS = {suite: (int(cost), float(hours)) for suite, cost, hours in re.findall(LINE, TEXT, re.M)}


def test_hours_follow_from_operations():
    assert set(COSTS) == {'paper_table1', 'paper_table2', 'paper_table3', 'paper_figure2', 'paper'}
    for cost, hours in COSTS.values():
        assert hours == pytest.approx(cost / 36, abs=0.05 + 0.5 / 36)  # 10 TFLOP/s are 36 PFLOP an hour
    parts = [cost for suite, (cost, _) in COSTS.items() if suite != 'paper']
    assert COSTS['paper'][0] == pytest.approx(sum(parts), abs=2)


@pytest.mark.slow
@pytest.mark.parametrize('suite', sorted(COSTS))
def test_operations_are_those_of_a_dry_run(suite, tmp_path, monkeypatch):
    """Without data: of the nominal numbers and sizes of images."""
    monkeypatch.setenv('DATA_ROOT', str(tmp_path))
    costs = [row_cost(row, tmp_path, tmp_path, Options()) for row in load_suite(suite).rows]
    assert not [cost.problem for cost in costs if cost.problem]
    assert COSTS[suite][0] == round(sum(cost.flops + cost.flops_head for cost in costs) / 1e15)
