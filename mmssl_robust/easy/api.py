"""What Python users call: ``from mmssl_robust import evaluate, attack``."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mmssl_robust.attacks import Attack, AttackResult, Ensemble, JointLoss, eval_mode, frozen
from mmssl_robust.benchmark.options import Options
from mmssl_robust.building import build_attack
from mmssl_robust.encoders import Encoder, EncoderSpec, load_encoder
from mmssl_robust.encoders.views import every_token
from mmssl_robust.functional.tokens import select_tokens
from mmssl_robust.presets import check_names, load_preset, load_presets, preset_name
from mmssl_robust.tasks import task_named
from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.launch import init_processes

from .module_run import run_network
from .modules import outputs_of
from .plan import Plan
from .results import Results
from .runs import folder_of, run_plan

Attacks = Sequence[str | Attack | Ensemble] | Mapping[str, Any]
_DIMENSIONS = dict(classification=2, segmentation=4, depth=4)
_NOT_SETTINGS = ('encoder', 'folder', 'task', 'attacks', 'max_images')
_NAMED = (str, os.PathLike, EncoderSpec)


def evaluate(
    model: Any,
    data: Any,
    task: str | None = None,
    attacks: str | Attack | Ensemble | Attacks | None = None,
    out: str | Path | None = None,
    max_images: int | None = None,
    device: str | None = None,
    **settings: Any,
) -> Results:
    """Evaluate an encoder on a folder, or a network on batches.

    Args:
        model: An encoder's spec, see :func:`mmssl_robust.encoders.parse_spec`, for a folder. Or for batches an
            ``nn.Module`` that gives logits, label maps' logits or depth for images, which it normalises itself, or any
            other function of images, such as a model of MAITE.
        data: Path of a folder of images. Or batches, see :func:`.batches.batches_of`.
        task: ``'embedding'`` (the default for a folder; no labels), ``'classification'`` (the default for batches),
            ``'segmentation'`` or ``'depth'``.
        attacks: One or several presets by name, such as ``'pgd'``, or name -> settings to change,
            ``dict(pgd=dict(eps='4/255'))``; for a network also built attacks of :mod:`mmssl_robust.attacks`, with names
            of their own in ``dict(pgd={}, mine=attack)``. None for the task's.
        out: Folder of the records. By default one for each evaluation below ``work_dirs/evaluate``, for networks a
            temporary one, which is deleted when the process ends.
        max_images: How many images are attacked.
        device: Where to compute; by default a GPU if there is one. A network is where it is.
        **settings: Of a folder, see :class:`.plan.Plan`: ``labels``, ``bank``, ``depth_scale``, ``classes``,
            ``norm``, ``eps``, ``step_size``, ``steps``, ``restarts``, ``keep``, ``size``, ``batch_size``, ``protocol``,
            ``sanity``, ``seed``.

    Returns:
        The results.

    Raises:
        UserError: If something does not fit; says what to do.

    Examples:
        >>> import torch
        >>> from mmssl_robust import evaluate
        >>> def net(x):  # class 1 where the image is brighter than 0.5
        ...     return torch.stack([torch.full((len(x),), 0.5), x.mean(dim=(1, 2, 3))], dim=1)
        >>> images = torch.tensor([0.42, 0.52, 0.56, 0.6]).view(4, 1, 1, 1).expand(4, 3, 8, 8)
        >>> results = evaluate(net, [(images, torch.tensor([1, 1, 1, 1]))], attacks='pgd', out='records')
        >>> results.value(), results.value('pgd')  # of three that are right, one is darkened below 0.5
        (75.0, 50.0)
    """
    attacks = [attacks] if isinstance(attacks, (str, Attack, Ensemble)) else attacks
    max_images = _plain(max_images)
    if isinstance(model, _NAMED):
        if not isinstance(data, (str, os.PathLike)):
            raise UserError('an encoder by name is evaluated on a folder: give its path, or load_encoder and a network')
        _check_settings(settings)
        named = _by_name(attacks)
        settings |= {name: Path(settings[name]) for name in ('labels', 'bank') if settings.get(name) is not None}
        plan = Plan(
            str(model), Path(data), task or 'embedding', attacks=named, max_images=max_images, **_tuples(settings)
        )
        options = Options(device=device or init_processes('none'))
        return run_plan(plan, Path(out) if out else folder_of(plan), options)
    _check_network(model, data)
    if settings or device:
        given = ', '.join([*settings, *(['device'] if device else [])])
        raise UserError(
            f'{given}: of a network nothing of that is known: set it in the network, the data or the attacks'
        )
    task = task or 'classification'
    if task not in _DIMENSIONS:
        raise UserError(f'{task} is no task of a network: use one of {", ".join(_DIMENSIONS)}, or name an encoder')
    built = _built(attacks, task)
    return run_network(model, data, task, built, Path(out) if out else _passing_folder(), max_images)


def attack(
    model: Any,
    images: Tensor,
    targets: Tensor | None = None,
    attack: str | Attack | Ensemble | None = None,
    **changes: Any,
) -> AttackResult:
    """Attack a batch of images.

    Args:
        model: An encoder, or its spec, whose embedding is attacked; or a network, as for :func:`evaluate`.
        images: (B, 3, H, W) in [0, 1].
        targets: Ground truth for an attack on a prediction: classes (B,), label maps (B, H, W), depth (B, 1, H, W).
        attack: A preset by name, or a built attack; None for ``'embed'`` of an encoder, ``'pgd'`` of a network.
        **changes: Settings of the preset to change, such as ``eps='4/255'``.

    Returns:
        The attacked images and what they are worth.

    Raises:
        UserError: If something does not fit.

    Examples:
        >>> import torch
        >>> from mmssl_robust import attack
        >>> def net(x):  # class 1 where the image is brighter than 0.5
        ...     return torch.stack([torch.full((len(x),), 0.5), x.mean(dim=(1, 2, 3))], dim=1)
        >>> images = torch.tensor([0.52, 0.6]).view(2, 1, 1, 1).expand(2, 3, 8, 8)
        >>> attack(net, images, torch.tensor([1, 1]), 'pgd', eps='8/255').success  # 8/255 = 0.031 does not do for 0.6
        tensor([ True, False])
        >>> attack('mini', images, steps=2).adv.shape  # the embedding of an encoder by name
        torch.Size([2, 3, 8, 8])
    """
    images, targets = _tensors(images, targets)
    attack = attack or ('embed' if isinstance(model, (*_NAMED, Encoder)) else 'pgd')
    built = build_attack(load_preset(attack, **changes)) if isinstance(attack, str) else attack
    if changes and not isinstance(attack, str):
        raise UserError(f'{", ".join(changes)} change a preset, not a built attack: build it with other arguments')
    if built.settings.kind == 'transfer':
        raise UserError(
            f'a transfer attack is made against the encoder {built.settings.arguments["surrogate"]!r}, not against the '
            "model that is given: attack the surrogate itself, by attack='embed-transfer', and show its images"
        )
    if isinstance(model, _NAMED):
        tokens = getattr(built.objective, 'tokens', 'cls')
        model = load_encoder(model, out_type='cls_token' if tokens in ('cls', 'task') else 'featmap_cls').to(
            images.device
        )
    forward = _embedding_of(model, built) if isinstance(model, Encoder) else _network(model, targets)
    module = model if isinstance(model, nn.Module) else nn.Identity()
    with eval_mode(module), frozen(module):
        try:
            return built(forward, images, targets)
        except ValueError as error:
            raise UserError(f'{type(built.objective).__name__} does not fit: {error}') from error


def _passing_folder() -> Path:
    """A folder until the process ends: results and their pages are read from it when they are asked for."""
    folder = tempfile.mkdtemp(prefix='mmssl_robust-')
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _check_network(model: Any, data: Any) -> None:
    if not callable(model):
        raise UserError(
            f'a {type(model).__name__} is no network: give evaluate a network and batches, or an encoder by name and '
            'a folder'
        )
    if isinstance(data, (str, os.PathLike)):
        raise UserError(
            f'a network is evaluated on batches, not on the folder {data}: give a DataLoader, or name an encoder, such '
            'as FILE.py:FUNCTION'
        )


def _tensors(images: Any, targets: Any) -> tuple[Tensor, Tensor | None]:
    """Arguments of an attack as tensors."""
    if isinstance(targets, str):
        raise UserError(
            f'targets are {targets!r}: give the ground truth, and the name of an attack as attack={targets!r}'
        )
    try:
        images = torch.as_tensor(images)
        targets = None if targets is None else torch.as_tensor(targets, device=images.device)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f'images and targets have to be tensors: {first_line(error)}') from error
    if images.ndim != 4 or images.shape[1] != 3:
        raise UserError(f'images have the shape {tuple(images.shape)}: give (B, 3, H, W), channels first')
    if not images.is_floating_point() or images.numel() and not (images.min() >= 0 and images.max() <= 1):
        raise UserError('images are no numbers in [0, 1]: divide those of 0 to 255 by 255, and do not normalise them')
    return images, targets


def _by_name(attacks: Attacks | None) -> Any:
    if attacks is not None and not isinstance(attacks, Mapping) and not all(isinstance(one, str) for one in attacks):
        raise UserError(
            'a built attack is for a network: of an encoder by name give presets by name, or their settings'
        )
    return attacks


def _check_settings(settings: Mapping[str, Any]) -> None:
    known = [name for name in Plan.__dataclass_fields__ if name not in _NOT_SETTINGS]
    if unknown := ', '.join(sorted(settings.keys() - set(known))):
        raise UserError(f'evaluate has no {unknown}: use {", ".join(known)}')


def _tuples(settings: dict[str, Any]) -> dict[str, Any]:
    """Lists as tuples, a single eps as one of them, numbers of NumPy and PyTorch as Python's."""
    settings = {name: _plain(value) for name, value in settings.items()}
    eps = settings.get('eps')
    sizes = () if eps is None else (eps,) if isinstance(eps, (str, int, float)) else tuple(eps)
    settings['eps'] = tuple(str(_plain(one)) for one in sizes)
    if settings.get('classes') is not None:
        classes = settings['classes']
        settings['classes'] = (classes,) if isinstance(classes, str) else tuple(classes)
    return settings


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, (np.generic, Tensor)) and value.ndim == 0 else value


def _built(attacks: Attacks | None, task: str) -> dict[str, Attack | Ensemble]:
    """Attacks by name."""
    if attacks is None:
        attacks = [name for name in task_named(task).attacks if name != 'embed']
    if isinstance(attacks, Mapping):
        found = {name: _one_built(name, given) for name, given in attacks.items()}
    else:
        found = {}
        for one in attacks:
            name = preset_name(one) if isinstance(one, str) else type(one).__name__.lower()
            while name in found:
                name += '-2'
            found[name] = build_attack(load_preset(one)) if isinstance(one, str) else one
    check_names(found)
    return found


def _one_built(name: str, given: Any) -> Attack | Ensemble:
    """An attack of a mapping: built, or settings of a preset."""
    if isinstance(given, (Attack, Ensemble)) and isinstance(name, str):
        return given
    return build_attack(load_presets({name: given})[name])


@dataclass(frozen=True)
class _Embedding:
    """An encoder as a function of pixels (B, 3, H, W), with the tokens that an attack reads."""

    encoder: Encoder
    tokens: str

    def __call__(self, pixels: Tensor) -> Tensor:
        inputs = self.encoder.normalised(pixels)
        if self.tokens == 'every':
            return every_token(self.encoder)(inputs)
        return select_tokens(self.encoder(inputs), 'cls' if self.tokens == 'task' else self.tokens)

    def reading(self, tokens: str) -> '_Embedding':
        """The same with other tokens."""
        return replace(self, tokens=tokens)


def _embedding_of(encoder: Encoder, built: Attack | Ensemble) -> _Embedding:
    if built.objective.reads != 'embedding':
        raise UserError('an encoder has an embedding and no prediction: use embed-cls, embed-patch or embed-both')
    if isinstance(built.objective, JointLoss):
        raise UserError(f'a {type(built).__name__} needs heads: evaluate a config, or an encoder on a folder')
    return _Embedding(encoder, getattr(built.objective, 'tokens', 'cls'))


def _network(network: Any, targets: Tensor | None) -> Any:
    if targets is None:
        raise UserError('an attack on a prediction needs the ground truth: give targets')
    dimensions = {1: 2}.get(targets.ndim, 4)
    wanted = {1: 'logits (B, K)', 3: 'logits (B, K, H, W)'}.get(targets.ndim, 'depth (B, 1, H, W)')

    def forward(pixels: Tensor) -> Tensor:
        return outputs_of(network, pixels, dimensions, wanted)

    return forward
