"""PGD of other libraries, where they are installed."""

import importlib
import warnings
from collections.abc import Callable
from functools import cache

from torch import Tensor, nn

from mmssl_robust.victims import Victim

from .baselines import normalised, trainable
from .timing import Run

LIBRARIES = ('torchattacks', 'foolbox')


class Stock(nn.Module):
    """A classifier as users of these libraries have it: timm's own ViT and a linear layer, on pixels in [0, 1].

    Args:
        model: Holds the weights.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits (B, K)."""
        return self.model.head.fc(self.model.backbone.vit(normalised(self.model, pixels)))


def missing() -> list[str]:
    """Return which of the libraries are not installed, or not with all that they import."""
    return [name for name in LIBRARIES if not _imports(name)]


def other_attacks(victim: Victim, eps: float, step_size: float, steps: int) -> dict[str, Run]:
    """Return PGD on a victim's model and images by each library that is installed."""
    stock, pixels, labels = Stock(trainable(victim.model)).eval(), victim.pixels, victim.targets()
    makers: dict[str, Callable[..., Run]] = dict(torchattacks=_torchattacks, foolbox=_foolbox)
    return {
        name: makers[name](stock, pixels, labels, eps, step_size, steps) for name in LIBRARIES if name not in missing()
    }


def _torchattacks(stock: Stock, pixels: Tensor, labels: Tensor, eps: float, step_size: float, steps: int) -> Run:
    import torchattacks

    attack = torchattacks.PGD(stock, eps=eps, alpha=step_size, steps=steps, random_start=True)
    return lambda: attack(pixels, labels)


def _foolbox(stock: Stock, pixels: Tensor, labels: Tensor, eps: float, step_size: float, steps: int) -> Run:
    import foolbox

    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        model = foolbox.PyTorchModel(stock, bounds=(0, 1), device=pixels.device)
    attack = foolbox.attacks.LinfPGD(abs_stepsize=step_size, steps=steps, random_start=True)
    return lambda: attack(model, pixels, labels, epsilons=eps)


@cache
def _imports(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True
