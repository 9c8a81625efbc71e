"""Two processes with half of the batch each do what one process does with all of it."""

import forks
import torch
import torch.distributed as dist
from mmengine.model import MMDistributedDataParallel

from mmssl_robust.models.algorithms import DINO

ARCH = dict(img_size=16, patch_size=8, embed_dim=12, depth=1, num_heads=2)
STEPS = 3


def train(rank: int, world_size: int) -> DINO:
    """A few plain gradient steps on the part of each batch that belongs to this rank."""
    torch.manual_seed(0)
    model = DINO(
        backbone=dict(type='mmssl_robust.DINOVisionTransformer', arch=ARCH),
        head=dict(type='mmssl_robust.DINOHead', in_dim=12, out_dim=10, hidden_dim=16, bottleneck_dim=8),
    ).double()
    model.teacher_temp = 0.04
    # Without find_unused_parameters a parameter that gets no gradient is an error in the second step.
    forward = MMDistributedDataParallel(model, broadcast_buffers=False) if dist.is_initialized() else model
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    generator = torch.Generator().manual_seed(1)
    for _ in range(STEPS):
        views = [torch.randn(4, 3, s, s, generator=generator, dtype=torch.float64) for s in (16, 16, 8)]
        optimizer.zero_grad()
        forward([view.chunk(world_size)[rank] for view in views])['loss'].backward()
        optimizer.step()
        model.update_teacher(0.9)
    return model


def train_in_one_of_two(folder):
    dist.init_process_group('gloo')
    rank = dist.get_rank()
    torch.save(dict(train(rank, 2).state_dict()), folder / f'{rank}.pth')
    dist.destroy_process_group()


def test_agrees_with_one_process(tmp_path):
    assert forks.together(train_in_one_of_two, tmp_path, environments=forks.ranks(2)) == [0, 0]
    expected = train(0, 1).state_dict()
    assert expected['criterion.centre'].abs().max() > 0
    for rank in range(2):
        torch.testing.assert_close(torch.load(tmp_path / f'{rank}.pth', weights_only=True), dict(expected))
