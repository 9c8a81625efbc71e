"""Adversarial robustness of self-supervised vision encoders across downstream tasks."""

from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .easy.api import attack, evaluate
    from .encoders import load_encoder

__all__ = ['__version__', 'attack', 'evaluate', 'load_encoder']
_PLACES = dict(attack='easy.api', evaluate='easy.api', load_encoder='encoders')


def __getattr__(name: str) -> Any:
    """Import what is asked for: reports need neither PyTorch nor OpenMMLab."""
    if name not in _PLACES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from importlib import import_module

    from .utils.quiet import hush_python

    hush_python()

    return getattr(import_module(f'{__name__}.{_PLACES[name]}'), name)
