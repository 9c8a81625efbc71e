"""Data sets and transforms that OpenMMLab lacks."""

from .camvid import CamVidDataset
from .teacher_features import TeacherFeatureDataset
from .tolerant import TolerantDataset, tolerant_collate
from .transforms import CheckAnnotations, EigenCrop, IgnoreLabel

__all__ = [
    'CamVidDataset',
    'CheckAnnotations',
    'EigenCrop',
    'IgnoreLabel',
    'TeacherFeatureDataset',
    'TolerantDataset',
    'tolerant_collate',
]
