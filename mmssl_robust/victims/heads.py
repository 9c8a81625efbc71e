"""Several frozen heads on the encoder of a victim, whatever head the victim has."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from mmssl_robust.encoders.views import ASKABLE, as_configured, view_of
from mmssl_robust.models.algorithms import TaskHead
from mmssl_robust.models.backbones import DINOVisionTransformer
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.config_files import configs_in, read_config
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.mismatch import mismatch

if TYPE_CHECKING:
    from .base import Victim

Specs = Mapping[str, Mapping[str, Any]]
_known: WeakKeyDictionary[nn.Module, dict[str, 'EncoderWithHeads']] = WeakKeyDictionary()


class EncoderWithHeads(nn.Module):
    """Heads of several tasks on one encoder, each on the tokens that it was trained on.

    Args:
        encoder: The encoder, whose weights stay shared with it.
        heads: Name -> arguments of a :class:`~mmssl_robust.models.algorithms.TaskHead`.

    Raises:
        UserError: If the encoder cannot be asked for what the heads read, or they belong to another.
    """

    def __init__(self, encoder: nn.Module, heads: Specs) -> None:
        super().__init__()
        if not isinstance(encoder, ASKABLE):
            kinds = ' or '.join(kind.__name__ for kind in ASKABLE)
            raise UserError(
                f'heads read tokens that a {type(encoder).__name__} cannot be asked for: use a backbone of {kinds}'
            )
        self.heads = nn.ModuleList()
        self.views = nn.ModuleList()
        self._view_of: list[int] = []
        asked: list[dict[str, Any]] = []
        device = next(encoder.parameters()).device
        for spec in heads.values():
            head = TaskHead(**{key: value for key, value in spec.items() if key != 'sha256'})
            outputs = _asked_for(encoder, head)
            if outputs not in asked:
                asked.append(outputs)
                self.views.append(view_of(encoder, **outputs))
            view = asked.index(outputs)
            head.check(self.views[view])
            head.init_weights()
            self.heads.append(head.requires_grad_(False).eval().to(device))
            self._view_of.append(view)
        self._shapes: list[torch.Size] = []

    def forward(self, inputs: Tensor) -> Tensor:
        """Return what all heads predict for normalised images (B, 3, H, W), one after another, (B, M)."""
        features = [view(inputs) for view in self.views]
        found = [head(features[view]) for head, view in zip(self.heads, self._view_of)]
        self._shapes = [prediction.shape[1:] for prediction in found]
        return torch.cat([prediction.flatten(1) for prediction in found], dim=1)

    def distances(self, predictions: Tensor, references: Tensor) -> Tensor:
        """Return how far each head's predictions are from others (B, K), in units of its scale.

        Args:
            predictions: Of :meth:`forward`, (B, W, M) for W windows of each image, of which the mean is taken.
            references: Others of the same windows.
        """
        sizes = [shape.numel() for shape in self._shapes]
        parts = [part.flatten(0, 1).split(sizes, dim=1) for part in (predictions, references)]
        found = [
            head.distance(own.unflatten(1, shape), other.unflatten(1, shape))
            for head, shape, own, other in zip(self.heads, self._shapes, *parts)
        ]
        return torch.stack([distance.unflatten(0, predictions.shape[:2]).mean(dim=1) for distance in found], dim=1)


@dataclass(frozen=True)
class Distances:
    """How far heads are from their predictions for the clean images.

    Attributes:
        network: The encoder with the heads.
        references: What they say of the clean images, (B, W, M).
    """

    network: EncoderWithHeads
    references: Tensor

    def of(self, victim: 'Victim', pixels: Tensor) -> Tensor:
        """Return the distances (B, K) of images in place of the victim's."""
        return self.network.distances(victim.windowed(self.network, pixels), self.references)

    def only(self, indices: Tensor) -> 'Distances':
        """The same of some of the images."""
        return replace(self, references=self.references[indices])


def with_heads(encoder: nn.Module, heads: Specs | None) -> EncoderWithHeads:
    """Return an encoder with heads, loaded once.

    Args:
        encoder: The encoder.
        heads: Name -> arguments of each; None for those that ship with it.

    Raises:
        UserError: If none ship with it, or as for :class:`EncoderWithHeads`.
    """
    backbone = as_configured(encoder)
    specs = shipped_heads(backbone) if heads is None else heads
    known, key = _known.setdefault(encoder, {}), json.dumps({name: dict(spec) for name, spec in specs.items()})
    if key not in known:
        known[key] = EncoderWithHeads(backbone, specs)
    return known[key]


def shipped_heads(encoder: nn.Module) -> dict[str, dict[str, Any]]:
    """Return the heads that ship with an encoder, which is known by its weights.

    Raises:
        UserError: If none do.
    """
    state = encoder.state_dict()
    for file in configs_in('configs/_base_/heads').values():
        weights, heads = _shipped(str(file))
        if not mismatch(state, weights) and all(torch.equal(state[key].cpu(), weights[key]) for key in state):
            return heads
    raise UserError(
        'no heads ship with this encoder: name some in the heads of the attack, '
        "dict(NAME=dict(config='TASK.py', head='HEAD.safetensors', scale=...))"
    )


@cache
def _shipped(file: str) -> tuple[dict[str, Tensor], dict[str, dict[str, Any]]]:
    cfg = read_config(file)
    encoder = MODELS.build(cfg.encoder)
    encoder.init_weights()
    return encoder.state_dict(), {name: dict(head) for name, head in cfg.heads.items()}


def _asked_for(encoder: nn.Module, head: TaskHead) -> dict[str, Any]:
    """What an encoder is to return for a head; DINO's gives tokens before and after its norm at once."""
    both = isinstance(encoder, DINOVisionTransformer)
    return dict(out_type='featmap_cls', out_indices=head.block, final_norm='both' if both else head.normed)
