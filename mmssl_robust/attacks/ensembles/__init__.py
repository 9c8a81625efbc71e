"""Several attacks as one, of which each image meets the worst."""

from .autoattack import AutoAttack
from .base import Ensemble
from .corruptions import Corruptions
from .depth import DepthEnsemble
from .embed import EmbedEnsemble
from .sea import SEA

__all__ = ['SEA', 'AutoAttack', 'Corruptions', 'DepthEnsemble', 'EmbedEnsemble', 'Ensemble']
