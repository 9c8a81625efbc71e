"""What a training costs, counted where it arises."""

from dataclasses import dataclass


@dataclass
class Cost:
    """What went through the networks: images, and image by image every forward and backward.

    Examples:
        >>> from mmssl_robust.models.algorithms import Cost
        >>> cost = Cost()
        >>> cost.add(images=64, forwards=5, backwards=5)  # an attack of five steps on a batch
        >>> cost.add(images=64, forwards=1)  # the teacher
        >>> cost.forwards, cost.backwards
        (384, 320)
    """

    images: int = 0
    forwards: int = 0
    backwards: int = 0

    def add(self, images: int, forwards: int, backwards: int = 0) -> None:
        """Count how often each of some images went through a network, and how often a gradient came back."""
        self.forwards += images * forwards
        self.backwards += images * backwards
