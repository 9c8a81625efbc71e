"""Certificates by randomised smoothing: what holds under every perturbation of an L2 norm, up to a stated probability.

The smoothed model is what the model says most often, or in the median, of an image with Gaussian noise. Plain PyTorch,
NumPy and SciPy: nothing here knows a model or a data set.
"""

from .majority import Certificate, certify_label
from .median import certify_median, ranks
from .noise import gaussian
from .pixelwise import certify_pixels, holm
from .smoothing import Smoothing

__all__ = [
    'Certificate',
    'Smoothing',
    'certify_label',
    'certify_median',
    'certify_pixels',
    'gaussian',
    'holm',
    'ranks',
]
