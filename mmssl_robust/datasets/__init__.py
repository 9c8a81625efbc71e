"""Data sets and transforms that OpenMMLab lacks."""

from .camvid import CamVidDataset
from .seeded import SeededDataset, seed_generators
from .teacher_features import TeacherFeatureDataset
from .tolerant import TolerantDataset, tolerant_collate
from .transforms import CheckAnnotations, EigenCrop, IgnoreLabel

__all__ = [
    'CamVidDataset',
    'CheckAnnotations',
    'EigenCrop',
    'IgnoreLabel',
    'SeededDataset',
    'TeacherFeatureDataset',
    'TolerantDataset',
    'seed_generators',
    'tolerant_collate',
]
