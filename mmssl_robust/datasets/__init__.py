"""Data sets and transforms that OpenMMLab lacks."""

from .camvid import CamVidDataset
from .teacher_features import TeacherFeatureDataset
from .tolerant import TolerantDataset, tolerant_collate
from .transforms import CheckAnnotations, IgnoreLabel

__all__ = [
    'CamVidDataset',
    'CheckAnnotations',
    'IgnoreLabel',
    'TeacherFeatureDataset',
    'TolerantDataset',
    'tolerant_collate',
]
