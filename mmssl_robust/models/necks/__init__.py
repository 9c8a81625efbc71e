"""What lies between encoders and heads."""

from .cls_and_mean_patch import ClsAndMeanPatch

__all__ = ['ClsAndMeanPatch']
