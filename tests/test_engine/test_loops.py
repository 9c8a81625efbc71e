import pytest
import torch
from mmengine.device import get_device
from mmengine.hooks import Hook
from toys import (
    CLASSES,
    classification_run,
    depth_run,
    runner_of,
    segmentation_run,
    write_classification,
    write_depth,
    write_segmentation,
)

from mmssl_robust.building import build_attack
from mmssl_robust.engine import AttackHook
from mmssl_robust.evaluation.summary import metrics_table
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.precision import usable_precision

PGD = dict(
    type='mmssl_robust.PGD', objective=dict(type='mmssl_robust.CrossEntropy'), eps='32/255', step_size='8/255', steps=3
)
SEGPGD = dict(type='mmssl_robust.SegPGD', eps='32/255', step_size='8/255', steps=3)
DEPTHPGD = dict(type='mmssl_robust.DepthPGD', eps='32/255', step_size='8/255', steps=3)
EMBED = dict(type='mmssl_robust.EmbedAttack', eps='32/255', step_size='8/255', steps=3)
LOOP = 'mmssl_robust.AttackTestLoop'


@pytest.fixture
def classification(tmp_path):
    write_classification(tmp_path / 'data')
    return classification_run(tmp_path / 'data', tmp_path / 'work')


@pytest.fixture
def segmentation(tmp_path):
    write_segmentation(tmp_path / 'data', [(40, 48), (40, 48), (30, 25), (40, 48), (33, 47)])
    return segmentation_run(tmp_path / 'data', tmp_path / 'work')


@pytest.fixture
def depth(tmp_path):
    write_depth(tmp_path / 'data', [(40, 48), (40, 48), (30, 25), (33, 47)])
    return depth_run(tmp_path / 'data', tmp_path / 'work')


@pytest.fixture(params=[('classification', PGD), ('segmentation', SEGPGD), ('depth', DEPTHPGD)], ids=lambda p: p[0])
def run(request):
    """A config and the attack of its task."""
    task, attack = request.param
    return request.getfixturevalue(task), attack


def loop_cfg(**attacks):
    return dict(type=LOOP, attacks=attacks)


def test_metrics_of_one_pass(run):
    cfg, attack = run
    stock = runner_of(cfg).test()
    runner = runner_of(cfg, test_cfg=loop_cfg(task=attack, embed=EMBED))
    metrics = runner.test()
    names = ('task', 'embed', 'worst')
    known = stock | {f'{name}/{key}': metrics[f'{name}/{key}'] for name in names for key in stock}
    assert {key: value for key, value in metrics.items() if key != 'worst/mIoU_bound'} == known
    assert metrics.keys() - stock.keys()
    for key in stock.keys() & {'mIoU', 'aAcc', 'accuracy/top1'}:
        assert metrics[f'worst/{key}'] <= min(metrics[f'task/{key}'], metrics[f'embed/{key}']) + 0.005
    assert metrics.get('worst/rmse', 9) >= max(metrics.get(f'{name}/rmse', 0) for name in ('task', 'embed'))
    assert metrics.get('worst/mIoU_bound', 0) <= metrics.get('worst/mIoU', 0) + 1e-9
    summary = runner.test_loop.summary
    assert summary['images'] == len(runner.test_loop.dataloader.dataset) and summary['skipped'] == []
    count = summary['attacks']['task']
    assert count['settings'] == build_attack(attack).settings.as_dict() and count['images'] == summary['images']
    assert count['forwards_per_image'] == 4 and count['backwards_per_image'] == 3
    assert 0 < count['max_norm'] <= 32 / 255 + 1e-6
    assert 0 <= count['success_rate'] <= 1 and count['seconds'] > 0


def test_every_budget_has_its_own_worst_case(classification):
    attacks = dict(one=PGD, two=PGD | dict(seed=1), weak=PGD | dict(eps='1/255'), alone=PGD | dict(norm='l2', eps=0.5))
    attacks['faint'] = attacks['weak'] | dict(seed=1)
    runner = runner_of(classification, test_cfg=loop_cfg(**attacks))
    metrics, summary = runner.test(), runner.test_loop.summary
    assert summary['worst'] == ['worst-linf-32/255', 'worst-linf-1/255', 'worst-l2-0.5']
    assert {name.rpartition('/accuracy')[0] for name in metrics if name.startswith('worst')} == {*summary['worst']}
    key = 'accuracy/top1'
    assert metrics[f'worst-linf-32/255/{key}'] <= min(metrics[f'one/{key}'], metrics[f'two/{key}'])
    assert metrics[f'worst-linf-1/255/{key}'] > metrics[f'worst-linf-32/255/{key}']
    rows = metrics_table(metrics, summary, 'title')
    assert list(rows.columns[0].cells) == ['clean', *attacks, *summary['worst']]


def test_robust_is_right_without_an_attack_and_under_each(classification):
    """An attack that turns a wrong image right makes no image robust, and none makes up for one that falls."""
    weak = PGD | dict(eps='2/255', step_size='2/255', steps=1, keep='last')
    runner = runner_of(classification, test_cfg=loop_cfg(embed=weak | dict(seed=3), pgd=weak))
    metrics, evaluation = runner.test(), runner.test_loop.evaluation
    right = {
        label: {record['index'] for record in records if record['label'] == record['prediction']}
        for label, records in evaluation.records.items()
    }
    key, images = 'accuracy/top1', runner.test_loop.summary['images']
    assert metrics[f'worst/{key}'] == pytest.approx(100 * len(right['clean'] & right['embed'] & right['pgd']) / images)
    for name in ('embed', 'pgd'):
        assert metrics[f'{name}/{key}'] == pytest.approx(100 * len(right[name]) / images)
        count = runner.test_loop.summary['attacks'][name]
        assert (count['fell'], count['rose']) == (len(right['clean'] - right[name]), len(right[name] - right['clean']))


def test_an_attack_may_not_be_called_clean(classification):
    with pytest.raises(UserError, match='which is the name of none: rename it'):
        runner_of(classification, test_cfg=loop_cfg(clean=PGD)).test()


def test_success_rate_is_the_error_of_a_classifier(classification):
    runner = runner_of(classification, test_cfg=loop_cfg(pgd=PGD))
    metrics = runner.test()
    rate = runner.test_loop.summary['attacks']['pgd']['success_rate']
    assert metrics['pgd/accuracy/top1'] == pytest.approx(100 * (1 - rate), abs=1e-4)


def test_hook_in_the_stock_loop_gives_the_same_metrics(run):
    cfg, attack = run
    ours = runner_of(cfg, test_cfg=loop_cfg(task=attack)).test()
    hooked = runner_of(cfg, custom_hooks=[dict(type='mmssl_robust.AttackHook', attack=attack)]).test()
    assert hooked and hooked == {key: ours[f'task/{key}'] for key in hooked}


@pytest.mark.parametrize('batch_size', [1, 4])
def test_metrics_do_not_depend_on_the_batch_size(run, batch_size):
    cfg, attack = run
    test_cfg = loop_cfg(task=attack, embed=EMBED)
    reference = runner_of(cfg, test_cfg=test_cfg).test()
    cfg['test_dataloader']['batch_size'] = batch_size
    # mmseg rounds to two digits; one pixel of 9000 may flip by rounding errors.
    assert runner_of(cfg, test_cfg=test_cfg).test() == pytest.approx(reference, abs=0.03)


def test_images_of_differing_size_in_a_batch(tmp_path):
    write_segmentation(tmp_path / 'data', [(40, 48), (40, 48), (30, 25), (40, 48), (33, 47)])
    cfg = segmentation_run(tmp_path / 'data', tmp_path / 'work', batch_size=4)
    cfg['test_dataloader']['dataset']['pipeline'][1]['keep_ratio'] = True
    together = runner_of(cfg, test_cfg=loop_cfg(segpgd=SEGPGD)).test()
    cfg['test_dataloader']['batch_size'] = 1
    alone = runner_of(cfg, test_cfg=loop_cfg(segpgd=SEGPGD)).test()
    assert together == pytest.approx(alone, abs=0.03)


def test_sliding_windows(tmp_path):
    write_segmentation(tmp_path / 'data', [(40, 48), (30, 25)])
    cfg = segmentation_run(tmp_path / 'data', tmp_path / 'work', mode='slide')
    stock = runner_of(cfg).test()
    metrics = runner_of(cfg, test_cfg=loop_cfg(segpgd=SEGPGD, embed=EMBED)).test()
    assert {key: metrics[key] for key in stock} == stock and metrics['segpgd/aAcc'] < stock['aAcc']


def test_validation_loop_saves_the_most_robust_checkpoint(segmentation, tmp_path):
    loader = segmentation['test_dataloader']
    training = dict(
        train_dataloader=loader | dict(batch_size=1, sampler=dict(type='DefaultSampler', shuffle=True)),
        train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=2),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        val_dataloader=loader,
        val_evaluator=segmentation['test_evaluator'],
        val_cfg=dict(type='mmssl_robust.AttackValLoop', attacks=dict(segpgd=SEGPGD)),
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=-1, save_best='segpgd/mIoU')),
    )
    runner = runner_of(segmentation, **training)
    runner.train()
    assert list((tmp_path / 'work').glob('best_segpgd_mIoU_epoch_*.pth'))
    assert runner.message_hub.get_info('best_score') > 0
    assert all(parameter.requires_grad for parameter in runner.model.parameters())


def test_subset_is_spread_over_the_classes(classification):
    cfg = loop_cfg(pgd=PGD) | dict(max_images=CLASSES)
    runner = runner_of(classification, test_cfg=cfg)
    runner.register_hook(RecordKeys())
    runner.test()
    assert runner.test_loop.summary['images'] == CLASSES
    assert RecordKeys.labels == list(range(CLASSES)) and RecordKeys.keys == [0, 3, 6, 9]


class RecordKeys(Hook):
    keys, labels = [], []

    def after_attack_iter(self, runner, run, task):
        assert run.name == run.label == 'pgd' and task.name == 'classification'
        assert len(run.clean) == len(run.predictions) == len(run.result.adv)
        self.keys += run.victim.keys
        self.labels += run.victim.targets().tolist()


@pytest.mark.parametrize('precision', ['fast-fp32', 'bf16', 'fp16'])
def test_examples_of_another_precision(run, precision):
    cfg, attack = run
    fp32 = runner_of(cfg, test_cfg=loop_cfg(task=attack)).test()
    runner = runner_of(cfg, test_cfg=loop_cfg(task=attack) | dict(precision=precision))
    other = runner.test()
    clean = [key for key in fp32 if not key.startswith(('task/', 'worst/'))]
    assert [other[key] for key in clean] == [fp32[key] for key in clean]
    assert other == pytest.approx(fp32, abs=10)
    assert runner.test_loop.summary['precision'] == usable_precision(precision, get_device())


def test_unknown_precision(run):
    cfg, attack = run
    with pytest.raises(UserError, match="unknown precision 'fp64'"):
        runner_of(cfg, test_cfg=loop_cfg() | dict(precision='fp64')).test()
    with pytest.raises(UserError, match="unknown precision 'fp64'"):
        AttackHook(attack, precision='fp64')


def test_metrics_that_write_files_would_mix_attacks(classification, tmp_path):
    classification['test_evaluator'] = dict(type='DumpResults', out_file_path=str(tmp_path / 'predictions.pkl'))
    with pytest.raises(UserError, match='DumpResults writes to .*predictions.pkl'):
        runner_of(classification, test_cfg=loop_cfg(pgd=PGD)).test()


def break_image(tmp_path, name):
    path = tmp_path / 'data' / name
    path.write_bytes(path.read_bytes()[:60])
    return path


def test_corrupt_image_fails_by_default(segmentation, tmp_path):
    path = break_image(tmp_path, 'images/1.png')
    segmentation['test_dataloader'] |= dict(num_workers=1)
    with pytest.raises(UserError) as caught:
        runner_of(segmentation, test_cfg=loop_cfg(segpgd=SEGPGD)).test()
    assert str(path) in str(caught.value) and '\n' not in str(caught.value)


@pytest.mark.parametrize('batch_size', [1, 2])
def test_corrupt_image_is_skipped_and_counted(segmentation, tmp_path, batch_size):
    segmentation['test_dataloader']['batch_size'] = batch_size
    path = break_image(tmp_path, 'images/1.png')
    runner = runner_of(segmentation, test_cfg=loop_cfg(segpgd=SEGPGD) | dict(on_corrupt='skip'))
    metrics = runner.test()
    summary = runner.test_loop.summary
    assert summary['images'] == summary['attacks']['segpgd']['images'] == 4
    assert len(summary['skipped']) == 1 and str(path) in summary['skipped'][0]
    # The others keep their indices, and with them their noise, as if nothing had happened.
    records = runner.test_loop.logs['segpgd'].records
    path.write_bytes(path.with_name('0.png').read_bytes())
    whole = runner_of(segmentation, test_cfg=loop_cfg(segpgd=SEGPGD))
    whole.test()
    expected = [record for record in whole.test_loop.logs['segpgd'].records if record['key'] != 1]
    assert [record['key'] for record in records] == [0, 2, 3, 4] and len(metrics) == 10
    assert [record['loss'] for record in records] == pytest.approx([record['loss'] for record in expected], rel=1e-2)


def test_no_image_can_be_read(segmentation, tmp_path):
    for index in range(5):
        break_image(tmp_path, f'images/{index}.png')
    with pytest.raises(UserError, match='no image could be read'):
        runner_of(segmentation, test_cfg=loop_cfg() | dict(on_corrupt='skip')).test()


def test_label_map_of_another_size(segmentation, tmp_path):
    labels = tmp_path / 'data' / 'labels'
    (labels / '0.png').write_bytes((labels / '2.png').read_bytes())
    with pytest.raises(UserError, match='labels/0.png is 25x30, its image .*images/0.png 48x40'):
        runner_of(segmentation, test_cfg=loop_cfg()).test()


def test_nan_in_a_prediction(segmentation):
    runner = runner_of(segmentation, test_cfg=loop_cfg())
    with torch.no_grad():
        runner.model.decode_head.conv_seg.bias.fill_(float('nan'))
    with pytest.raises(UserError, match='images/0.png holds NaN'):
        runner.test()


def test_bad_settings(segmentation):
    for attack, message in (
        (SEGPGD | dict(eps=2), 'eps'),
        (dict(type='mmssl_robust.Nothing'), 'unknown attack type'),
    ):
        with pytest.raises(UserError, match=message):
            runner_of(segmentation, test_cfg=loop_cfg(x=attack)).test()


@pytest.mark.parametrize(
    ('task', 'ensemble', 'metric', 'low'),
    [
        ('classification', dict(type='AutoAttack', eps='8/255', steps=2, queries=4, targets=2), 'accuracy/top1', True),
        ('segmentation', dict(type='SEA', eps='8/255', steps=6), 'mIoU', True),
        ('depth', dict(type='DepthEnsemble', eps='8/255', steps=2, restarts=1), 'rmse', False),
    ],
)
def test_an_ensemble_is_no_weaker_than_its_members(request, task, ensemble, metric, low):
    runner = runner_of(request.getfixturevalue(task), test_cfg=loop_cfg(own=ensemble))
    metrics = runner.test()
    members = [name for name in runner.test_loop.summary['attacks'] if name.startswith('own/')]
    assert len(members) >= 3
    worst, own = metrics[f'own/{metric}'], [metrics[f'{name}/{metric}'] for name in members]
    # mmseg rounds to two digits.
    assert worst <= min(own) + 0.005 if low else worst >= max(own) - 1e-6
    summary = runner.test_loop.summary['attacks']
    spent = sum(summary[name]['forwards_per_image'] for name in members)
    looks = 0 if ensemble['type'] == 'AutoAttack' else 1  # which looks at the clean images anyway
    assert summary['own']['forwards_per_image'] == pytest.approx(spent + looks)
    assert summary['own']['settings'] == build_attack(ensemble).settings.as_dict()
    assert 'worst' not in {name.partition('/')[0] for name in metrics}  # it is one already


def test_images_of_torchvision_give_the_same_metrics(classification):
    """The pipeline that MMPretrain documents: torchvision's ToTensor divides by 255, mean and std are in 0..1."""
    usual = runner_of(classification, test_cfg=loop_cfg(pgd=PGD)).test()
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='NumpyToPIL', to_rgb=True),
        dict(type='torchvision/ToTensor'),
        dict(type='PackInputs'),
    ]
    classification['test_dataloader']['dataset']['pipeline'] = pipeline
    preprocessor = classification['model']['data_preprocessor']
    unit = {name: [value / 255 for value in preprocessor[name]] for name in ('mean', 'std')}
    preprocessor |= unit | dict(to_rgb=False)
    assert runner_of(classification, test_cfg=loop_cfg(pgd=PGD)).test() == usual
    preprocessor |= dict(mean=None, std=None)
    with pytest.raises(UserError, match='nothing says what white is: set mean and std'):
        runner_of(classification, test_cfg=loop_cfg(pgd=PGD)).test()


def test_images_without_labels(classification, tmp_path):
    classification['test_dataloader']['dataset']['with_label'] = False
    with pytest.raises(UserError, match=r'class0/0.png has no label: sort the images into a folder for each class'):
        runner_of(classification, test_cfg=loop_cfg(embed=EMBED)).test()


@pytest.mark.parametrize('remove', ['annotations', 'folder'])
def test_images_without_label_maps(segmentation, remove):
    dataset = segmentation['test_dataloader']['dataset']
    if remove == 'folder':
        dataset['data_prefix'] = dict(img_path='images')
    else:
        dataset['pipeline'] = [step for step in dataset['pipeline'] if step['type'] != 'LoadAnnotations']
    with pytest.raises(UserError, match='images/0.png has no (annotation|gt_sem_seg): '):
        runner_of(segmentation, test_cfg=loop_cfg(segpgd=SEGPGD)).test()
