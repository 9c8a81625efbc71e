"""Sanity checks of attacks on a model and its data, see :mod:`mmssl_robust.attacks.sanity`."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from mmssl_robust.attacks import Attack, Ensemble
from mmssl_robust.attacks.sanity import SanityCheck, judge
from mmssl_robust.attacks.victims import build_victim

from .batches import same_size_runs
from .progress import track


def check_attacks(
    model: nn.Module,
    batches: Iterable[dict[str, Any]],
    attacks: Mapping[str, Attack | Ensemble],
    images: int = 16,
    queries: int = 200,
    half: bool = False,
    other: nn.Module | None = None,
) -> dict[str, list[SanityCheck]]:
    """Run the checks on the first images of a data set.

    Args:
        model: What is attacked.
        batches: What the data loader gives.
        attacks: Name -> attack; of an ensemble each member that uses gradients is checked.
        images: How many images, rounded up to batches of one size.
        queries: Of Square.
        half: Also make the examples in bfloat16.
        other: Another model of the task, whose adversarial images are tried on this one.

    Returns:
        Name of the attack, or of attack and member -> its checks.
    """
    plain = {
        f'{name}/{member}' if member else name: part
        for name, attack in attacks.items()
        for member, part in getattr(attack, 'members', {'': attack}).items()
        if hasattr(part, 'step_size') or hasattr(part, 'stages')
    }
    found: dict[str, list[dict[str, torch.Tensor]]] = {name: [] for name in plain}
    seen = 0
    for batch in track(batches, f'sanity of {", ".join(plain)}'):
        batch.pop('unreadable', None)
        for part in same_size_runs(batch):
            victim = build_victim(model, part)
            rival = build_victim(other, part) if other is not None else None
            for name, attack in plain.items():
                found[name].append(victim.measured(attack, queries, half, rival))
            seen += len(victim.keys)
        if seen >= images:
            break
    return {
        name: judge({key: torch.cat([part[key] for part in parts]) for key in parts[0]})
        for name, parts in found.items()
        if parts
    }
