"""Monocular depth: metres for each pixel."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .base import Column, MeanTask, Metric
from .dense import TITLES, TRUTH, map_arrays, maps_of
from .pictures import Example, Picture


class Depth(MeanTask):
    """Metres for each pixel; errors are means over images with a valid pixel.

    Examples:
        >>> import pandas as pd
        >>> from mmssl_robust.tasks import Depth
        >>> records = pd.DataFrame(dict(index=[0, 1], rmse=[0.5, 1.5], depth_mean=[2.0, 4.0], depth_std=[0.0, 0.0]))
        >>> task = Depth()
        >>> task.contributions(records).values()['rmse'], task.chance(records)  # always 3 m is 1 m off
        (1.0, 1.0)
    """

    name = 'depth'
    metrics = (
        Metric('rmse', 'RMSE', 'm', higher_is_better=False),
        Metric('abs_rel', 'absolute relative error', higher_is_better=False),
        Metric('log10', 'log10 error', higher_is_better=False),
        Metric('delta1', 'share within a factor of 1.25'),
        Metric('delta2', 'share within a factor of 1.25^2'),
        Metric('delta3', 'share within a factor of 1.25^3'),
    )
    columns = (
        Column('rmse', 'float64', 'root mean squared error in metres; null where no pixel is valid'),
        Column('abs_rel', 'float64', 'mean absolute relative error'),
        Column('log10', 'float64', 'mean absolute error of the decimal logarithm'),
        Column('delta1', 'float64', 'share of pixels within a factor of 1.25'),
        Column('delta2', 'float64', 'share of pixels within a factor of 1.25^2'),
        Column('delta3', 'float64', 'share of pixels within a factor of 1.25^3'),
        Column('depth_mean', 'float64', 'mean of the true depth over the valid pixels, in metres', is_optional=True),
        Column('depth_std', 'float64', 'its standard deviation over the valid pixels, in metres', is_optional=True),
    )
    quality = 'minus RMSE (m)'
    stock_metrics = ('DepthMetric',)
    attacks = ('embed', 'depthpgd')
    strongest = 'depth-ensemble'
    objective = 'DepthObjective'
    outputs = 'lengths'
    targeted = 'TargetedDepth'
    sanity_images = 2
    per_pixel = True
    has_classes = False

    def record(self, metric: Any, sample: Any) -> dict[str, Any]:
        """Return the errors; the quality is minus the RMSE."""
        truth = sample.to_dict()
        errors = metric.errors_of(truth)
        if not errors:
            return {}
        mean, deviation = metric.moments_of(truth)
        return {**errors, 'depth_mean': mean, 'depth_std': deviation, 'quality': -errors['rmse']}

    def chance(self, records: pd.DataFrame) -> float | None:
        """Return the RMSE if all pixels were said to be as far as the mean of the images; None of older records."""
        known = records[records['depth_mean'].notna()]
        if not len(known):
            return None
        away = known['depth_mean'] - known['depth_mean'].mean()
        return float(np.hypot(known['depth_std'], away).mean())

    def is_consistent(self, records: pd.DataFrame) -> pd.Series:
        """Whether the quality is minus the RMSE, and no share or error is out of range."""
        same = np.isclose(-records['rmse'], records['quality'], atol=1e-6, equal_nan=True)
        shares = records[['delta1', 'delta2', 'delta3']].fillna(0)
        growing = (shares.diff(axis=1).iloc[:, 1:] >= -1e-6).all(axis=1)
        return growing & shares['delta1'].ge(0) & shares['delta3'].le(1) & same & ~(records['rmse'] < 0)

    def example(self, clean: Any, attacked: Any) -> dict[str, Any]:
        """Return both predictions and the ground truth, 0 where it is unknown."""
        return map_arrays(clean, attacked, 'pred_depth_map', 'gt_depth_map')

    def pictures(self, example: Example, info: Mapping[str, Any]) -> list[Picture]:
        """Return the maps in one scale, that of clean prediction and ground truth; an attack may leave it."""
        maps = maps_of(example)
        truth = TITLES[TRUTH]
        if truth in maps:
            maps[truth] = np.ma.masked_where(maps[truth] <= 0, maps[truth])
        planes = list(maps.values())
        shown = np.concatenate([np.ma.compressed(plane) for plane in (planes[0], planes[-1])])
        limits = float(shown.min()), float(shown.max())
        return [Picture(title, plane, 'numbers', 'm', limits) for title, plane in maps.items()]
