"""Encoders, heads, losses and training algorithms."""
