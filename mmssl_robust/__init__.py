"""Adversarial robustness of self-supervised vision encoders across downstream tasks."""

from .version import __version__

__all__ = ['__version__']
