"""Certificates of a model's images: how noisy predictions become records, and these a table."""
