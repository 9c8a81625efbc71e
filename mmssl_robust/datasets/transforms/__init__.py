"""Transforms that OpenMMLab lacks."""

from .annotations import CheckAnnotations, EigenCrop, IgnoreLabel

__all__ = ['CheckAnnotations', 'EigenCrop', 'IgnoreLabel']
