"""Data sets and transforms that OpenMMLab lacks, and loaders of annotations in place of its own."""

from .camvid import CamVidDataset
from .listed import ListedDataset
from .places import PlacedDataset, placed_loader
from .remembering import RememberingDataset
from .seeded import SeededDataset, seed_generators
from .teacher_features import TeacherFeatureDataset
from .tolerant import TolerantDataset, tolerant_collate
from .transforms import (
    CheckAnnotations,
    EigenCrop,
    IgnoreLabel,
    LoadAnnotations,
    LoadDepthAnnotation,
    MapLabels,
    PresentClasses,
)

__all__ = [
    'CamVidDataset',
    'CheckAnnotations',
    'EigenCrop',
    'IgnoreLabel',
    'LoadAnnotations',
    'ListedDataset',
    'LoadDepthAnnotation',
    'MapLabels',
    'PlacedDataset',
    'PresentClasses',
    'RememberingDataset',
    'SeededDataset',
    'TeacherFeatureDataset',
    'TolerantDataset',
    'placed_loader',
    'seed_generators',
    'tolerant_collate',
]
