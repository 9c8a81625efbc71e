"""Adversarial weight perturbation: the worst weights nearby are what learns from the adversarial images."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from mmssl_robust.utils.errors import UserError


@dataclass(frozen=True)
class WeightPerturbation:
    r"""AWP (Wu et al., *Adversarial weight perturbation helps robust generalization*, NeurIPS 2020, eq. 8 and 10).

    .. math::
        v_l = \gamma \lVert w_l \rVert \frac{\nabla_{w_l} L}{\lVert \nabla_{w_l} L \rVert}

    for each layer l, at the step's adversarial images; the gradient that is learnt from is that at w + v. As in the
    paper's code one step makes v, and biases and norms, whose tensors have one dimension, stay.

    Args:
        gamma: Length of a layer's perturbation as a share of the layer's own length; the paper's is 0.005.
        start: Share of the training before which there is none.

    Raises:
        UserError: If a number is out of range.
    """

    gamma: float = 5e-3
    start: float = 0.0

    def __post_init__(self) -> None:
        if not self.gamma > 0:
            raise UserError(f'weight_perturbation.gamma={self.gamma}: give a share of the length of a layer, above 0')
        if not 0 <= self.start < 1:
            raise UserError(f'weight_perturbation.start={self.start}: give a share of the training in [0, 1)')

    def perturbed(self, student: nn.Module, loss: Tensor) -> dict[str, Tensor]:
        """Return the student's parameters, moved to where the loss is higher; gradients go through to the parameters.

        Args:
            student: What the loss was computed by.
            loss: Scalar of this process's images; its gradient is averaged over processes.
        """
        layers = {name: value for name, value in student.named_parameters() if value.requires_grad and value.ndim > 1}
        grads = torch.autograd.grad(loss, list(layers.values()), allow_unused=True)
        moved: dict[str, Tensor] = {}
        for (name, value), grad in zip(layers.items(), grads):
            if grad is None:  # a layer that the loss does not read, such as the last of an encoder without its CLS
                continue
            all_reduce(grad, 'mean')
            moved[name] = value + self.gamma * _along(value.detach(), grad)
        return moved


def build_weight_perturbation(cfg: Mapping[str, float] | None) -> WeightPerturbation | None:
    """Build one of the arguments of :class:`WeightPerturbation`; None for None.

    Raises:
        UserError: If a setting is unknown or out of range.
    """
    if cfg is None:
        return None
    unknown = cfg.keys() - WeightPerturbation.__dataclass_fields__.keys()
    if unknown:
        raise UserError(f'weight_perturbation has no {", ".join(sorted(unknown))}: use gamma, start')
    return WeightPerturbation(**cfg)


def _along(value: Tensor, grad: Tensor) -> Tensor:
    """A direction as long as a layer."""
    length = grad.norm()
    return grad * (value.norm() / length) if length > 0 else torch.zeros_like(grad)
