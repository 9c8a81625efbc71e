"""Every method of robust training learns, goes on bit by bit after a kill, and trains in two processes as in one."""

import forks
import pytest
import torch
from safetensors.torch import load_file, save_file
from toys import write_heads

from mmssl_robust.registry import MODELS
from mmssl_robust.utils.checkpoint import read_checkpoint

PGD = dict(type='PGD', eps='4/255', step_size='2/255', steps=2)
EMBEDDING = dict(objective=dict(type='EmbeddingDistance'))
NFGSM = dict(type='NFGSM', eps='4/255', **EMBEDDING)
MIXED = [
    dict(share=0.3, attack=PGD | EMBEDDING, ramp=0.5, steps_ramp=1.0),
    dict(share=0.1, attack=PGD | EMBEDDING | dict(norm='l2', eps=0.5, step_size=0.2)),
    dict(share=0.1, attack=PGD | EMBEDDING | dict(norm='l1', eps=12.0, step_size=5.0)),
    dict(share=0.2, attack=NFGSM),
    dict(share=0.2, attack=PGD, heads='pixels'),
    dict(share=0.1),  # left clean
]
DEALT = [dict(share=0.3, attack=PGD, heads=name) for name in ('classes', 'pixels', 'depth')]
DEALT += [dict(share=0.1, attack=PGD | EMBEDDING)]
METHODS = {
    'FARE': dict(type='FARE', attack=PGD | EMBEDDING),
    'whitened FARE': dict(type='FARE', attack=PGD | EMBEDDING, whitening=dict(ridge=0.1)),
    'LORE': dict(type='LORE', attack=PGD | EMBEDDING, primal_steps=2),
    'TRADES': dict(type='FeatureTRADES', attack=PGD | EMBEDDING),
    'task-aware': dict(type='TaskAware', attack=PGD, weight_perturbation=dict(gamma=0.01, start=0.3)),
    'task-aware, dealt': dict(type='TaskAware', adversaries=DEALT),
    'labels, a task of several': dict(type='TaskAware', attack=PGD, embedding_weight=0.0),
    'several adversaries': dict(type='FARE', adversaries=MIXED),
    'blocks, another teacher': dict(type='FARE', attack=NFGSM, blocks=(0, 1)),
}
ADDED = {'LORE': {'dual'}, 'whitened FARE': {'embed'}}  # to the student, in checkpoints
RESTING = ('LORE', 'blocks, another teacher')  # the dual network in most steps, the final norm
WATCHED = {'several adversaries': [dict(type='mmssl_robust.OneStepHook', interval=2, steps=2)]}


@pytest.fixture
def four_classes(data_root, tmp_path):
    """As many as the head has, 24 images."""
    folder = tmp_path / 'four_classes'
    folder.mkdir()
    for name in ('bird', 'cat', 'dog', 'frog'):
        (folder / name).symlink_to(data_root / 'cifar10' / 'test' / name)
    return folder


@pytest.fixture
def another_teacher(deacl_cfg, tmp_path):
    """Weights that the student does not start from."""
    path = tmp_path / 'another.safetensors'
    save_file(MODELS.build(deacl_cfg.model.backbone | dict(init_cfg=None)).vit.state_dict(), path)
    return path


@pytest.fixture
def train(deacl_cfg, four_classes, another_teacher, tmp_path, run_tool):
    """Train a method for 3 epochs of 3 steps; returns the last checkpoint."""
    heads = write_heads(tmp_path / 'heads')

    def run(name, work_dir, *arguments, processes=1, hooks=(), resting=RESTING):
        cfg = deacl_cfg.copy()
        model = METHODS[name]
        cfg.model = dict(
            backbone=cfg.model.backbone | dict(final_norm='both'),
            tokens='both',
            data_preprocessor=cfg.model.data_preprocessor,
            **model | dict(type=f'mmssl_robust.{model["type"]}'),
            **(dict(heads=heads) if 'task' in name or 'several' in name else {}),
        )
        if 'labels' in name:
            cfg.model.heads = dict(classes=heads['classes'] | dict(labels=True), depth=heads['depth'])
            cfg.train_dataloader.dataset.update(data_root=str(four_classes), data_prefix='', with_label=True)
        if 'blocks' in name:
            cfg.model.backbone.out_indices = (0, 1)
            other = dict(type='Pretrained', checkpoint=str(another_teacher))
            cfg.model.teacher = cfg.model.backbone | dict(init_cfg=other)
        cfg.find_unused_parameters = name in resting
        cfg.optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9), clip_grad=dict(max_norm=3.0))
        cfg.train_cfg.max_epochs = 3
        cfg.custom_hooks = [*hooks, *WATCHED.get(name, ())]
        cfg.dump(tmp_path / 'method.py')
        command = ['train.py', tmp_path / 'method.py', '--work-dir', work_dir, *arguments]
        if processes == 1:
            run_tool(*command)
        else:
            assert forks.tool_together(*command) == [0] * processes
        return read_checkpoint(work_dir / 'epoch_3.pth')

    return run


def test_weights_that_rest_are_said_to(train, tmp_path, capfd):
    with pytest.raises(AssertionError):
        train('blocks, another teacher', tmp_path / 'shared', processes=2, resting=())
    assert 'processes wait for them: set find_unused_parameters=True' in capfd.readouterr().err


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(value, other[key]) for key, value in one.items())


def momenta(checkpoint):
    return {key: value['momentum_buffer'] for key, value in checkpoint['optimizer']['state'].items()}


@pytest.mark.parametrize('name', METHODS)
def test_learns_goes_on_and_agrees_with_two_processes(name, train, tmp_path):
    whole = train(name, tmp_path / 'whole')
    start = read_checkpoint(tmp_path / 'teacher.safetensors')
    moved = max((whole['state_dict'][f'backbone.vit.{key}'] - value).abs().max() for key, value in start.items())
    assert moved > 1e-3
    assert {key.split('.')[0] for key in whole['state_dict']} == {'backbone'} | ADDED.get(name, set())

    again = train(name, tmp_path / 'again', '--resume', tmp_path / 'whole' / 'epoch_2.pth')
    assert same(again['state_dict'], whole['state_dict']) and same(momenta(again), momenta(whole))
    assert again['meta']['iter'] == whole['meta']['iter'] == 9

    shared = train(name, tmp_path / 'shared', processes=2)
    for key, value in whole['state_dict'].items():
        torch.testing.assert_close(shared['state_dict'][key], value, rtol=1e-5, atol=1e-5, msg=key)


def test_an_average_of_the_student_is_kept_and_gone_on_with(train, run_tool, tmp_path):
    """MMEngine's own hook: the checkpoint's student is the average, beside what is trained; that is exported."""
    hooks = [dict(type='EMAHook', momentum=0.5)]
    whole = train('FARE', tmp_path / 'whole', hooks=hooks)
    plain = train('FARE', tmp_path / 'plain')
    trained = {key.removeprefix('module.'): value for key, value in whole['ema_state_dict'].items()}
    assert not same(whole['state_dict'], plain['state_dict'])
    assert same({key: trained[key] for key in plain['state_dict']}, plain['state_dict'])
    again = train('FARE', tmp_path / 'again', '--resume', tmp_path / 'whole' / 'epoch_2.pth', hooks=hooks)
    assert same(again['state_dict'], whole['state_dict']) and same(again['ema_state_dict'], whole['ema_state_dict'])

    shared = train('FARE', tmp_path / 'shared', hooks=hooks, processes=2)
    for part in ('state_dict', 'ema_state_dict'):
        torch.testing.assert_close(shared[part], whole[part], rtol=1e-5, atol=1e-5)

    run_tool('model_converters/export_safetensors.py', tmp_path / 'whole' / 'epoch_3.pth', tmp_path / 'e.safetensors')
    exported = {f'backbone.vit.{key}': value for key, value in load_file(tmp_path / 'e.safetensors').items()}
    assert same(exported, {key: whole['state_dict'][key] for key in exported}) and len(exported) > 10
