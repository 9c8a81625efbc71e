"""Data sets and transforms that OpenMMLab lacks."""

from .teacher_features import TeacherFeatureDataset
from .tolerant import TolerantDataset, tolerant_collate

__all__ = ['TeacherFeatureDataset', 'TolerantDataset', 'tolerant_collate']
