"""Transforms that OpenMMLab lacks."""

from .annotations import CheckAnnotations, IgnoreLabel

__all__ = ['CheckAnnotations', 'IgnoreLabel']
