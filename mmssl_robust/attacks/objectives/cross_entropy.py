"""The classification objective of PGD."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .classification import ClassificationObjective, check_logits


class CrossEntropy(ClassificationObjective):
    """Cross-entropy of the true class: logits (B, K), targets (B,) class indices.

    Score: accuracy, 0 or 1. Success: another class is predicted. Used by PGD
    in Madry et al., *Towards Deep Learning Models Resistant to Adversarial
    Attacks*, ICLR 2018.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import CrossEntropy
        >>> logits = torch.tensor([[0.0, 0.0], [9.0, 0.0]])
        >>> values = CrossEntropy().values(logits, torch.tensor([0, 1]), step=1, steps=20)
        >>> values.loss  # log 2, and 9 as good as
        tensor([0.6931, 9.0001])
        >>> values.success  # of two equal logits the first is the prediction
        tensor([False,  True])
    """

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return the cross-entropy (B,), the same at every step."""
        # log(1 + exp(m)), m = log sum over the others - true logit. Equal to F.cross_entropy, but a saturated
        # model keeps its gradient: 1 - p of the true class rounds to 0 in float32 from a margin of 17 on.
        logits, true = check_logits(outputs, 'CrossEntropy'), targets[:, None]
        others = logits.scatter(1, true, -torch.inf).logsumexp(dim=1)
        return -F.logsigmoid(logits.gather(1, true)[:, 0] - others)
