"""Embeddings in units of what linear heads can make of them."""

from typing import Any

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from mmssl_robust.utils.errors import UserError

_GROWTH = 1.1  # of what was seen, until the matrix is computed anew: an eigendecomposition is no matter of each step


class Whitening(nn.Module):
    r"""A linear map after which squared distances are what the worst linear head makes of them.

    A head w says w·z of an embedding z. Among heads whose answers vary by 1 between images, and whose weights are held
    small (a ridge), the most that any is moved by a change d of the embedding is

    .. math::
        \max_w \frac{(w \cdot d)^2}{w^T \Sigma w + \lambda \lVert w \rVert^2} = d^T (\Sigma + \lambda I)^{-1} d,
        \qquad \lambda = r \, \mathrm{tr}(\Sigma) / D

    (generalised Rayleigh quotient). Plain squared distances, by contrast, are ruled by the few directions in which
    embeddings vary most, and let those through that a head may read with large weights.

    Sigma is the covariance of all embeddings that it was shown, in all processes. It is part of the state, so that a
    training goes on as it would have.

    Args:
        width: D, of an embedding.
        ridge: r, above 0; the smaller, the more directions in which images hardly differ count.

    Raises:
        UserError: If the ridge is not positive.

    Examples:
        >>> import torch
        >>> from mmssl_robust.models.algorithms import Whitening
        >>> whiten = Whitening(width=2, ridge=1e-6)
        >>> vectors = torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 0.1], [0.0, -0.1]])  # vary along the first axis most
        >>> whiten.see(vectors)
        >>> [round(variance, 2) for variance in whiten(vectors).square().mean(dim=0).tolist()]  # alike now
        [1.0, 1.0]
    """

    count: Tensor
    total: Tensor
    products: Tensor
    mean: Tensor
    matrix: Tensor
    counted: Tensor

    def __init__(self, width: int, ridge: float = 0.1) -> None:
        super().__init__()
        if not ridge > 0:
            raise UserError(f'whitening.ridge={ridge}: give a share of the mean variance, above 0')
        self.ridge = ridge
        self.register_buffer('count', torch.zeros((), dtype=torch.float64))
        self.register_buffer('total', torch.zeros(width, dtype=torch.float64))
        self.register_buffer('products', torch.zeros(width, width, dtype=torch.float64))
        self.register_buffer('counted', torch.zeros((), dtype=torch.float64))
        self.register_buffer('mean', torch.zeros(width))
        self.register_buffer('matrix', torch.eye(width))

    @torch.no_grad()
    def see(self, vectors: Tensor) -> None:
        """Count embeddings (..., D) of this process's images among those that were seen."""
        vectors = vectors.detach().flatten(0, -2).double()
        sums = (self.count.new_tensor(len(vectors)), vectors.sum(dim=0), vectors.T @ vectors)
        for buffer, value in zip((self.count, self.total, self.products), sums):
            all_reduce(value)
            buffer += value
        if self.count >= _GROWTH * self.counted:
            self._fit()

    def _fit(self) -> None:
        mean = self.total / self.count
        covariance = self.products / self.count - mean.outer(mean)
        values, vectors = torch.linalg.eigh(covariance)
        values = values.clamp(min=0)
        # The symmetric root: of all roots the one that turns least from one time to the next.
        scales = (values + self.ridge * values.mean()).rsqrt()
        self.matrix.copy_((vectors * scales) @ vectors.T)
        self.mean.copy_(mean)
        self.counted.copy_(self.count)

    def forward(self, vectors: Tensor) -> Tensor:
        """Return embeddings (..., D), white."""
        return (vectors - self.mean) @ self.matrix


def build_whitening(cfg: dict[str, Any] | None, width: int) -> Whitening | None:
    """Build one of its arguments but for the width; None for None.

    Raises:
        UserError: If a setting is unknown or out of range, or the width is not known.
    """
    if cfg is None:
        return None
    unknown = cfg.keys() - {'ridge'}
    if unknown:
        raise UserError(f'whitening has no {", ".join(sorted(unknown))}: use ridge')
    if not width:
        raise UserError('whitening wants to know how wide the embedding is, which the backbone does not say')
    return Whitening(width, **cfg)
