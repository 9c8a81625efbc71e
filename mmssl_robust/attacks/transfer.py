"""Images made against another encoder than the one that is shown them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mmssl_robust.attacks.objectives import EmbeddingDistance
from mmssl_robust.attacks.objectives.base import Objective, Tokens
from mmssl_robust.attacks.transfer_pgd import TransferPGD, TransferSettings
from mmssl_robust.utils.errors import UserError

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Transfer(TransferPGD):
    """Push the embedding by a surrogate away from the clean one: the attacker never sees the model itself.

    The threat of a public encoder whose fine-tuned, robust or quantised child is attacked. Here it is the attack on the
    surrogate, whose embedding is ``forward``; whoever evaluates brings the surrogate by its name, and judges the images
    by the model.

    Args:
        surrogate: What the encoder is called that is attacked, such as ``'mini'``, the path of a checkpoint or a name
            of another library.
        block: Which layer's tokens are moved, from 0, negative ones from the end, before the final norm; None for the
            last after it, the embedding.
        tokens: See :class:`EmbeddingDistance`.
        sha256: Of the surrogate's weights, for records; another one is refused.
        **settings: See :class:`TransferPGD`.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import Transfer
        >>> attack = Transfer('mini', block=-2, momentum=1.0, eps='8/255')
        >>> attack.settings.kind, attack.settings.arguments['surrogate']
        ('transfer', 'mini')
        >>> def surrogate(x):  # in plain PyTorch the function that is attacked is the surrogate's
        ...     return x.mean(dim=(2, 3))
        >>> result = attack(surrogate, torch.full((1, 3, 8, 8), 0.5))
        >>> (255 * result.norm).round()
        tensor([8.])
    """

    kind = 'transfer'

    def __init__(
        self,
        surrogate: str | None = None,
        block: int | None = None,
        tokens: Tokens = 'task',
        sha256: str | None = None,
        **settings: 'Unpack[TransferSettings]',
    ) -> None:
        super().__init__(EmbeddingDistance(tokens), **settings)
        self.surrogate = surrogate
        self.block = block
        self.tokens = tokens
        self.sha256 = sha256

    def told(self, thresholds: Mapping[str, float]) -> 'Transfer':
        """Return the attack, whose loss no threshold changes.

        Raises:
            UserError: If it has no surrogate.
        """
        if self.surrogate is None:
            raise UserError('it needs an encoder to make images against: add --surrogate ENCODER, such as mini')
        attack: Transfer = super().told(thresholds)  # type: ignore[assignment]
        return attack

    @property
    def judged_by(self) -> Objective:
        """The distance in the model's own embedding, whatever is moved in the surrogate's."""
        return EmbeddingDistance()
