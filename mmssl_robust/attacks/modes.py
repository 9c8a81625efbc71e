"""The state a model must be in while it is attacked."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Put a model in evaluation mode for a while, and every module back in its own mode after.

    Batch statistics, dropout and drop-path would make an image's gradient random
    or dependent on its batch.

    Examples:
        >>> from torch import nn
        >>> from mmssl_robust.attacks import eval_mode
        >>> net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train()
        >>> with eval_mode(net):
        ...     net.training, net[1].training
        (False, False)
        >>> net.training
        True
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Have no parameter require a gradient for a while, and each be as it was after.

    The attack wants the pixels' gradient alone: with frozen parameters, autograd
    saves a good third fewer activations.

    Examples:
        >>> from torch import nn
        >>> from mmssl_robust.attacks import frozen
        >>> net = nn.Linear(3, 2)
        >>> with frozen(net):
        ...     net.weight.requires_grad
        False
        >>> net.weight.requires_grad
        True
    """
    flags = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    model.requires_grad_(False)
    try:
        yield
    finally:
        for parameter, requires_grad in flags:
            parameter.requires_grad_(requires_grad)
