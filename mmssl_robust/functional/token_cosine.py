"""The similarity of DeACL's Eq. (2)."""

import torch.nn.functional as F
from torch import Tensor


def token_cosine(embedding: Tensor, reference: Tensor) -> Tensor:
    """Cosine similarity token by token, mean over an image's tokens.

    Args:
        embedding: (B, D) or (B, N, D).
        reference: Another of the same shape.

    Returns:
        (B,), in [-1, 1].

    Raises:
        ValueError: If the shapes differ.
    """
    if embedding.shape != reference.shape:
        raise ValueError(f'embeddings {tuple(embedding.shape)}, but the reference is {tuple(reference.shape)}')
    return F.cosine_similarity(embedding, reference, dim=-1).reshape(len(embedding), -1).mean(dim=1)
