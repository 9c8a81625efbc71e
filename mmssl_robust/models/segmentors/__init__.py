"""Whole models for dense tasks."""

from .depth_estimator import DepthEstimator

__all__ = ['DepthEstimator']
