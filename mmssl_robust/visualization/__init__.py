"""Pictures of attacked images, and of how robustness evolves."""
