"""What an attacker may do to an image: the norm balls around it.

A threat model knows the geometry of its ball and of the images' range [0, 1], and nothing else: no model, no loss.
Perturbations are in units of pixels in [0, 1].
"""

from .base import ThreatModel
from .l0 import L0
from .l1 import L1
from .l2 import L2
from .linf import Linf

THREAT_MODELS: dict[str, type[ThreatModel]] = {'linf': Linf, 'l2': L2, 'l1': L1}
"""Of any attack, by its ``norm``; :class:`L0` is a patch's alone."""

__all__ = ['L0', 'L1', 'L2', 'THREAT_MODELS', 'Linf', 'ThreatModel']
