"""Images at the top left of a padded canvas."""

from torch import Tensor


def size_on_canvas(mask: Tensor) -> tuple[int, int]:
    """Rows and columns of an image whose pixels a mask (H, W), bool, says."""
    rows, columns = (int(line.nonzero().max()) + 1 for line in (mask.any(dim=1), mask.any(dim=0)))
    return rows, columns
