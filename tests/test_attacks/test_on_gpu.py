"""An attack on a GPU is the attack on a CPU."""

import pytest
import torch
from torch import nn

from mmssl_robust.attacks import PGD, CrossEntropy


@pytest.mark.gpu
@pytest.mark.parametrize('norm, eps, step_size', [('linf', '8/255', '2/255'), ('l2', 0.5, 0.1)])
def test_same_start_and_almost_the_same_example(norm, eps, step_size):
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)).double()
    inputs, targets = torch.rand(4, 3, 16, 16, dtype=torch.float64), torch.randint(5, (4,))
    attack = PGD(objective=CrossEntropy(), norm=norm, eps=eps, step_size=step_size, steps=10)
    on_cpu = attack(net, inputs, targets)
    on_gpu = attack(net.cuda(), inputs.cuda(), targets.cuda())
    assert on_gpu.adv.is_cuda
    torch.testing.assert_close(on_gpu.loss.cpu(), on_cpu.loss, atol=1e-8, rtol=1e-6)
    assert ((on_gpu.adv.cpu() - on_cpu.adv).abs() > 1e-6).double().mean() < 0.005
