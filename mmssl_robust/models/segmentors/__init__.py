"""Whole models for dense tasks."""

from .depth_estimator import DepthEstimator
from .tta_segmentor import TTASegmentor

__all__ = ['DepthEstimator', 'TTASegmentor']
