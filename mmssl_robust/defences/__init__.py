"""Input transformations as defences, and how they are attacked all the same."""

from .filters import Blur, Downscale
from .jpeg import JPEG
from .levels import Dither, Quantise
from .preprocessor import Defended, undefended
from .through import defend

__all__ = ['JPEG', 'Blur', 'Defended', 'Dither', 'Downscale', 'Quantise', 'defend', 'undefended']
