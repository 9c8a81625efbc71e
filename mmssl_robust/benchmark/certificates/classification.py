"""Certified classes."""

from typing import Any

from mmssl_robust.certified import certify_label

from .base import Certifier, Predictions

UNCERTIFIED = -1


class ClassificationCertifier(Certifier):
    """The class that the noisy image has most often; certified accuracy counts what is right and certified."""

    shown = ('accuracy',)

    @property
    def draws(self) -> int:
        """Those that choose the class, and those that certify it."""
        return self.smoothing.n0 + self.smoothing.n

    def certify(self, predictions: Predictions) -> list[dict[str, Any]]:
        """Return a row for each radius; the prediction is -1 where the class is not certified so far."""
        samples = [sample for part in predictions for sample in part]
        labels = [int(sample.pred_score.argmax()) for sample in samples]
        chosen, counted = labels[: self.smoothing.n0], labels[self.smoothing.n0 :]
        top = min(set(chosen), key=lambda label: (-chosen.count(label), label))
        found = certify_label(top, counted.count(top), self.smoothing)
        rows = []
        for radius in self.radii:
            certified = found.radius is not None and found.radius > radius
            rows.append(
                dict(
                    radius=radius,
                    label=int(samples[0].gt_label),
                    prediction=top if certified else UNCERTIFIED,
                    abstained=float(not certified),
                    chosen=top,
                    count=counted.count(top),
                    share=found.share,
                    certified_radius=found.radius,
                )
            )
        return rows
