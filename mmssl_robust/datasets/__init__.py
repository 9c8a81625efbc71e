"""Data sets and transforms that OpenMMLab lacks."""

from .camvid import CamVidDataset
from .places import PlacedDataset, placed_loader
from .seeded import SeededDataset, seed_generators
from .teacher_features import TeacherFeatureDataset
from .tolerant import TolerantDataset, tolerant_collate
from .transforms import CheckAnnotations, EigenCrop, IgnoreLabel, PresentClasses

__all__ = [
    'CamVidDataset',
    'CheckAnnotations',
    'EigenCrop',
    'IgnoreLabel',
    'PlacedDataset',
    'PresentClasses',
    'SeededDataset',
    'TeacherFeatureDataset',
    'TolerantDataset',
    'placed_loader',
    'seed_generators',
    'tolerant_collate',
]
