"""Metrics, the worst case over attacks, and reports."""

from .depth_metric import DepthMetric, depth_errors

__all__ = ['DepthMetric', 'depth_errors']
