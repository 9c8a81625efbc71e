"""What ships with the package: weights, photographs, the tables of the paper."""

from pathlib import Path

ASSETS = Path(__file__).resolve().parents[1] / 'assets'
