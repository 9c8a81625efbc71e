"""What an evaluation remembers of each attacked image."""

from collections.abc import Sequence
from math import fsum, inf
from typing import Any

from mmengine.dist import all_gather_object

from mmssl_robust.attacks.result import AttackResult


class AttackLog:
    """Per-image results of one attack, and their summary over all processes."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.seconds = 0.0

    def add(self, keys: Sequence[int], result: AttackResult, seconds: float) -> None:
        """Remember one batch.

        Args:
            keys: Index of each image in its data set.
            result: What the attack gave.
            seconds: What the batch took.
        """
        names = ('loss', 'success', 'zero_grad', 'norm', 'forwards', 'backwards')
        columns = {name: getattr(result, name).tolist() for name in names}
        for row, key in enumerate(keys):
            self.records.append(dict(key=key, **{name: column[row] for name, column in columns.items()}))
        self.seconds += seconds

    def sizes(self) -> dict[int, float]:
        """Size of each image's perturbation, infinite where the attack failed; every process must call it."""
        own = {record['key']: record['norm'] if record['success'] else inf for record in self.records}
        return {key: size for part in all_gather_object(own) for key, size in part.items()}

    def summary(self) -> dict[str, Any]:
        """Summarise over all processes; every process must call it.

        Returns:
            ``images``, ``seconds`` (of the slowest process), and means over the
            images of ``success``, ``loss``, ``zero_grad`` (share of exactly-zero
            entries of the input gradient) and of the passes that each went
            through; ``max_norm`` is the largest perturbation.
        """
        logs = all_gather_object((self.records, self.seconds))
        records = [record for part, _ in logs for record in part]
        means = {
            # Exact sums, which do not depend on how the images were shared among processes.
            f'mean_{name}': fsum(record[name] for record in records) / max(len(records), 1)
            for name in ('success', 'loss', 'zero_grad', 'forwards', 'backwards')
        }
        return dict(
            images=len(records),
            seconds=max(seconds for _, seconds in logs),
            success_rate=means['mean_success'],
            mean_loss=means['mean_loss'],
            zero_gradient_share=means['mean_zero_grad'],
            forwards_per_image=means['mean_forwards'],
            backwards_per_image=means['mean_backwards'],
            max_norm=max((record['norm'] for record in records), default=0.0),
        )
