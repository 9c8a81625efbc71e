"""From records to results, with what is published, and to signs of a weak evaluation."""

import re
from dataclasses import replace

import fakes
import pytest
from fakes import fake_records, fake_row, write_row, write_suite

from mmssl_robust.benchmark.believable import checks_of
from mmssl_robust.benchmark.published import published_of, published_value
from mmssl_robust.benchmark.report.content import gather
from mmssl_robust.benchmark.report.summary import summary
from mmssl_robust.benchmark.report.tables import columns_of
from mmssl_robust.benchmark.results import curves_of, differences_of, kept_of, results_of
from mmssl_robust.benchmark.row_records import read_rows, store_of
from mmssl_robust.benchmark.suite import Suite
from mmssl_robust.building import build_attack
from mmssl_robust.presets import changed, load_preset


@pytest.fixture(scope='module')
def rows(tmp_path_factory):
    folder = tmp_path_factory.mktemp('suite')
    write_suite(folder, examples=0)
    return read_rows(folder)[1]


def pick(table, **wanted):
    for key, value in wanted.items():
        table = table[table[key] == value]
    return table


def test_published_numbers_are_in_percent_and_metres():
    assert published_value('classification', 'STL10', 'DINO ViT-B/16', 'DeACL', 'pgd') == 23
    assert published_value('segmentation', 'ADE20k', 'DINOv2 ViT-B/14', 'Standard', 'clean') == 45
    assert published_value('depth', 'NYU-Depth-v2', 'DINO ViT-B/16', 'DeACL', 'depthpgd') == 1.71
    assert published_value('depth', 'HoloLens', 'DINO ViT-B/16', 'DeACL', 'depthpgd') is None


def test_results_stand_beside_the_published_ones(rows):
    table = results_of(rows, resamples=200)
    line = pick(table, data='CIFAR10', variant='DeACL', attack='embed').iloc[0]
    assert line['published'] == 73
    assert line['difference'] == pytest.approx(line['value'] - 73)
    assert line['low'] < line['value'] < line['high']
    assert line['images'] == 40
    assert pick(table, data='CamVid')['published'].isna().all()
    assert set(table['attack']) == {'clean', 'embed', 'pgd', 'segpgd', 'depthpgd', 'worst case'}  # no sweeps


def test_differences_and_what_is_kept(rows):
    line = pick(differences_of(rows, 500), data='CIFAR10', attack='embed').iloc[0]
    assert line['variant'] == 'DeACL'
    assert line['low'] > 0
    kept = kept_of(rows, 200)
    assert 'clean' not in set(kept['attack'])
    assert (pick(kept, variant='Standard', attack='depthpgd')['value'] < 50).all()


def test_curves_begin_at_the_clean_images_and_end_at_the_attack(rows):
    line = pick(curves_of(rows, 100), data='CIFAR10', variant='DeACL', attack='pgd', axis='eps')
    assert line['x'].tolist() == pytest.approx([0, 1 / 255, 2 / 255, 4 / 255, 8 / 255])
    assert (line['images'] == 20).all()
    assert line['value'].is_monotonic_decreasing
    assert pick(curves_of(rows, 100), data='CIFAR10', attack='pgd', axis='steps')['x'].tolist() == [1, 5, 20] * 2


def test_unfinished_rows_are_no_error(tmp_path):
    rows = [fake_row('classification'), fake_row('depth'), fake_row('segmentation')]
    write_suite(tmp_path, rows[:1])
    Suite('fake', 'Fake', tuple(rows)).write(tmp_path)
    write_row(tmp_path, rows[1], skip=('depthpgd', 'clean'))
    found = read_rows(tmp_path)[1]
    assert found[1].missing == ('clean', 'depthpgd')
    assert found[2].finished == ()
    assert set(results_of(found, 50)['data']) == {'CIFAR10', 'HoloLens'}


def test_a_sound_evaluation_passes(rows):
    assert [check for check in checks_of(rows) if not check.passed and check.name != 'clean is as published'] == []


def warnings(tmp_path, row, attack, change):
    """Checks that fail once the records of an attack are changed."""
    write_suite(tmp_path, [row], examples=0)
    store = store_of(row, tmp_path)
    records = fake_records(row, attack, 40)
    for record in records:
        change(record)
    (store.folder / f'{attack}.parquet').unlink()
    store.add(attack, 0, records)
    store.finish(attack, 1)
    checks = checks_of(read_rows(tmp_path)[1])
    return {check.name for check in checks if not check.passed and check.name != 'clean is as published'}


def test_masked_gradients_are_seen(tmp_path):
    found = warnings(tmp_path, fake_row('classification'), 'pgd', lambda record: record.update(zero_grad=0.6))
    assert found == {'gradients are not zero'}


@pytest.mark.parametrize('norm', [9 / 255, 0.1 / 255])
def test_a_ball_that_is_left_or_not_used_is_seen(tmp_path, norm):
    found = warnings(tmp_path, fake_row('classification'), 'pgd', lambda record: record.update(linf=norm))
    assert found == {'perturbations use the ball and stay in it'}


def test_an_attack_that_does_nothing_is_seen(tmp_path):
    def right(record):
        record.update(prediction=record['label'])

    found = warnings(tmp_path, fake_row('classification'), 'pgd', right)
    assert found == {
        'attacked is no better than clean',
        'a larger eps is no weaker',
        'more steps are no weaker',
        'the attack on the task is no weaker than that on the embedding',
    }


def test_an_attack_that_helps_is_seen(tmp_path):
    found = warnings(tmp_path, fake_row('depth', sweeps=False), 'depthpgd', lambda record: record.update(rmse=0.1))
    assert 'no RMSE falls' in found


def test_an_embedding_that_moves_less_is_seen(tmp_path):
    found = warnings(tmp_path, fake_row('depth'), 'embed-steps-5', lambda record: record.update(loss_after=3.0))
    assert found == {'more steps are no weaker'}


def test_rows_of_one_model_must_agree(tmp_path):
    rows = [fake_row('classification', name=name, sweeps=False) for name in ('one', 'two')]
    write_suite(tmp_path, rows[:1])
    Suite('fake', 'Fake', tuple(rows)).write(tmp_path)
    store = write_row(tmp_path, rows[1])
    identity = store.info()['identity']
    text = (store.folder / 'row.json').read_text().replace(identity['head_sha256'], 'one')
    (store.folder / 'row.json').write_text(text)
    records = [record | dict(prediction=0) for record in fake_records(rows[1], 'clean', 40)]
    (store.folder / 'clean.parquet').unlink()
    store.add('clean', 0, records)
    store.finish('clean', 1)
    failed = [check.name for check in checks_of(read_rows(tmp_path)[1]) if not check.passed]
    assert 'clean is the same in all rows of one model' in failed


def test_other_attacks_have_no_published_number_beside_them():
    row = fake_row('classification', 'DeACL')
    pgd = row.attacks['pgd']
    assert published_of(row, build_attack(pgd).settings) is not None and published_of(row, None) is not None
    for changes in (dict(eps='1/255'), dict(steps=1), dict(norm='l2', eps='0.5'), dict(step_size='1/255')):
        assert published_of(row, build_attack(changed(pgd, changes)).settings) is None
    for changes in (dict(restarts=2), dict(momentum=1.0), dict(random_start=False), dict(keep='first')):
        assert published_of(row, build_attack(changed(pgd, changes)).settings) is None, changes
    assert published_of(row, build_attack(load_preset('embed', tokens='cls')).settings) is None
    assert published_of(row, build_attack(load_preset('embed')).settings) is not None
    assert published_of(row, build_attack(load_preset('fgsm')).settings) is None
    assert published_of(replace(row, max_images=100), None) is None


def test_every_budget_has_its_own_worst_case(tmp_path):
    row = fake_row('segmentation', sweeps=False)
    weak = {f'weak-{name}': settings | dict(eps='1/255') for name, settings in row.attacks.items()}
    row = replace(row, attacks=row.attacks | weak)
    write_suite(tmp_path, [row], examples=0)
    (records,) = found = read_rows(tmp_path)[1]
    assert list(records.worst) == ['worst case linf-8/255', 'worst case linf-1/255']
    table = results_of(found, 50)
    values = [pick(table, attack=name, metric='mIoU')['value'].item() for name in records.worst]
    assert values[0] < values[1]
    content = gather(tmp_path, 50)
    assert columns_of(content, 'segmentation')[-2:] == list(records.worst)
    (sentence,) = summary(content)
    assert 'in the worst case linf-1/255 (no choice of attacks goes below' in sentence and sentence.count('below') == 2


def test_of_many_variants_the_worst_and_the_best_are_said(tmp_path, monkeypatch):
    monkeypatch.setattr(
        fakes, '_SKILL', {f'V{number}': (0.9 - number % 4 / 9, 0.5, number % 3 / 4) for number in range(5)}
    )
    row = fake_row('classification', sweeps=False)
    rows = [replace(row, variant=f'V{number}', name=f'{row.name}-{number}') for number in range(5)]
    write_suite(tmp_path, rows, examples=0)
    content = gather(tmp_path, 50)
    (sentence,) = summary(content)
    own = pick(content.results, metric='accuracy').set_index(['variant', 'attack'])['value'].unstack()
    assert 'accuracy of 5 variants' in sentence and sentence.count(' to ') == 2
    for name in ('clean', 'worst case'):
        low, high = own[name].idxmin(), own[name].idxmax()
        assert f'{own[name].min():.1f} % ({low}) to {own[name].max():.1f} % ({high})' in sentence
    same = [replace(row, variant='V0', name=f'{row.name}-{number}') for number in range(5)]
    write_suite(tmp_path / 'same', same, examples=0)
    assert re.search(r'of 5 variants all [0-9.]+ % clean, all [0-9.]+ % in', summary(gather(tmp_path / 'same', 50))[0])
    write_suite(tmp_path / 'few', rows[:4], examples=0)
    (each,) = summary(gather(tmp_path / 'few', 50))
    assert all(f'V{number} ' in each for number in range(4))


def test_the_worst_error_is_the_highest(tmp_path, monkeypatch):
    monkeypatch.setattr(fakes, '_SKILL', {f'V{number}': (0.9, 0.5, 0.1 + number / 8) for number in range(5)})
    row = fake_row('depth', sweeps=False)
    rows = [replace(row, variant=f'V{number}', name=f'{row.name}-{number}') for number in range(5)]
    write_suite(tmp_path, rows, examples=0)
    content = gather(tmp_path, 50)
    own = pick(content.results, metric='rmse', attack='worst case').set_index('variant')['value']
    assert f'{own.max():.3f} m ({own.idxmax()}) to {own.min():.3f} m ({own.idxmin()})' in summary(content)[0]


def test_a_member_without_gradients_is_seen_and_square_is_not_blamed(tmp_path):
    members = {'apgd-ce': 0.001, 'fab-t': 0.9, 'square': 0.0}

    def write(folder, shares):
        row = fake_row('classification', sweeps=False)
        write_suite(folder, [row], examples=0)
        store = store_of(row, folder)
        records = fake_records(row, 'pgd', 40)
        parts = []
        for member, share in shares.items():
            for record in records:
                idle = member == 'square' or record['index'] >= 4  # most images were left alone
                parts.append(record | dict(member=member, zero_grad=0.0 if idle else share, backwards=0 if idle else 9))
        (store.folder / 'pgd.parquet').unlink()
        store.add('pgd', 0, parts)
        store.finish('pgd', 1)
        checks = checks_of(read_rows(folder)[1])
        return next(check for check in checks if (check.attack, check.name) == ('pgd', 'gradients are not zero'))

    broken, fine = write(tmp_path / 'a', members), write(tmp_path / 'b', members | {'fab-t': 0.001})
    assert not broken.passed and '90.0% (fab-t)' in broken.figures and 'square' not in broken.figures
    assert fine.passed
