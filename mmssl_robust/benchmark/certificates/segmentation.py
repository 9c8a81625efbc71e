"""Certified label maps."""

from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import torch
from mmengine.structures import BaseDataElement
from torch import Tensor

from mmssl_robust.benchmark.statistics import Estimate
from mmssl_robust.certified import certify_pixels

from .base import Certifier, Predictions


class SegmentationCertifier(Certifier):
    """The class that each pixel has most often under noise; where it is not certified, the pixel abstains.

    Pixel accuracy and mIoU are those of SegCertify: a pixel that abstains is wrong, and of no class. Under an attack it
    may become of any: ``mIoU_bound`` puts it into the union of each, and is what no attack can go below.
    """

    shown = ('aAcc', 'mIoU')

    @property
    def draws(self) -> int:
        """Those that choose the classes, and those that certify them."""
        return self.smoothing.n0 + self.smoothing.n

    def certify(self, predictions: Predictions) -> list[dict[str, Any]]:
        """Return a row for each radius with the areas of each class, and all of the image's pixels that abstain."""
        samples = chain.from_iterable(predictions)
        first = next(samples)
        votes = _Votes(self.smoothing.n0, len(self.metric.dataset_meta['classes']))
        for sample in chain([first], samples):
            votes.add(sample.pred_sem_seg.data.squeeze(0))
        labels, counts = votes.labels.cpu().numpy(), votes.counts.cpu().numpy()
        truth = first.gt_sem_seg.data.squeeze(0).cpu().numpy()
        return [self._row(radius, labels, counts, truth) for radius in self.radii]

    def _row(self, radius: float, labels: np.ndarray, counts: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
        sure = certify_pixels(counts, self.smoothing, self.smoothing.share(radius))
        classes, known = len(self.metric.dataset_meta['classes']), truth != self.metric.ignore_index
        known &= truth < classes

        def areas(chosen: np.ndarray, of: np.ndarray) -> np.ndarray:
            return np.bincount(of[chosen & known], minlength=classes)

        true, said, right = areas(known, truth), areas(sure, labels), areas(sure & (labels == truth), truth)
        unions = true + said - right
        foreign = (~sure & known).sum() - areas(~sure, truth)  # that abstain and are of another class
        return dict(
            radius=radius,
            intersections=right.tolist(),
            unions=unions.tolist(),
            labels=true.tolist(),
            widest_unions=(unions + foreign).tolist(),
            abstained=float((~sure).mean()),
        )

    def tests(self, sample: BaseDataElement) -> int:
        """How many pixels the image has."""
        return int(np.prod(sample.ori_shape[:2]))

    def scores(self, rows: pd.DataFrame, resamples: int) -> dict[str, Estimate]:
        """Score, with the bound of the mIoU of what is certified."""
        found = super().scores(rows, resamples)
        if 'widest_unions' in rows:
            widest = super().scores(rows.assign(unions=rows['widest_unions']), resamples)
            found['mIoU_bound'] = widest['mIoU']
        return found


class _Votes:
    """Label maps of draws, of which the first choose a class for each pixel, and the others are counted."""

    def __init__(self, n0: int, classes: int) -> None:
        self._left, self._classes = n0, classes
        self._chosen: Tensor | None = None
        self.labels: Tensor
        self.counts: Tensor

    def add(self, labels: Tensor) -> None:
        """Take a map (H, W)."""
        if self._left:
            self._choose(labels)
        else:
            self.counts += self.labels == labels

    def _choose(self, labels: Tensor) -> None:
        if self._chosen is None:
            self._chosen = torch.zeros(self._classes, *labels.shape, dtype=torch.int32, device=labels.device)
        self._chosen.scatter_add_(0, labels[None], torch.ones_like(labels[None], dtype=torch.int32))
        self._left -= 1
        if not self._left:
            self.labels = self._chosen.argmax(dim=0)
            self.counts = torch.zeros_like(self.labels)
            self._chosen = None
