"""Data sets and transforms that OpenMMLab lacks."""

from .teacher_features import TeacherFeatureDataset

__all__ = ['TeacherFeatureDataset']
