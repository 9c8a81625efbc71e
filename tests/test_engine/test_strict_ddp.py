"""Two processes load as strictly as one: each ends with the same line, and none waits for the other."""

import json
import os

import forks
import pytest
import torch
from mmengine.config import Config
from torch import distributed
from toys import build, classification_run, classifier_cfg, write_classification

from mmssl_robust.utils.cli import build_runner
from mmssl_robust.utils.errors import UserError

BLOCK = 'backbone.vit.blocks.1.norm1.weight'
ATTACK = dict(type='mmssl_robust.PGD', objective=dict(type='mmssl_robust.CrossEntropy'), eps='8/255', steps=1)


def runner_of(folder, case, launcher):
    """A test of a whole model or of a part, a training from a part, or of a head on a part of an encoder."""
    cfg = classification_run(folder / 'data', folder / 'work')
    cfg |= dict(experiment_name=f'{case}{launcher}', launcher=launcher)
    if case in ('whole', 'part'):
        cfg |= dict(test_cfg=dict(type='mmssl_robust.AttackTestLoop', attacks=dict(pgd=ATTACK)))
    else:
        cfg |= dict(train_dataloader=cfg['test_dataloader'], optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)))
        cfg |= dict(train_cfg=dict(by_epoch=True, max_epochs=1))
    if case == 'encoder':
        cfg['model']['backbone']['init_cfg'] = dict(type='Pretrained', checkpoint=str(folder / 'part.pth'))
    else:
        cfg['load_from'] = str(folder / ('whole.pth' if case == 'whole' else 'part.pth'))
    return build_runner(Config(cfg), ())


def outcome(folder, case, launcher='none'):
    runner = runner_of(folder, case, launcher)
    try:
        return runner.test() if case in ('whole', 'part') else runner.train() and 'trained'
    except UserError as error:
        return str(error)


def write_outcomes(folder):
    """What one of two processes does."""
    outcomes = {case: outcome(folder, case, 'pytorch') for case in CASES}
    (folder / f'{os.environ["RANK"]}.json').write_text(json.dumps(outcomes))
    distributed.barrier()
    distributed.destroy_process_group()


CASES = {
    'whole': '',
    'part': 'part.pth does not fit',
    'start': 'part.pth does not fit the model; missing',
    'encoder': 'part.pth does not fit this encoder; missing',
}


def test_two_processes_are_as_strict_as_one(tmp_path):
    write_classification(tmp_path / 'data')
    whole = build(classifier_cfg()).state_dict()
    torch.save(whole, tmp_path / 'whole.pth')
    torch.save({key: value for key, value in whole.items() if key != BLOCK}, tmp_path / 'part.pth')
    expected = outcome(tmp_path, 'whole')
    assert forks.together(write_outcomes, tmp_path, environments=forks.ranks(2)) == [0, 0]
    first, second = (json.loads((tmp_path / f'{rank}.json').read_text()) for rank in (0, 1))
    assert first == second
    assert first.pop('whole') == pytest.approx(expected)
    for case, words in first.items():
        assert CASES[case] in words and 'blocks.1.norm1.weight' in words and '\n' not in words
