"""One word in a config for what counts reaches all that need it; two that differ are refused."""

import pytest
from mmengine.config import Config

from mmssl_robust.building import build_attack
from mmssl_robust.datasets.thresholds import share_thresholds, tell_attacks
from mmssl_robust.presets import load_preset
from mmssl_robust.utils.config_files import find_config, read_config
from mmssl_robust.utils.errors import UserError
from tests.toys import depth_run, segmentation_run


def depth_config():
    return read_config(find_config('configs/depth/mini_nyu.py'))


def segmentation_config():
    return read_config(find_config('configs/segmentation/mini_camvid.py'))


@pytest.mark.parametrize(
    'place',
    [
        'test_dataloader.dataset.metainfo.max_depth',
        'train_dataloader.dataset.metainfo.max_depth',
        'model.decode_head.max_depth',
        'test_evaluator.max_depth',
        'model.decode_head.loss_decode.0.max_depth',
    ],
)
def test_whoever_says_it_says_it_for_all(place):
    cfg = depth_config()
    cfg.merge_from_dict({place: 80.0})
    assert share_thresholds(cfg) == dict(ignore_index=255, min_depth=1e-3, max_depth=80.0)
    assert cfg.model.decode_head.max_depth == cfg.test_evaluator.max_depth == cfg.val_evaluator.max_depth == 80
    assert [loss.max_depth for loss in cfg.model.decode_head.loss_decode] == [80, 80]
    assert cfg.test_dataloader.dataset.metainfo['max_depth'] == 80


def test_the_usual_ones_are_written_nowhere():
    for cfg in (depth_config(), segmentation_config()):
        before = cfg.pretty_text
        share_thresholds(cfg)
        assert cfg.pretty_text == before


@pytest.mark.parametrize('name, first, second', [('max_depth', 80, 30), ('min_depth', 0.1, 0.2)])
def test_two_that_differ_are_refused_in_one_line(name, first, second):
    cfg = depth_config()
    cfg.merge_from_dict({f'model.decode_head.{name}': first, f'test_evaluator.{name}': second})
    with pytest.raises(UserError, match=f'{name}={first}.*{second}') as caught:
        share_thresholds(cfg)
    assert '\n' not in str(caught.value)


def test_a_range_must_be_one():
    cfg = depth_config()
    cfg.merge_from_dict({'test_evaluator.min_depth': 20.0})
    with pytest.raises(UserError, match='min_depth'):
        share_thresholds(cfg)


@pytest.mark.parametrize('place', ['decode_head', 'metainfo', 'metric', 'dataset'])
def test_ignore_index_reaches_padding_and_transforms(place):
    cfg = segmentation_config()
    where = dict(
        decode_head='model.decode_head.ignore_index',
        metainfo='test_dataloader.dataset.metainfo.ignore_index',
        metric='test_evaluator.ignore_index',
        dataset='test_dataloader.dataset.ignore_index',
    )
    cfg.train_dataloader.dataset.pipeline.append(dict(type='RandomCrop', crop_size=(8, 8), cat_max_ratio=0.75))
    cfg.train_dataloader.dataset.pipeline.append(dict(type='RandomRotate', prob=0.5, degree=10))
    cfg.train_dataloader.dataset.pipeline.append(dict(type='Pad', size=(8, 8), pad_val=dict(img=0, seg=255)))
    cfg.merge_from_dict({where[place]: 0})
    assert share_thresholds(cfg)['ignore_index'] == 0
    assert cfg.model.decode_head.ignore_index == cfg.test_evaluator.ignore_index == 0
    assert cfg.model.data_preprocessor.seg_pad_val == 0
    *_, crop, rotate, pad = cfg.train_dataloader.dataset.pipeline
    assert (crop['ignore_index'], rotate['seg_pad_val'], pad['pad_val']['seg']) == (0, 0, 0)
    told = {step['type']: step for step in cfg.test_dataloader.dataset.pipeline}
    assert told['mmssl_robust.IgnoreLabel']['ignore_index'] == 0
    assert told['mmssl_robust.CheckAnnotations']['ignore_index'] == 0


def test_label_0_that_is_made_255_is_not_ignored_as_0():
    cfg = read_config(find_config('configs/segmentation/dino_vitb16_ade20k.py'))
    assert share_thresholds(cfg)['ignore_index'] == 255
    cfg.merge_from_dict({'test_evaluator.ignore_index': 0})
    with pytest.raises(UserError, match='reduce_zero_label'):
        share_thresholds(cfg)


def test_a_class_of_data_sets_may_say_it():
    from mmssl_robust.datasets import CamVidDataset
    from mmssl_robust.registry import DATASETS

    @DATASETS.register_module(force=True)
    class FarRooms(CamVidDataset):
        METAINFO = dict(CamVidDataset.METAINFO, max_depth=120.0)

    cfg = depth_config()
    cfg.test_dataloader.dataset.type = 'mmssl_robust.FarRooms'
    assert share_thresholds(cfg)['max_depth'] == 120
    assert cfg.model.decode_head.max_depth == 120


def test_parts_of_a_joined_data_set_speak_too():
    cfg = read_config(find_config('configs/segmentation/dino_vitb16_voc2012.py'))
    cfg.train_dataloader.dataset.datasets[1].metainfo = dict(ignore_index=254)
    assert share_thresholds(cfg)['ignore_index'] == 254
    assert cfg.train_dataloader.dataset.datasets[0].metainfo['ignore_index'] == 254


def test_attacks_are_told():
    names = ('depthpgd', 'depth-ensemble', 'pgd')
    told = tell_attacks({name: build_attack(load_preset(name)) for name in names}, dict(max_depth=80, ignore_index=0))
    assert told['depthpgd'].objective.max_depth == 80
    assert {member.objective.max_depth for member in told['depth-ensemble'].members.values()} == {80}
    assert told['depthpgd'].settings.objective_arguments['max_depth'] == 80


def test_an_attack_that_was_told_another_is_refused():
    attack = build_attack(dict(type='SegPGD', ignore_index=255))
    with pytest.raises(UserError, match=r"'mine'.*ignore_index=255.*is 0") as caught:
        tell_attacks(dict(mine=attack), dict(ignore_index=0))
    assert '\n' not in str(caught.value)
    assert tell_attacks(dict(mine=attack), dict(ignore_index=255))['mine'].objective.ignore_index == 255


def test_no_preset_states_one():
    for name in ('segpgd', 'cospgd', 'sea', 'depthpgd', 'depth-ensemble'):
        assert 'ignore_index' not in str(load_preset(name)) and 'depth=' not in str(load_preset(name))


def test_toys_have_the_usual_ones(tmp_path, work_dir):
    for run in (depth_run, segmentation_run):
        assert share_thresholds(Config(run(tmp_path, work_dir)))['max_depth'] == 10


def test_transforms_in_transforms_and_in_wrappers_are_told():
    rotate = dict(type='mmseg.RandomRotate', prob=1.0, degree=3)
    cfg = segmentation_config()
    inner = cfg.train_dataloader.dataset
    inner.pipeline = [
        dict(type='RandomChoice', transforms=[[dict(rotate)], [dict(type='mmseg.RandomCrop', crop_size=8)]])
    ]
    mosaic = dict(type='mmseg.RandomMosaic', prob=1.0)
    pipeline = [mosaic, dict(type='RandomApply', transforms=[dict(rotate)])]
    cfg.train_dataloader.dataset = dict(type='mmseg.MultiImageMixDataset', dataset=inner, pipeline=pipeline)
    cfg.test_evaluator = dict(type='Evaluator', metrics=[dict(cfg.test_evaluator)])
    cfg.merge_from_dict({'model.decode_head.ignore_index': 200})
    assert share_thresholds(cfg)['ignore_index'] == 200
    wrapper = cfg.train_dataloader.dataset
    (turn,), (crop,) = wrapper.dataset.pipeline[0].transforms
    assert turn.seg_pad_val == wrapper.pipeline[1].transforms[0].seg_pad_val == 200
    assert crop.ignore_index == wrapper.pipeline[0].seg_pad_val == 200
    assert cfg.test_evaluator.metrics[0].ignore_index == 200


@pytest.mark.parametrize('wrapped', [False, True])
def test_what_a_transform_in_another_says_is_heard(wrapped):
    cfg = segmentation_config()
    crop = dict(type='mmseg.RandomCrop', crop_size=8, ignore_index=7)
    cfg.train_dataloader.dataset.pipeline = [dict(type='RandomApply', transforms=[crop])]
    if wrapped:
        cfg.train_dataloader.dataset = dict(
            type='mmseg.MultiImageMixDataset', dataset=cfg.train_dataloader.dataset, pipeline=[]
        )
    cfg.merge_from_dict({'model.decode_head.ignore_index': 200})
    with pytest.raises(UserError, match='ignore_index=(7|200).*(7|200)'):
        share_thresholds(cfg)
