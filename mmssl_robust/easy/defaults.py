"""What an evaluation is where nothing else is said."""

IMAGES = dict(embedding=16, classification=64, segmentation=8, depth=8)
"""Task -> images that are attacked where nothing else is said, for a first look on a CPU."""
WEAKER = ('2/255', '4/255')
"""Beside the presets' own, sizes at which images without labels are attacked."""
PROTOCOLS = ('quick', 'paper')
