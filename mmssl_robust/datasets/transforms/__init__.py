"""Transforms that OpenMMLab lacks."""

from .annotations import CheckAnnotations, EigenCrop, IgnoreLabel
from .present_classes import PresentClasses

__all__ = ['CheckAnnotations', 'EigenCrop', 'IgnoreLabel', 'PresentClasses']
