"""Two processes load as strictly as one: each ends with the same line, and none waits for the other.

The file is its own worker: ``python test_strict_ddp.py RANK PORT FOLDER``.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from torch import distributed

from mmssl_robust.utils.cli import build_runner
from mmssl_robust.utils.errors import UserError

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))  # of the workers

from toys import build, classification_run, classifier_cfg, write_classification  # noqa: E402

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
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        port = found.getsockname()[1]
    environment = os.environ | dict(PYTHONPATH=str(TESTS.parent), OMP_NUM_THREADS='1')
    workers = [
        subprocess.Popen([sys.executable, __file__, str(rank), str(port), str(tmp_path)], env=environment)
        for rank in (0, 1)
    ]
    expected = outcome(tmp_path, 'whole')
    assert [worker.wait(timeout=300) for worker in workers] == [0, 0]
    first, second = (json.loads((tmp_path / f'{rank}.json').read_text()) for rank in (0, 1))
    assert first == second
    assert first.pop('whole') == pytest.approx(expected)
    for case, words in first.items():
        assert CASES[case] in words and 'blocks.1.norm1.weight' in words and '\n' not in words


if __name__ == '__main__':
    RANK, PORT, FOLDER = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    variables = dict(RANK=str(RANK), LOCAL_RANK=str(RANK), WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT=PORT)
    os.environ.update(variables)
    outcomes = {case: outcome(FOLDER, case, 'pytorch') for case in CASES}
    (FOLDER / f'{RANK}.json').write_text(json.dumps(outcomes))
    distributed.barrier()
    distributed.destroy_process_group()
