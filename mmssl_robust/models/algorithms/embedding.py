"""What of an encoder's output is attacked and learnt."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmssl_robust.functional.tokens import select_tokens
from mmssl_robust.utils.errors import UserError

from .whitening import build_whitening

Tokens = Literal['cls', 'patch', 'both']


class Embedding(nn.Module):
    """From what a backbone returns to one embedding.

    Args:
        tokens: ``'cls'``, ``'patch'``, or ``'both'``, of which CLS weighs as much as all patch tokens together.
        blocks: Which of the backbone's outputs, beside each other.
        width: Of a token; 0 if it is not known.
        of_length_1: Whether the lengths of tokens play no part, so that those of both kinds are brought to 1.
        whitening: Arguments of :class:`~mmssl_robust.models.algorithms.whitening.Whitening`; None for none.

    Attributes:
        width: Of the embedding; 0 if it is not known.

    Raises:
        UserError: If a setting is unknown.

    Examples:
        >>> import torch
        >>> from mmssl_robust.models.algorithms import Embedding
        >>> features = ((torch.randn(2, 192, 8, 8), torch.randn(2, 192)),)  # patch tokens and CLS of a block
        >>> [Embedding(tokens, blocks=[-1], width=192)(features).shape for tokens in ('cls', 'both')]
        [torch.Size([2, 1, 192]), torch.Size([2, 64, 384])]
    """

    def __init__(
        self,
        tokens: Tokens,
        blocks: Sequence[int],
        width: int,
        of_length_1: bool = False,
        whitening: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if tokens not in get_args(Tokens):
            raise UserError(f'unknown tokens={tokens!r}: use one of {", ".join(get_args(Tokens))}')
        self.tokens, self.blocks, self.of_length_1 = tokens, tuple(blocks), of_length_1
        self.width = len(self.blocks) * (2 if tokens == 'both' else 1) * width
        self.whitening = build_whitening(whitening, self.width)

    def see(self, features: Any) -> None:
        """Let the whitening know of features of this process's images."""
        assert self.whitening is not None
        self.whitening.see(self._read(features))

    def forward(self, features: Any) -> Tensor:
        """Return the embedding in float32.

        Args:
            features: What student or teacher, and the neck, return for B images.

        Returns:
            Tokens (B, N, D), those of several blocks beside each other; of both kinds (B, N, 2 D), a patch token beside
            CLS.
        """
        embedding = self._read(features)
        return embedding if self.whitening is None else self.whitening(embedding)

    def _read(self, features: Any) -> Tensor:
        outputs = features if isinstance(features, (tuple, list)) else (features,)
        parts = [part for block in self.blocks for part in self._of_block(outputs[block])]
        return torch.cat(parts, dim=-1) if len(parts) > 1 else parts[0]

    def _of_block(self, output: Any) -> list[Tensor]:
        if self.tokens != 'both':
            return [select_tokens([output], self.tokens).float()]
        kinds = [select_tokens([output], kind).float() for kind in ('cls', 'patch')]
        if self.of_length_1:
            # So that the cosine of such pairs is the mean of the two cosines.
            kinds = [F.normalize(tokens, dim=-1) for tokens in kinds]
        cls_token, patch_tokens = kinds
        return [cls_token.expand_as(patch_tokens), patch_tokens]
