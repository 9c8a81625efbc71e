"""Two processes leave out the same step, though one of them alone has a loss that is not finite."""

import forks
import pytest
import torch
import torch.distributed as dist
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.optim import OptimWrapper

from mmssl_robust.engine.finite import FiniteGuard


class Linear(BaseModel):
    """A model whose loss is the mean of its outputs."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1, bias=False)

    def forward(self, inputs, mode):
        return dict(loss=self.layer(inputs).mean())


def train(accumulated: int, rank: int = 0, processes: int = 1) -> torch.Tensor:
    """Six batches, of which the third is bad in the last process; returns the weights."""
    torch.manual_seed(0)
    model = Linear()
    forward = MMDistributedDataParallel(model, broadcast_buffers=False) if processes > 1 else model
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1), accumulative_counts=accumulated)
    wrapper.initialize_count_status(forward, 0, 6)
    guard = FiniteGuard(wrapper, max_skips=1)
    generator = torch.Generator().manual_seed(1)
    for step in range(6):
        inputs = torch.randn(4, 2, generator=generator)
        if step == 2:
            inputs[-1] = float('nan')
        forward.train_step(dict(inputs=inputs.chunk(processes)[rank]), optim_wrapper=guard)
    return model.layer.weight.detach()


def train_in_one_of_two(accumulated, folder):
    dist.init_process_group('gloo')
    rank = dist.get_rank()
    torch.save(train(accumulated, rank, 2), folder / f'{rank}.pth')
    dist.destroy_process_group()


@pytest.mark.parametrize('accumulated', [1, 2])
def test_agrees_with_one_process(accumulated, tmp_path):
    assert forks.together(train_in_one_of_two, accumulated, tmp_path, environments=forks.ranks(2)) == [0, 0]
    expected = train(accumulated)
    for rank in (0, 1):
        torch.testing.assert_close(torch.load(tmp_path / f'{rank}.pth', weights_only=True), expected)
