"""Encoders, heads and records on the Hugging Face Hub, with cards that say what they are."""

from .push import push

__all__ = ['push']
