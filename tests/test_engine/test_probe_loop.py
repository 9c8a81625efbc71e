"""From a training with probes to the best checkpoint under attack and the figure."""

import csv
import json

import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from toys import ARCH

from mmssl_robust.utils.errors import UserError


@pytest.fixture
def watched_cfg(deacl_cfg, config, tmp_path):
    """The tiny DeACL, scored in every epoch by nearest neighbours."""
    probe = Config.fromfile(config('probes/mini_cifar10_knn.py'))
    probe.model.backbone = dict(type='mmssl_robust.DINOVisionTransformer', arch=ARCH, out_type='cls_token')
    for loader in (probe.test_dataloader, probe.bank_dataloader):
        loader.dataset.pipeline[1].scale = 16
        loader.num_workers = 0
    probe.dump(tmp_path / 'tiny_knn.py')
    deacl_cfg.val_dataloader, deacl_cfg.val_evaluator = {}, {}
    arguments = dict(config=str(tmp_path / 'tiny_knn.py'), attacks=dict(pgd=dict(steps=1)), max_images=20)
    deacl_cfg.val_cfg = dict(type='mmssl_robust.ProbeValLoop', probes=dict(knn=arguments))
    deacl_cfg.default_hooks.checkpoint.save_best = 'knn/pgd/accuracy/top1'
    deacl_cfg.default_hooks.checkpoint.rule = 'greater'
    deacl_cfg.train_cfg.val_interval = 1
    deacl_cfg.train_cfg.max_epochs = 2
    return deacl_cfg


def scores(work_dir):
    files = sorted(work_dir.glob('*/vis_data/scalars.json'))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [(line['step'], line['knn/accuracy/top1']) for line in lines if 'knn/pgd/accuracy/top1' in line]


def test_best_checkpoint_resume_and_figure(watched_cfg, work_dir, run_tool):
    Runner.from_cfg(watched_cfg).train()
    first = scores(work_dir)
    assert [step for step, _ in first] == [0, 1, 2], 'before the first epoch too'
    best = list(work_dir.glob('best_knn_pgd_accuracy_top1_epoch_*.pth'))
    assert len(best) == 1

    watched_cfg.train_cfg.max_epochs = 3
    watched_cfg.resume, watched_cfg.load_from = True, str(work_dir / 'epoch_2.pth')
    Runner.from_cfg(watched_cfg).train()
    again = scores(work_dir)[len(first) :]
    assert again[0] == first[-1], 'what a kill may have cost is scored anew, and alike'
    assert [step for step, _ in again] == [2, 3]

    run_tool('analysis_tools/plot_evolution.py', work_dir)
    with open(work_dir / 'evolution.csv') as file:
        rows = [row for row in csv.DictReader(file) if row['attack'] == 'clean']
    assert [(int(row['epoch']), row['data']) for row in rows] == [(epoch, 'knn') for epoch in range(4)]
    assert (work_dir / 'evolution.png').stat().st_size > 10_000


def test_validation_does_not_change_the_training(watched_cfg, work_dir):
    watched = Runner.from_cfg(watched_cfg)
    watched.train()
    watched_cfg.val_dataloader = watched_cfg.val_evaluator = watched_cfg.val_cfg = None
    watched_cfg.default_hooks.checkpoint = dict(type='CheckpointHook')
    watched_cfg.work_dir = f'{work_dir}_alone'
    alone = Runner.from_cfg(watched_cfg)
    alone.train()
    for one, other in zip(watched.model.parameters(), alone.model.parameters()):
        assert one.equal(other)


def test_keeps_the_best_by_the_least_skill(watched_cfg, work_dir):
    probes = watched_cfg.val_cfg.probes
    probes.knn.clean = 60.0
    probes.easier = probes.knn | dict(clean=30.0)
    watched_cfg.default_hooks.checkpoint.save_best = 'min_skill'
    Runner.from_cfg(watched_cfg).train()
    files = sorted(work_dir.glob('*/vis_data/scalars.json'))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    skills = [line for line in lines if 'min_skill' in line]
    assert len(skills) == 3 and all(
        line['min_skill'] == pytest.approx(min(line['knn/skill'], line['easier/skill'])) for line in skills
    )
    assert len(list(work_dir.glob('best_min_skill_epoch_*.pth'))) == 1


def test_no_probes(watched_cfg):
    watched_cfg.val_cfg.probes = {}
    with pytest.raises(UserError, match='ProbeValLoop has no probes'):
        Runner.from_cfg(watched_cfg).train()
