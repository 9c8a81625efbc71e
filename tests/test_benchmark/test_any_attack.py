"""Attacks of any name, norm and setting are run, compared and reported by what they are."""

import pytest
from fakes import OWN, fake_row, write_suite

from mmssl_robust.benchmark.believable import checks_of
from mmssl_robust.benchmark.published import published_value
from mmssl_robust.benchmark.report import write_report
from mmssl_robust.benchmark.report.content import gather
from mmssl_robust.benchmark.report.figures import draw_figures
from mmssl_robust.benchmark.results import curves_of, results_of
from mmssl_robust.benchmark.row_records import read_rows
from mmssl_robust.benchmark.suite_files import load_suite
from mmssl_robust.building import build_attack
from mmssl_robust.presets import load_preset
from mmssl_robust.targeted import targeted
from mmssl_robust.utils.errors import UserError

WEAKER = 'the attack on the task is no weaker than that on the embedding'
ROW = "dict(config='configs/{task}/x.py', task='{task}', data='{data}', encoder='mini')"
TASKS = dict(pgd='classification', embed='depth', segpgd='segmentation', cospgd='segmentation', depthpgd='depth')


def suite_of(tmp_path, attacks, task='classification', sweeps='{}'):
    path = tmp_path / 'own.py'
    row = ROW.format(task=task, data='X')
    path.write_text(f'row_defaults = dict(attacks={attacks})\nrows = [{row}]\nsweeps = {sweeps}')
    return load_suite(str(path))


def report_of(tmp_path, suite):
    write_suite(tmp_path, list(suite.rows), examples=1)
    return write_report(tmp_path, tmp_path / 'report', resamples=20).read_text()


@pytest.mark.parametrize(('preset', 'task'), TASKS.items())
def test_another_norm_is_reported(preset, task, tmp_path):
    attacks = f"{{'away-l2': dict(preset='{preset}', norm='l2', eps='0.5', steps=5)}}"
    page = report_of(tmp_path, suite_of(tmp_path, attacks, task))
    assert 'away-l2' in page and 'l2, eps 0.5, steps 5, step size 0.125' in page
    (records,) = read_rows(tmp_path)[1]
    settings = records.settings('away-l2')
    assert settings.budget == ('l2', 0.5) and settings.step_size == 0.125
    assert [check for check in checks_of([records]) if not check.passed] == []


def test_a_preset_of_ones_own_may_rely_on_defaults(tmp_path):
    (tmp_path / 'bare.py').write_text("attack = dict(type='PGD', objective=dict(type='CrossEntropy'))")
    suite = suite_of(tmp_path, "['bare.py', 'embed']", sweeps="dict(eps=['4/255'], steps=[5])")
    (row,) = suite.rows
    assert list(row.attacks)[:2] == ['bare', 'embed'] and 'bare-eps-4of255' in row.sweeps
    page = report_of(tmp_path, suite)
    assert 'linf, eps 8/255, steps 20, step size 2/255, restarts 1, keep best, seed 0' in page


@pytest.mark.parametrize('axis', ['steps', 'step_size', 'keep', 'queries', 'momentum', 'nonsense'])
@pytest.mark.parametrize('attacks', ["['square']", "['fgsm']", "['pgd']", "['apgd', 'autoattack']"])
def test_a_sweep_is_of_the_attacks_that_have_the_setting(axis, attacks, tmp_path):
    """Or is refused in a line, before anything runs."""
    having = dict(
        steps=['pgd', 'apgd', 'autoattack'], step_size=['pgd'], keep=['pgd'], queries=['square', 'autoattack'],
        momentum=['pgd', 'apgd'], nonsense=[],
    )  # fmt: skip
    wanted = [name for name in eval(attacks) if name in having[axis]]
    if not wanted or axis == 'keep':
        with pytest.raises(UserError, match='is no setting of|is no number') as caught:
            suite_of(tmp_path, attacks, sweeps=f"{{'{axis}': ['{'last' if axis == 'keep' else 3}']}}")
        assert '\n' not in str(caught.value)
        return
    value = "'1/255'" if axis == 'step_size' else 0.5 if axis == 'momentum' else 3
    (row,) = suite_of(tmp_path, attacks, sweeps=f"{{'{axis}': [{value}]}}").rows
    assert {sweep.base for sweep in row.sweeps.values()} == set(wanted)
    for name, sweep in row.sweeps.items():
        assert sweep.axis == axis and build_attack(row.attacks[name])


def test_a_value_that_an_attack_has_already_needs_no_second_run(tmp_path):
    sweeps = "dict(eps=['8/255', '8.0 / 255', '4/255'], momentum=[0, 0.5], steps=[20])"
    (row,) = suite_of(tmp_path, "['pgd']", sweeps=sweeps).rows
    assert list(row.sweeps) == ['pgd-eps-4of255', 'pgd-momentum-0.5']


def test_a_sweep_of_restarts_is_shown(tmp_path):
    suite = suite_of(tmp_path, "['pgd']", sweeps='dict(restarts=[2, 5], steps=[5])')
    page = report_of(tmp_path, suite)
    assert 'Quality against restarts' in page and 'Quality against attack steps' in page
    table = curves_of(read_rows(tmp_path)[1], 20)
    assert table[table['axis'] == 'restarts']['x'].tolist() == [1, 2, 5]
    assert list(draw_figures(gather(tmp_path, 20)))[:2] == ['restarts', 'steps']
    assert {check.name for check in checks_of(read_rows(tmp_path)[1])} >= {'more restarts are no weaker'}


@pytest.mark.parametrize('task', OWN)
def test_attacks_of_different_budgets_are_not_compared(task, tmp_path):
    row = fake_row(task, sweeps=False)
    weak = {OWN[task]: load_preset(OWN[task], eps='1/255'), 'embed': row.attacks['embed']}
    row.attacks.clear()
    row.attacks.update(weak)
    write_suite(tmp_path, [row], examples=0)
    rows = read_rows(tmp_path)[1]
    assert WEAKER not in {check.name for check in checks_of(rows)}
    assert len(rows[0].worst) == 2  # a worst case for each


def test_an_attack_is_known_by_what_it_reads_not_by_its_name(tmp_path):
    row = fake_row('classification', sweeps=False)
    swapped = {'embed': load_preset('pgd', steps=1, eps='2/255'), 'pgd': load_preset('embed', eps='2/255')}
    row.attacks.clear()
    row.attacks.update(swapped)
    write_suite(tmp_path, [row], examples=0)
    rows = read_rows(tmp_path)[1]
    (check,) = (check for check in checks_of(rows) if check.name == WEAKER)
    assert check.attack == 'embed' and 'under embed' in check.figures and check.figures.endswith('under pgd')
    reads = results_of(rows, 20).set_index('attack')['reads']
    assert reads['embed'] == 'prediction' and reads['pgd'] == 'embedding'


def test_published_numbers_follow_the_attack_not_its_name(tmp_path):
    row = fake_row('classification', 'DeACL', sweeps=False)
    renamed = {'mine': row.attacks['pgd'], 'pgd': load_preset('pgd', steps=3)}
    row.attacks.clear()
    row.attacks.update(renamed)
    write_suite(tmp_path, [row], examples=0)
    table = results_of(read_rows(tmp_path)[1], 20).set_index('attack')['published']
    papers = published_value(row.task, row.data, row.encoder, row.variant, 'pgd')
    assert table['mine'] == papers and table.isna()['pgd']


def test_the_strongest_attack_on_the_task_is_compared_and_no_targeted_one(tmp_path):
    row = fake_row('classification', sweeps=False)
    row.attacks.update(fgsm=load_preset('fgsm'), aimed=targeted(load_preset('pgd')))
    write_suite(tmp_path, [row], examples=0)
    (check,) = (check for check in checks_of(read_rows(tmp_path)[1]) if check.name == WEAKER)
    assert check.attack in ('pgd', 'fgsm') and f'under {check.attack}' in check.figures
