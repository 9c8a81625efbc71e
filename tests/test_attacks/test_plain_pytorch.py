"""Attacks and losses run where OpenMMLab is not installed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

EXAMPLE = """
import sys

BLOCKED = {'mmengine', 'mmcv', 'mmseg', 'mmpretrain', 'timm'}


class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in BLOCKED:
            raise ModuleNotFoundError(f'blocked: {name}', name=name)


sys.meta_path.insert(0, Block())

import torch
import mmssl_robust.models.losses

net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 5))
inputs, targets = torch.rand(2, 3, 4, 4), torch.tensor([0, 4])

from mmssl_robust.attacks import PGD, CrossEntropy
attack = PGD(objective=CrossEntropy(), norm='linf', eps=8/255, step_size=2/255, steps=20, random_start=False)
result = attack(lambda x: net(x), inputs, targets)

assert result.adv.shape == (2, 3, 4, 4)
assert result.loss.shape == result.success.shape == (2,)
assert (result.loss > torch.nn.functional.cross_entropy(net(inputs), targets, reduction='none')).all()
assert not BLOCKED & set(sys.modules)
print('done')
"""


def test_readme_example():
    done = subprocess.run([sys.executable, '-c', EXAMPLE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == 'done\n', done.stderr
