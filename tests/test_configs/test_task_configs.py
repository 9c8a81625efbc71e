"""Every config of the three tasks: its pipeline, model, optimiser and schedule, and for the mini ones a training."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DATASETS, MODELS, init_default_scope
from mmengine.runner import Runner

ROOT = Path(__file__).resolve().parents[2]
TASKS = ('classification', 'segmentation', 'depth')
LEAFS = sorted(path for task in TASKS for path in (ROOT / 'configs' / task).glob('*.py'))
CHANNELS = dict(cifar10=10, camvid=11, ade20k=150, hololens=1, nyu=1)
MINI = {
    'mini_cifar10': {'accuracy/top1'},
    'mini_camvid': {'aAcc', 'mIoU', 'mAcc'},
    'mini_hololens': {'rmse', 'abs_rel', 'log10', 'delta1', 'delta2', 'delta3'},
    'mini_nyu': {'rmse', 'abs_rel', 'log10', 'delta1', 'delta2', 'delta3'},
}


def write_pairs(root, images, annotations, size, values, count=1):
    """Write random images beside random annotations, of which `values` makes one of a size."""
    generator = np.random.default_rng(0)
    for folder in (images, annotations):
        (root / folder).mkdir(parents=True)
    for index in range(count):
        photograph = generator.integers(0, 256, (*size, 3), dtype=np.uint8)
        cv2.imwrite(str(root / images / f'room_{index:04}.jpg'), photograph)
        cv2.imwrite(str(root / annotations / f'room_{index:04}.png'), values(generator, size))


def millimetres(generator, size):
    return generator.integers(500, 9000, size, dtype=np.uint16)


def ade_labels(generator, size):
    return generator.integers(0, 151, size, dtype=np.uint8)


@pytest.fixture(scope='module')
def full_data(tmp_path_factory, data_root):
    """The embedded sample, and generated images in the layout of what is not embedded."""
    root = tmp_path_factory.mktemp('data')
    for folder in ('cifar10', 'camvid', 'hololens'):
        (root / folder).symlink_to(data_root / folder)
    for name, size in (('nyu', (480, 640)), ('nyu_half', (240, 320))):
        for split in ('train', 'test'):
            write_pairs(root / name, f'images/{split}', f'annotations/{split}', size, millimetres, count=2)
    for split in ('training', 'validation'):
        write_pairs(
            root / 'ade/ADEChallengeData2016', f'images/{split}', f'annotations/{split}', (300, 400), ade_labels
        )
    return root


@pytest.fixture
def load(full_data, monkeypatch):
    """Read a config as the tools do, and enter its scope."""
    monkeypatch.setenv('DATA_ROOT', str(full_data))

    def read(path):
        cfg = Config.fromfile(path)
        init_default_scope(cfg.default_scope)
        return cfg

    return read


def first_item(dataset):
    if dataset.type == 'CIFAR10':  # its binary files cannot be generated: their hashes are checked
        image = np.zeros((32, 32, 3), np.uint8)
        return Compose(dataset.pipeline)(dict(img=image, gt_label=3, sample_idx=0))
    return DATASETS.build(dataset)[0]


def test_there_are_configs():
    assert {path.stem for path in LEAFS} >= set(MINI)


@pytest.mark.parametrize('path', LEAFS, ids=lambda path: path.stem)
@pytest.mark.parametrize('split', ['train', 'test'])
def test_an_image_goes_through(path, split, load):
    """Nothing is computed: tensors on the meta device have shapes only."""
    cfg = load(path)
    item = first_item(cfg[f'{split}_dataloader'].dataset)
    assert item['inputs'].dtype == torch.uint8
    if split == 'test':
        assert item['data_samples'].sample_idx == 0
    with torch.device('meta'):
        model = MODELS.build(cfg.model).to('meta')
    batch = model.data_preprocessor(pseudo_collate([item, item]), training=split == 'train')
    if split == 'test' and cfg.model.get('test_cfg', {}).get('mode') == 'slide':
        batch['inputs'] = batch['inputs'][..., : cfg.model.test_cfg.crop_size[0], : cfg.model.test_cfg.crop_size[1]]
    output = model(**batch, mode='tensor')
    channels = next(number for name, number in CHANNELS.items() if name in path.stem)
    assert output.shape[:2] == (2, channels)


@pytest.mark.parametrize('path', LEAFS, ids=lambda path: path.stem)
def test_only_the_head_trains(path, load):
    cfg = load(path)
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    assert len(wrapper.param_groups) >= 1
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained
    assert all(name.startswith(('head.', 'decode_head.')) for name in trained)


@pytest.mark.parametrize('task', TASKS)
def test_metafile_says_what_the_configs_do(task, load):
    models = yaml.safe_load((ROOT / 'configs' / task / 'metafile.yml').read_text())['Models']
    assert {ROOT / model['Config'] for model in models} == {path for path in LEAFS if path.parent.name == task}
    for model in models:
        cfg = load(ROOT / model['Config'])
        assert model['Metadata']['Epochs'] == cfg.train_cfg.max_epochs
        assert model['Metadata']['Batch Size'] == cfg.train_dataloader.batch_size == cfg.auto_scale_lr.base_batch_size


@pytest.mark.parametrize('name', MINI)
def test_mini_head_trains_and_is_tested(name, load, work_dir, monkeypatch):
    # The Runner formats the config six times for its logs, which takes longer than the training.
    monkeypatch.setattr(Config, 'pretty_text', '')
    cfg = load(next(path for path in LEAFS if path.stem == name))
    encoder = MODELS.build(cfg.model.backbone).vit.state_dict()
    cfg.model.backbone.init_cfg.checkpoint = str(work_dir.with_suffix('.pth'))
    torch.save(encoder, cfg.model.backbone.init_cfg.checkpoint)
    cfg.work_dir, cfg.log_level = str(work_dir), 'ERROR'
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    for part in ('train', 'val', 'test'):
        loader = cfg[f'{part}_dataloader']
        loader.dataset.indices = 2
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.iter == 1
    (bias,) = (p for name, p in runner.model.named_parameters() if name.endswith(('fc.bias', 'conv_seg.bias')))
    assert bias.abs().max() > 0  # it starts at zero
    torch.testing.assert_close(runner.model.backbone.vit.state_dict(), encoder, rtol=0, atol=0)
    metrics = runner.test()
    assert set(metrics) == MINI[name]
    assert np.isfinite(list(metrics.values())).all()
