"""Transforms that OpenMMLab lacks, and loaders in place of its own."""

from .annotations import CheckAnnotations, EigenCrop, IgnoreLabel, MapLabels
from .loading import LoadAnnotations, LoadDepthAnnotation
from .present_classes import PresentClasses

__all__ = [
    'CheckAnnotations',
    'EigenCrop',
    'IgnoreLabel',
    'LoadAnnotations',
    'LoadDepthAnnotation',
    'MapLabels',
    'PresentClasses',
]
