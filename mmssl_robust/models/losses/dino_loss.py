"""Cross-entropy between the views of a teacher and a student, and the teacher's running centre."""

import torch
import torch.distributed as dist
from torch import Tensor, nn

from mmssl_robust.utils.numbers import check_number


class DINOLoss(nn.Module):
    """Loss of DINO (Caron et al., 2021, Eq. 1 to 4).

    The teacher's outputs are centred, which keeps one dimension from
    dominating, and sharpened by a low temperature, which keeps them from
    becoming uniform; the two together prevent collapse.

    Args:
        out_dim: Number of prototypes K.
        student_temp: Temperature of the student's softmax.
        centre_momentum: Share of the old centre that an update keeps.

    Raises:
        UserError: If the temperature is not positive or the momentum not in [0, 1].

    Examples:
        >>> import torch
        >>> from mmssl_robust.models.losses import DINOLoss
        >>> loss = DINOLoss(out_dim=2)
        >>> logits = torch.zeros(2, 1, 2)  # two views of an image, undecided between two prototypes
        >>> targets = loss.targets(logits, teacher_temp=0.04)
        >>> round(loss(logits, targets).item(), 4)  # log 2
        0.6931
    """

    centre: Tensor

    def __init__(self, out_dim: int, student_temp: float = 0.1, centre_momentum: float = 0.9) -> None:
        super().__init__()
        check_number(student_temp, 'student_temp', above=0)
        check_number(centre_momentum, 'centre_momentum', least=0, most=1)
        self.student_temp = student_temp
        self.centre_momentum = centre_momentum
        self.register_buffer('centre', torch.zeros(out_dim))

    @torch.no_grad()
    def targets(self, teacher_logits: Tensor, teacher_temp: float) -> Tensor:
        """Centre and sharpen the teacher's outputs: (..., K) logits to (..., K) probabilities."""
        return ((teacher_logits - self.centre) / teacher_temp).softmax(-1)

    def forward(self, student_logits: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy over the images and all pairs of different views.

        Args:
            student_logits: (V, B, K), the teacher's G views first.
            targets: (G, B, K) probabilities from :meth:`targets`.

        Returns:
            Scalar, in nats.
        """
        views, teacher_views = len(student_logits), len(targets)
        if views < 2 or views < teacher_views:
            raise ValueError(f'{teacher_views} views of the teacher need at least as many of the student, and 2')
        log_probs = (student_logits / self.student_temp).log_softmax(-1)
        # Cross-entropy is linear in the student: sum its views first, without the teacher's own one.
        other_views = log_probs.sum(0) - log_probs[:teacher_views]
        return -(targets * other_views).sum(-1).mean() / (views - 1)

    @torch.no_grad()
    def update_centre(self, teacher_logits: Tensor) -> None:
        """Move the centre towards the mean of (..., K) logits over all processes, of equal batch size each."""
        mean = teacher_logits.flatten(0, -2).mean(0).to(self.centre.dtype)
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(mean)
            mean /= dist.get_world_size()
        self.centre.lerp_(mean, 1 - self.centre_momentum)
