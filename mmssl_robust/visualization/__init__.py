"""Pictures of attacked images."""

from .images import colour_labels, magnified, palette_for
from .panels import panel_of

__all__ = ['colour_labels', 'magnified', 'palette_for', 'panel_of']
