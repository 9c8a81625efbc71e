"""What is refused before anything runs, and what configs say."""

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from mmssl_robust import evaluate
from mmssl_robust.building import build_attack
from mmssl_robust.datasets.folders import Found
from mmssl_robust.easy.configs import config_of
from mmssl_robust.easy.pipelines import size_of
from mmssl_robust.easy.plan import Plan
from mmssl_robust.easy.runs import folder_of, name_of, save_config
from mmssl_robust.encoders.info import EncoderInfo
from mmssl_robust.utils.config_files import read_config
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.slug import slug

INFO = EncoderInfo((1.0, 2.0, 3.0), (4.0, 5.0, 6.0), 14, 14, (518, 518), (16, 16), True)


@pytest.mark.parametrize(
    'settings, words',
    [
        (dict(task='detection'), 'unknown task'),
        (dict(task='segmentation'), 'segmentation needs labels: .*--labels'),
        (dict(labels='masks'), 'embedding has no --labels'),
        (dict(task='depth', labels='maps'), 'depth needs the scale of its maps: --depth-scale 1000'),
        (dict(depth_scale=1.0), 'embedding has no --depth-scale'),
        (dict(task='depth', labels='maps', depth_scale=0.0), 'depth_scale=.*: give a finite number above 0'),
        (dict(classes=('cat',)), 'embedding has no classes'),
        (dict(protocol='slow'), 'unknown protocol'),
        (dict(restarts=0), 'restarts=0: give an integer of at least 1'),
        (dict(max_images=0), 'max_images=0: give an integer of at least 1'),
        (dict(task='classification', bank='photos'), 'classification has no bank of images'),
    ],
)
def test_settings_that_do_not_fit(settings, words, tmp_path):
    with pytest.raises(UserError, match=words):
        Plan('mini', tmp_path, **settings)


def test_a_setting_that_there_is_not(tmp_path):
    with pytest.raises(UserError, match='evaluate has no work_dir: use labels, depth_scale, classes'):
        evaluate('mini', tmp_path, work_dir='elsewhere')


def test_attacks_and_their_sizes(tmp_path):
    attacks, sweeps = Plan('mini', tmp_path).variants()
    assert list(attacks)[:3] == ['embed-cls', 'embed-patch', 'embed-both']
    assert [sweeps[name].value for name in sweeps if name.startswith('embed-cls')] == [2 / 255, 4 / 255]
    attacks, sweeps = Plan('mini', tmp_path, attacks=('embed-cls',), eps=('4/255', '1/255'), steps=3).variants()
    assert list(attacks) == ['embed-cls', 'embed-cls-eps-1of255'] and list(sweeps) == list(attacks)[1:]
    assert [config['eps'] for config in attacks.values()] == ['4/255', '1/255']
    assert all(config['steps'] == 3 for config in attacks.values())
    attacks, sweeps = Plan('mini', tmp_path, 'classification').variants()
    assert list(attacks) == ['embed', 'pgd'] and not sweeps
    with pytest.raises(UserError, match='pgd attacks a prediction, and images without labels have none'):
        Plan('mini', tmp_path, attacks=('pgd',)).variants()
    with pytest.raises(UserError, match="eps='big' is no number"):
        Plan('mini', tmp_path, eps=('big',)).variants()


def test_attacks_in_another_norm(tmp_path):
    settings = dict(norm='l2', eps=('1', '0.5'), restarts=2, keep='last')
    attacks, sweeps = Plan('mini', tmp_path, attacks=('embed-cls',), **settings).variants()
    assert [sweeps[name].value for name in sweeps] == [0.5] and len(attacks) == 2
    for config, eps in zip(attacks.values(), (1.0, 0.5), strict=True):
        built = build_attack(config).settings
        assert (built.norm, built.eps) == ('l2', eps) and config['step_size'] is None
        assert (config['restarts'], config['keep']) == (2, 'last')
    (attack,) = Plan('mini', tmp_path, attacks=('embed-cls',), step_size='1/255').variants()[0].values()
    assert attack['step_size'] == '1/255' and attack['norm'] == 'linf'


@pytest.mark.parametrize(
    'settings, words',
    [
        (dict(norm='l2'), "norm 'l2' needs an eps of its own: .* is for linf"),
        (dict(norm='l7', eps=('1',)), 'l7'),
        (dict(keep='none'), 'none'),
        (dict(attacks=('corruptions',), norm='l2', eps=('1',)), 'norm is no setting of corruptions: leave it out'),
    ],
)
def test_norms_and_others_that_do_not_fit(settings, words, tmp_path):
    with pytest.raises(UserError, match=words):
        Plan('mini', tmp_path, **settings).variants()


@pytest.mark.parametrize(
    'given', [dict(defence='jpeg'), dict(norm='l2'), dict(step_size=0.1), dict(restarts=2), dict(keep='last')]
)
def test_another_setting_has_another_folder(given, tmp_path):
    assert folder_of(Plan('mini', tmp_path, **given)) != folder_of(Plan('mini', tmp_path))


def found(tmp_path, *sizes):
    """Images with label maps, of these heights and widths."""
    names = [f'{place}.png' for place in range(len(sizes))]
    for name, size in zip(names, sizes, strict=True):
        cv2.imwrite(str(tmp_path / name), np.zeros((*size, 3), np.uint8))
    entries = [dict(img_path=name, seg_map_path=name) for name in names]
    return Found(
        tmp_path, entries[:1], entries[1:], dict(img_path='', seg_map_path=str(tmp_path)), labels=(0, 7),
        metainfo=dict(classes=['a', 'b']),
    )  # fmt: skip


def test_sizes_are_what_the_encoder_takes(tmp_path):
    plan, dense = Plan('x', tmp_path), found(tmp_path, (100, 200), (100, 200), (50, 50))
    assert size_of(plan, Found(tmp_path, []), INFO) == (224, 224)
    assert size_of(plan, dense, INFO) == (224, 448)  # twice as wide, as most are
    small = Plan('x', tmp_path, size=30)
    assert size_of(small, Found(tmp_path, []), INFO) == (28, 28)
    fixed = EncoderInfo((1.0,) * 3, (1.0,) * 3, 16, 16, (256, 128), (8,), True, fixed_size=True)
    assert size_of(plan, dense, fixed) == (256, 128)
    with pytest.raises(UserError, match='takes 256x128 pixels alone'):
        size_of(small, dense, fixed)


def test_the_config_is_one_of_openmmlab(tmp_path):
    labels = tmp_path / 'labels'
    plan = Plan('mini', tmp_path, 'segmentation', labels=labels)
    cfg = config_of(plan, found(tmp_path, (64, 64), (64, 64)), INFO, tmp_path / 'lists')
    save_config(cfg, tmp_path / 'config.py')
    assert read_config(tmp_path / 'config.py').to_dict() == cfg.to_dict()
    assert isinstance(Config.fromfile(tmp_path / 'config.py'), Config)
    assert cfg.model.decode_head.num_classes == 2 and cfg.model.backbone.type == 'mmssl_robust.Encoder'
    assert dict(type='mmssl_robust.MapLabels', labels=[0, 7]) in cfg.test_dataloader.dataset.pipeline
    assert cfg.train_dataloader.dataset.type == 'mmssl_robust.RememberingDataset'
    paper = config_of(
        Plan('mini', tmp_path, 'segmentation', labels=labels, protocol='paper'),
        found(tmp_path, (64, 64), (64, 64)), INFO, tmp_path / 'lists',
    )  # fmt: skip
    pipeline = paper.train_dataloader.dataset.pipeline
    assert dict(type='RandomFlip', prob=0.5) in pipeline and paper.train_cfg.max_epochs == 50


def test_folders_of_evaluations(tmp_path):
    plan = Plan('timm:vit_tiny?weights=random', tmp_path / 'photos/images')
    assert folder_of(plan) == folder_of(Plan('timm:vit_tiny?weights=random', tmp_path / 'photos/images'))
    assert folder_of(plan) != folder_of(Plan('timm:vit_tiny?weights=random', tmp_path / 'photos/images', steps=3))
    assert folder_of(plan).name.startswith('embedding-timm_vit_tiny_weights_random-photos-')
    assert name_of(tmp_path / 'holiday') == 'holiday' and slug('a/b:c') == 'a_b_c' and slug('??') == 'x'
