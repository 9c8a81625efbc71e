"""Pictures of attacked images."""

from .drawing import draw_example
from .images import colour_labels, magnified, palette_for
from .panels import example_of, panel_of

__all__ = ['colour_labels', 'draw_example', 'example_of', 'magnified', 'palette_for', 'panel_of']
