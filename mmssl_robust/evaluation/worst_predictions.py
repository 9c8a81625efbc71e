"""The worst predictions of a batch over several attacks."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.structures import BaseDataElement


class WorstPredictions:
    """For each image of a batch the prediction of the lowest quality, which an attacker may choose.

    Args:
        runs: Labels of the runs among which to choose, that of the clean images too.
    """

    def __init__(self, runs: Sequence[str]) -> None:
        self.runs = tuple(runs)
        self._lowest: dict[int, tuple[float, BaseDataElement]] = {}

    def add(self, run: str, records: Sequence[Mapping[str, Any]], predictions: Sequence[BaseDataElement]) -> None:
        """Look at the predictions of a run and their records; those of runs that do not count are ignored."""
        if run not in self.runs:
            return
        for record, prediction in zip(records, predictions, strict=True):
            quality = record.get('quality')
            quality = float('inf') if quality is None else quality
            key = record['index']
            if key not in self._lowest or quality < self._lowest[key][0]:
                self._lowest[key] = quality, prediction

    def take(self, images: int) -> list[BaseDataElement]:
        """Return the worst predictions of the batch, and forget them.

        Raises:
            ValueError: If there is not one for each of so many images.
        """
        predictions = [prediction for _, prediction in self._lowest.values()]
        self._lowest = {}
        if len(predictions) != images:
            raise ValueError(f'the worst case has {len(predictions)} images, its members {images}')
        return predictions
