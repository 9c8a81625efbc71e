"""Evaluation under attack: the walk over a data set, metrics, the worst case, checks."""
