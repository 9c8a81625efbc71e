"""What ships with the package: weights, photographs, the tables of the paper."""

from pathlib import Path

from .foreign_files import below

ASSETS = Path(__file__).resolve().parents[1] / 'assets'
ASSET_SCHEME = 'mmssl_robust://'


def shipped(source: str) -> Path | None:
    """The file behind ``mmssl_robust://``; it need not exist. None for what begins otherwise.

    Raises:
        UserError: If it would lie elsewhere.
    """
    return below(ASSETS, source[len(ASSET_SCHEME) :], source) if source.startswith(ASSET_SCHEME) else None
