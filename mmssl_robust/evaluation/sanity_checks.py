"""Sanity checks of attacks on a model and its data, see :mod:`mmssl_robust.attacks.sanity`."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.dist import all_gather_object, get_rank, get_world_size
from torch import nn
from torch.utils.data import DataLoader

from mmssl_robust.attacks import Attack, Ensemble
from mmssl_robust.attacks.sanity import SanityCheck, checks_of
from mmssl_robust.datasets.tolerant import TolerantDataset, spread, tolerant_collate
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.precision import bf16_is_fast
from mmssl_robust.utils.pretrained import initialise
from mmssl_robust.utils.progress import track
from mmssl_robust.utils.stopping import heard, stop_together
from mmssl_robust.victims import build_victim

from .walk import victims_of


def check_attacks(
    model: nn.Module,
    batches: Iterable[dict[str, Any]],
    attacks: Mapping[str, Attack | Ensemble],
    queries: int = 200,
    half: bool = False,
    other: nn.Module | None = None,
    attack_memory: str | int | None = None,
) -> dict[str, list[SanityCheck]]:
    """Run the checks; every process must call it, and takes some of the attacks on some of the batches.

    Args:
        model: What is attacked.
        batches: What a data loader gives, the same in every process.
        attacks: Name -> attack; of an ensemble each member is checked. What is in no ball (a patch) is left out.
        queries: Of Square.
        half: Also make the examples in bfloat16.
        other: The model with another encoder, whose adversarial images are tried on this one.
        attack_memory: See :class:`~mmssl_robust.engine.AttackTestLoop`.

    Returns:
        Name of the attack, or of attack and member -> its checks.
    """
    plain = {
        f'{name}/{member}' if member else name: part
        for name, attack in attacks.items()
        if attack.settings.in_a_ball  # the variants of the others would be other threats
        for member, part in getattr(attack, 'members', {'': attack}).items()
    }
    found: dict[str, list[dict[str, torch.Tensor]]] = {name: [] for name in plain}
    unit = 0
    for batch in track(batches if plain else (), f'sanity of {", ".join(plain)}'):
        for victim, part in victims_of(model, batch, attack_memory):
            rival = None if other is None else build_victim(other, part, attack_memory)
            for name, attack in plain.items():
                if unit % get_world_size() == get_rank():
                    measured = victim.sanity_measurements(attack, queries, half, rival, alone=name in attacks)
                    found[name].append({key: values.cpu() for key, values in measured.items()})
                unit += 1
        if heard():
            break
    stop_together()
    gathered = all_gather_object(found)
    return {name: checks_of(_joined([part for process in gathered for part in process[name]])) for name in plain}


def check_on_few(
    model: nn.Module,
    dataset: TolerantDataset,
    attacks: Mapping[str, Attack | Ensemble],
    images: int,
    batch_size: int = 1,
    other: tuple[ConfigDict, str | None] | None = None,
    **settings: Any,
) -> dict[str, list[dict[str, Any]]]:
    """Run the checks on some images of a data set; every process must call it.

    Args:
        model: What is attacked.
        dataset: The images.
        attacks: Name -> attack.
        images: On how many, evenly spread.
        batch_size: At a time.
        other: Config and weights of another encoder for the model, see :func:`check_attacks`.
        **settings: ``queries`` and ``attack_memory`` of :func:`check_attacks`.

    Returns:
        As :func:`check_attacks`, each check as plain values.

    Raises:
        UserError: If an image cannot be read and may not be left out, or the weights do not fit.
    """
    places = spread(len(dataset.indices), images)
    batches = [places[start : start + batch_size] for start in range(0, len(places), batch_size)]
    loader = DataLoader(dataset, batch_sampler=batches, collate_fn=tolerant_collate)
    rival = with_encoder(model, *other) if other else None
    half = bf16_is_fast(next(model.parameters()).device.type)
    found = check_attacks(model.eval(), loader, attacks, half=half, other=rival, **settings)
    return {name: [asdict(check) for check in checks] for name, checks in found.items()}


def with_encoder(model: nn.Module, backbone: ConfigDict, checkpoint: str | None) -> nn.Module:
    """Return a copy of a model with another encoder.

    Args:
        model: The model.
        backbone: Config of its encoder.
        checkpoint: Path or URL of the other one's weights; None for those that its config names.

    Raises:
        UserError: If the weights are missing or do not fit.
    """
    backbone = copy.deepcopy(backbone)
    if checkpoint is not None:
        backbone.init_cfg = dict(type='Pretrained') | (backbone.get('init_cfg') or {}) | dict(checkpoint=checkpoint)
    encoder = MODELS.build(backbone)
    initialise(encoder)
    encoder.to(next(model.parameters()).device).requires_grad_(False)
    return copy.deepcopy(model, {id(model.backbone): encoder}).eval()


def _joined(parts: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Values of batches in one; those without anything to attack lack most of them."""
    keys = dict.fromkeys(key for part in parts for key in part)
    return {key: torch.cat([part[key] for part in parts if key in part]) for key in keys}
