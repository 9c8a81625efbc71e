"""Say what is installed, on what it would compute, what is missing, and what to type."""

import argparse

SUMMARY = 'say what is installed, which device there is and what is missing'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: it looks at everything."""
