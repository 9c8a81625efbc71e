"""Data sets and transforms that OpenMMLab lacks."""

from .camvid import CamVidDataset
from .teacher_features import TeacherFeatureDataset
from .transforms import CheckAnnotations, IgnoreLabel

__all__ = ['CamVidDataset', 'CheckAnnotations', 'IgnoreLabel', 'TeacherFeatureDataset']
