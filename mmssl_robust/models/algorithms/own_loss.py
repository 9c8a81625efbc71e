"""The objective of an attack on what the model itself computes."""

import torch
from torch import Tensor

from mmssl_robust.attacks import Objective
from mmssl_robust.attacks.objectives.base import Forward
from mmssl_robust.registry import OBJECTIVES


@OBJECTIVES.register_module()
class OwnLoss(Objective):
    """Raise the model's outputs (B,), each image's loss, which the training method has computed.

    Score: minus the loss. There is no success.
    """

    def prepare(self, forward: Forward, inputs: Tensor, targets: Tensor | None) -> Tensor:
        """Return no targets: the model knows them."""
        return torch.zeros(len(inputs), device=inputs.device)

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return the outputs, the same at every step."""
        return outputs

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return minus the outputs."""
        return -outputs

    def success(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return that there is none."""
        return torch.zeros_like(outputs, dtype=torch.bool)
