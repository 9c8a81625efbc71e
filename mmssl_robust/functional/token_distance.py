"""The squared distance between embeddings."""

from torch import Tensor


def token_distance(embedding: Tensor, reference: Tensor) -> Tensor:
    """Squared L2 distance token by token, mean over an image's tokens.

    Args:
        embedding: (B, D) or (B, N, D).
        reference: Another of the same shape.

    Returns:
        (B,), at least 0.

    Raises:
        ValueError: If the shapes differ.
    """
    if embedding.shape != reference.shape:
        raise ValueError(f'embeddings {tuple(embedding.shape)}, but the reference is {tuple(reference.shape)}')
    return (embedding - reference).square().sum(dim=-1).reshape(len(embedding), -1).mean(dim=1)


def token_size(embedding: Tensor) -> Tensor:
    """Squared length of (B, D) or (B, N, D), mean over an image's tokens, (B,)."""
    return embedding.square().sum(dim=-1).reshape(len(embedding), -1).mean(dim=1)
