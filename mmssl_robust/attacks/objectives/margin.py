"""Differences of logits: they ask for the decision, where cross-entropy asks for confidence."""

import torch
from torch import Tensor

from .classification import AimedObjective, ClassificationObjective, check_logits


class Margin(ClassificationObjective):
    """Highest wrong logit minus the true one: positive if and only if the class is wrong.

    Logits (B, K), targets (B,). From Carlini & Wagner, *Towards Evaluating the Robustness of Neural Networks*,
    S&P 2017. Score: accuracy. Success: another class is predicted.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import Margin
        >>> logits = torch.tensor([[1.0, 4.0, 2.0], [1.0, 4.0, 2.0]])
        >>> Margin()(logits, torch.tensor([1, 2]), step=1, steps=20)  # 2 - 4 and 4 - 2
        tensor([-2.,  2.])
    """

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return the margin (B,), the same at every step."""
        return _margin(check_logits(outputs, 'Margin'), targets)


class DLR(ClassificationObjective):
    """Difference of logits ratio: the margin over the distance of the first to the third highest logit.

    ``-(z_y - max_{i != y} z_i) / (z_1 - z_3)``, which neither a shift nor a scale of the logits changes. Logits
    (B, K) with K >= 3, targets (B,). From Croce & Hein, *Reliable evaluation of adversarial robustness with an
    ensemble of diverse parameter-free attacks*, ICML 2020, Eq. (6). Score: accuracy. Success: another class is
    predicted.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import DLR
        >>> logits = torch.tensor([[1.0, 5.0, 2.0]])
        >>> DLR()(logits, torch.tensor([1]), step=1, steps=20)  # (2 - 5) / (5 - 1)
        tensor([-0.7500])
        >>> DLR()(100 * logits + 7, torch.tensor([1]), step=1, steps=20)
        tensor([-0.7500])
    """

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return the ratio (B,), the same at every step."""
        highest = check_logits(outputs, 'DLR', 3).topk(3, dim=1).values
        return _margin(outputs, targets) / _positive(highest[:, 0] - highest[:, 2])


class TargetedMargin(AimedObjective):
    """A wrong logit minus the true one, for one wrong class after the other, see :class:`AimedObjective`.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import PGD, TargetedMargin
        >>> def net(x):  # which of the three colours is brightest
        ...     return x.mean(dim=(2, 3))
        >>> image = torch.tensor([0.50, 0.45, 0.10]).view(1, 3, 1, 1).expand(1, 3, 8, 8)
        >>> result = PGD(TargetedMargin(), restarts=2)(net, image, torch.tensor([0]))
        >>> net(result.adv).argmax(dim=1), result.restart  # the first restart raises green, the next likely colour
        (tensor([1]), tensor([0]))
    """

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return the difference (B,), the same at every step."""
        return _difference(check_logits(outputs, 'TargetedMargin'), targets)


class TargetedDLR(AimedObjective):
    """A wrong logit minus the true one over a scale of the logits, for one wrong class after the other.

    ``-(z_y - z_t) / (z_1 - (z_3 + z_4) / 2)``, see :class:`AimedObjective` for t. From Croce & Hein, 2020, Eq. (7).
    There is no fourth logit for fewer than four classes: then the difference itself, as in :class:`TargetedMargin`.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import TargetedDLR
        >>> logits, labels = torch.tensor([[1.0, 5.0, 2.0, 3.0]]), torch.tensor([1])
        >>> objective = TargetedDLR()
        >>> targets = objective.prepare(lambda images: logits, torch.zeros(1, 3, 8, 8), labels)
        >>> targets  # the true class, then the others from likely to unlikely
        tensor([[1, 3, 2, 0]])
        >>> objective(logits, objective.aim(targets, restart=0), step=1, steps=20)  # (3 - 5) / (5 - (2 + 1) / 2)
        tensor([-0.5714])
    """

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return the ratio (B,), the same at every step."""
        if check_logits(outputs, 'TargetedDLR').shape[1] < 4:
            return _difference(outputs, targets)
        highest = outputs.topk(4, dim=1).values
        return _difference(outputs, targets) / _positive(highest[:, 0] - highest[:, 2:].mean(dim=1))


def _margin(logits: Tensor, targets: Tensor) -> Tensor:
    true = targets[:, None]
    return logits.scatter(1, true, -torch.inf).amax(dim=1) - logits.gather(1, true)[:, 0]


def _difference(logits: Tensor, targets: Tensor) -> Tensor:
    """Logit of ``targets[:, 1]`` minus that of ``targets[:, 0]``."""
    true, wrong = logits.gather(1, targets).unbind(dim=1)
    return wrong - true


def _positive(scale: Tensor) -> Tensor:
    """Of equal logits neither the difference nor its gradient is anything: any scale serves but 0."""
    return scale.clamp(min=1e-12)
