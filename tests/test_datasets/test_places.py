"""An image is told apart by its place in the data set that is evaluated, whatever that is made of."""

import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from mmpretrain.structures import DataSample
from toys import classification_run, runner_of, write_classification

from mmssl_robust.datasets import TolerantDataset, placed_loader, tolerant_collate
from mmssl_robust.datasets.places import PlacedDataset, info_of, origin_of
from mmssl_robust.registry import DATASETS
from mmssl_robust.utils.errors import UserError

PGD = dict(
    type='mmssl_robust.PGD', objective=dict(type='mmssl_robust.CrossEntropy'), eps='8/255', step_size='4/255', steps=2
)
ENSEMBLE = dict(type='mmssl_robust.AutoAttack', eps='4/255', steps=2, queries=2, targets=2)


@pytest.fixture
def run(tmp_path):
    write_classification(tmp_path / 'data')  # 12 images
    DefaultScope.get_instance(tmp_path.name, scope_name='mmpretrain')
    cfg = classification_run(tmp_path / 'data', tmp_path / 'work')
    cfg['test_dataloader']['dataset']['pipeline'][-1] = dict(type='PackInputs', meta_keys=())
    return cfg


def wrapped(kind, images):
    """A data set of the kind, and how many images it has."""
    if kind == 'part':
        return images | dict(indices=[3, 4, 5, 9]), 4
    if kind == 'joined':
        return dict(type='ConcatDataset', datasets=[images, images | dict(indices=5)]), 17
    if kind == 'joined of one':
        return dict(type='ConcatDataset', datasets=[images]), 12
    if kind == 'repeated':
        return dict(type='RepeatDataset', dataset=images, times=2), 24
    if kind == 'balanced':
        return dict(type='ClassBalancedDataset', dataset=images, oversample_thr=1.0), 24
    if kind == 'fold':
        return dict(type='KFoldDataset', dataset=images, fold=1, num_splits=3, test_mode=True), 4
    if kind == 'mixed':
        pipeline = images['pipeline'][-1:]
        inner = images | dict(pipeline=images['pipeline'][:-1])
        return dict(type='mmseg.MultiImageMixDataset', dataset=inner, pipeline=[pipeline[0] | PACK]), 12
    if kind == 'seeded':
        return dict(type='mmssl_robust.SeededDataset', dataset=images), 12
    if kind == 'nested':
        inner = dict(type='ConcatDataset', datasets=[images, images])
        return dict(type='RepeatDataset', dataset=dict(type='ConcatDataset', datasets=[inner, images]), times=2), 72
    built = DATASETS.build(images)
    if kind == 'torch, joined':
        return torch.utils.data.ConcatDataset([built, built]), 24
    return torch.utils.data.Subset(built, [5, 2, 5]), 3


PACK = dict(type='mmpretrain.PackInputs', _scope_='mmpretrain')
KINDS = ('part', 'joined', 'joined of one', 'repeated', 'balanced', 'fold', 'mixed', 'seeded', 'nested')
ALL = (*KINDS, 'torch, joined', 'torch, part')


@pytest.mark.parametrize('kind', ALL)
def test_places(run, kind):
    dataset, count = wrapped(kind, run['test_dataloader']['dataset'])
    whole = TolerantDataset(dataset)
    batch = tolerant_collate([whole[index] for index in range(len(whole))])
    if kind == 'balanced':  # as often as the rarest class is rare
        count = len(whole)
    assert [sample.sample_idx for sample in batch['data_samples']] == list(range(count))
    assert whole.metainfo['classes'] == tuple(f'class{label}' for label in range(4))


@pytest.mark.parametrize(
    'kind', ['part', 'joined', 'repeated', 'balanced', 'fold', 'nested', 'torch, joined', 'torch, part']
)
def test_origins(run, kind):
    """The data set that a sample comes from, and its index there, however they are joined, repeated or cut."""
    dataset, _ = wrapped(kind, run['test_dataloader']['dataset'])
    dataset = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
    for index in range(len(dataset)):
        origin, place = origin_of(dataset, index)
        assert kind == 'fold' or type(origin).__name__ == 'CustomDataset'
        assert info_of(origin, place)['img_path'] == info_of(dataset, index)['img_path']
        torch.testing.assert_close(origin[place]['inputs'], dataset[index]['inputs'])


@pytest.mark.parametrize('finished', [False, True])
@pytest.mark.parametrize('kind', ['joined', 'repeated', 'torch, part', 'torch, joined'])
def test_the_worst_case_has_all_images(run, kind, finished):
    """Without `sample_idx` among the samples, in a loader's config and in a finished loader."""
    dataset, count = wrapped(kind, run['test_dataloader']['dataset'])
    loader = run['test_dataloader'] | dict(dataset=dataset, batch_size=count)
    if finished:
        built = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
        loader = torch.utils.data.DataLoader(built, batch_size=count, collate_fn=pseudo_collate)
    runner = runner_of(run, test_cfg=dict(type='mmssl_robust.AttackTestLoop', attacks=dict(pgd=PGD, own=ENSEMBLE)))
    runner._test_dataloader = loader
    metrics, loop = runner.test(), runner.test_loop
    records = loop.evaluation.records
    names = [name for name in loop.summary['attacks'] if '/' in name]
    key = 'accuracy/top1'
    right = torch.ones(count, dtype=torch.bool)
    for label in ('clean', *names):
        assert sorted(record['index'] for record in records[label]) == list(range(count))
        table = sorted(records[label], key=lambda record: record['index'])
        right &= torch.tensor([record['label'] == record['prediction'] for record in table])
    assert metrics[f'own/{key}'] == pytest.approx(100 * float(right.float().mean()))
    assert metrics[f'own/{key}'] <= min(metrics[f'{name}/{key}'] for name in names)
    # Two places have noise of their own, also where the image is one.
    assert len({record['loss'] for record in loop.logs['pgd'].records}) == count


def test_the_hook_gives_each_image_its_own_noise(run):
    run['test_dataloader']['dataset'], count = wrapped('joined', run['test_dataloader']['dataset'])
    run['test_dataloader']['batch_size'] = 5
    hooked = runner_of(run, custom_hooks=[dict(type='mmssl_robust.AttackHook', attack=PGD)])
    images = []
    hooked.model.data_preprocessor.register_forward_pre_hook(lambda _, args: images.extend(args[0]['inputs']))
    metrics = hooked.test()
    ours = runner_of(run, test_cfg=dict(type='mmssl_robust.AttackTestLoop', attacks=dict(task=PGD))).test()
    assert metrics == {name: ours[f'task/{name}'] for name in metrics}
    attacked = [one for one in images if one.is_floating_point()]
    assert len(attacked) == count and not torch.equal(attacked[0], attacked[12])  # the same photograph


class Cached(torch.utils.data.Dataset):
    """The same object for all places."""

    metainfo = dict(classes=('a', 'b'))
    item = dict(inputs=torch.zeros(3, 16, 16, dtype=torch.uint8), data_samples=DataSample().set_gt_label(1))

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return self.item


def test_one_object_for_several_places():
    for whole in (TolerantDataset(Cached()), PlacedDataset(Cached())):
        batch = tolerant_collate([whole[index] for index in range(3)])
        assert [sample.sample_idx for sample in batch['data_samples']] == [0, 1, 2]
        assert [int(sample.gt_label) for sample in batch['data_samples']] == [1, 1, 1]
    assert 'sample_idx' not in Cached.item['data_samples']


def test_a_finished_loader_keeps_its_settings():
    sampler = torch.utils.data.SequentialSampler(range(3))
    loader = torch.utils.data.DataLoader(Cached(), 2, sampler=sampler, collate_fn=pseudo_collate, drop_last=True)
    ours = placed_loader(loader)
    assert [[sample.sample_idx for sample in batch['data_samples']] for batch in ours] == [[0, 1]]
    assert ours.collate_fn is pseudo_collate and placed_loader(ours) is ours


def test_images_that_share_an_index_are_refused(run):
    """As of samples from elsewhere, that are given to the evaluation one batch after the other."""
    runner = runner_of(run, test_cfg=dict(type='mmssl_robust.AttackTestLoop', attacks=dict(pgd=PGD)))
    loop = runner.build_test_loop(runner._test_loop)
    (first, *_) = loop.dataloader
    loop.evaluation.process(runner.model, dict(first))
    with pytest.raises(UserError, match='two images say that they are number 0 of the data set'):
        loop.evaluation.process(runner.model, dict(first))


def test_images_that_processes_share_are_refused(run, monkeypatch):
    runner = runner_of(run, test_cfg=dict(type='mmssl_robust.AttackTestLoop', attacks={}))
    monkeypatch.setattr('mmssl_robust.evaluation.robust_evaluation.all_gather_object', lambda part: [part, part])
    with pytest.raises(UserError, match='processes share images'):
        runner.test()
