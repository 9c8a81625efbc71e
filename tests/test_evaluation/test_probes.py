"""Probes: the encoder in training, on tasks whose heads stay as they are."""

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from safetensors.torch import load_file

from mmssl_robust.evaluation.probes import Probe, encoder_in_training
from mmssl_robust.models.algorithms import FeatureDistillation
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.assets import ASSETS
from mmssl_robust.utils.errors import UserError

MINI = ASSETS / 'mini'
DEPTH = dict(
    config='configs/depth/mini_hololens.py',
    head='mmssl_robust://mini/mini_hololens.safetensors',
    attacks=dict(depthpgd=dict(steps=2)),
    max_images=2,
)


def mini_encoder(config, out_type='cls_token'):
    cfg = Config.fromfile(config('_base_/models/mini_vit.py')).encoder
    encoder = MODELS.build(cfg | dict(out_type=out_type))
    encoder.init_weights()
    return encoder


def test_scores_the_weights_it_is_given(config):
    probe = Probe('indoor', **DEPTH)
    encoder = mini_encoder(config)
    good = probe.run(encoder)
    assert set(good) >= {'indoor/rmse', 'indoor/depthpgd/rmse'}
    assert good['indoor/depthpgd/rmse'] > good['indoor/rmse']
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.normal_(std=0.02)
    bad = probe.run(encoder)
    assert bad['indoor/rmse'] > good['indoor/rmse']
    assert probe.run(mini_encoder(config)) == good, 'the pass before is forgotten'


def test_skill_of_an_error_is_1_minus_its_share_of_the_best_constants(config):
    probe = Probe('indoor', **DEPTH, clean=0.8)
    metrics = probe.run(mini_encoder(config))
    errors = []
    for data_batch in probe.dataloader:
        for sample in data_batch['data_samples']:
            depth = sample.gt_depth_map.data
            errors.append(depth[(depth > 1e-3) & (depth < 10)])
    mean = torch.stack([depth.mean() for depth in errors]).mean()
    constant = torch.stack([(depth - mean).square().mean().sqrt() for depth in errors]).mean().item()
    assert metrics['indoor/worst/rmse'] >= metrics['indoor/depthpgd/rmse']
    assert metrics['indoor/skill'] == pytest.approx(1 - metrics['indoor/worst/rmse'] / constant, rel=1e-5)


def test_skill_of_a_share_lies_between_chance_and_the_standard_encoder(config):
    settings = dict(config='configs/classification/mini_cifar10.py', head=f'{MINI}/mini_cifar10.safetensors')
    probe = Probe('objects', **settings, attacks=dict(pgd=dict(steps=1)), max_images=10, clean=80.0)
    metrics = probe.run(mini_encoder(config))
    labels = [int(sample.gt_label) for batch in probe.dataloader for sample in batch['data_samples']]
    chance = 100 * max(map(labels.count, labels)) / len(labels)
    expected = (metrics['objects/worst/accuracy/top1'] - chance) / (80 - chance)
    assert metrics['objects/skill'] == pytest.approx(expected)


def test_no_skill_without_attacks(config):
    probe = Probe('indoor', **DEPTH | dict(attacks=[]), clean=0.8)
    with pytest.raises(UserError, match='there is no skill without attacks'):
        probe.run(mini_encoder(config))


def test_equals_the_test_tool(config, work_dir):
    cfg = Config.fromfile(config('depth/mini_hololens.py'))
    cfg.work_dir = str(work_dir)
    cfg.test_cfg = dict(type='mmssl_robust.AttackTestLoop', attacks={}, max_images=2)
    runner = Runner.from_cfg(cfg)
    runner.model.load_state_dict(load_file(MINI / 'mini_hololens.safetensors'), strict=False)
    runner.model.backbone.init_weights()
    expected = runner.test()
    scores = Probe('p', **DEPTH | dict(attacks=[])).run(mini_encoder(config))
    assert scores == {f'p/{key}': value for key, value in expected.items()}


def test_nearest_neighbours_need_no_head(config):
    probe = Probe(
        'knn',
        config='configs/probes/mini_cifar10_knn.py',
        attacks=dict(pgd=dict(steps=2)),
        max_images=20,
        bank_images=20,
    )
    scores = probe.run(mini_encoder(config))
    assert len(probe.model.head.labels) == 20
    assert scores['knn/accuracy/top1'] > scores['knn/pgd/accuracy/top1']


@pytest.mark.parametrize(
    'changes, says',
    [
        (dict(config='configs/depth/none.py'), 'config not found: configs/depth/none.py'),
        (dict(head=None), "the probe 'p' needs a head"),
        (dict(head='mmssl_robust://mini/mini_cifar10.safetensors'), 'does not fit the config'),
        (dict(attacks=['none']), "unknown attack 'none'"),
        (dict(attacks=dict(depthpgd=dict(steps=-1))), 'steps=-1'),
    ],
)
def test_what_does_not_fit(changes, says):
    with pytest.raises(UserError, match=says):
        Probe('p', **DEPTH | changes)


def test_another_encoder_is_found_out_before_the_training(deacl_cfg):
    deacl_cfg.val_dataloader, deacl_cfg.val_evaluator = {}, {}
    deacl_cfg.val_cfg = dict(type='mmssl_robust.ProbeValLoop', probes=dict(indoor=DEPTH))
    with pytest.raises(UserError, match="the probe 'indoor' has another encoder"):
        Runner.from_cfg(deacl_cfg).train()


def test_encoder_in_training():
    student = FeatureDistillation(
        dict(type='mmssl_robust.DINOVisionTransformer', arch='dino_vits16', out_type='featmap_cls'),
        384,
        8,
        [0] * 3,
        [1] * 3,
    )
    assert encoder_in_training(student) is student.backbone
    with pytest.raises(UserError, match='Linear has no backbone'):
        encoder_in_training(torch.nn.Linear(1, 1))
