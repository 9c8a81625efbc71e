"""Make one perturbation for all images, which the attack `universal` adds to each of any data set."""

import mmssl_robust.utils.startup  # noqa: F401

import argparse
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from torch import nn

from mmssl_robust.attacks import Universal
from mmssl_robust.building import build_attack
from mmssl_robust.datasets.thresholds import share_thresholds
from mmssl_robust.datasets.tolerant import TolerantDataset
from mmssl_robust.evaluation.bank import bank_loader, fill_bank
from mmssl_robust.evaluation.universal_training import UniversalTraining, notes_of_training
from mmssl_robust.presets import load_preset
from mmssl_robust.utils.cli import load_config
from mmssl_robust.utils.config_errors import config_errors
from mmssl_robust.utils.config_values import check_sections
from mmssl_robust.utils.data_check import check_class_count, check_data_folders
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import check_file
from mmssl_robust.utils.given_weights import build_with_weights
from mmssl_robust.utils.perturbation_files import write_perturbation
from mmssl_robust.utils.state_dict import loaded_weights
from mmssl_robust.utils.stopping import going_on_later
from mmssl_robust.utils.terminal import console
from mmssl_robust.utils.wording import counted
from mmssl_robust.version import __version__

_SECTIONS = ('model', 'test_dataloader')
_SHARE = 4  # a step is this part of eps, where nothing else is said


def attack_of(args: argparse.Namespace, thresholds: dict[str, float]) -> Universal:
    """The attack whose perturbation is to be made."""
    changes = dict(norm=args.norm, eps=args.eps, seed=args.seed)
    found = build_attack(load_preset(args.attack, **changes))
    objective = getattr(found, 'objective', None)
    if objective is None or found.settings.members or found.kind != 'image':
        raise UserError(f'--attack {args.attack} is not one attack in a ball: name embed, pgd, segpgd or depthpgd')
    eps = found.settings.arguments['eps']
    attack = Universal(objective.told(thresholds), found.norm, eps, fit=args.fit, seed=args.seed)
    return attack


def run(args: argparse.Namespace) -> None:
    """Make the perturbation and write it."""
    MMLogger.get_instance('universal', log_level='ERROR')
    cfg = load_config(args)
    if args.out.suffix != '.safetensors':
        raise UserError(f'cannot write {args.out}: give a name that ends in .safetensors')
    check_file(args.out, '--out')
    check_sections(cfg, args.config, _SECTIONS)
    later = 'it keeps nothing before its end, start it again'
    scope = DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmengine'))
    with config_errors(cfg, args.config, _SECTIONS), going_on_later(later), scope:
        make(cfg, args)


def make(cfg: Config, args: argparse.Namespace) -> None:
    """Make the perturbation and write it, with what it was made of."""
    attack = attack_of(args, share_thresholds(cfg))
    step_size = attack.eps / _SHARE if args.step_size is None else args.step_size
    check_data_folders(cfg.test_dataloader.dataset)
    model = build_with_weights(cfg, args.config, args.checkpoint, args.cfg_options)
    dataset = TolerantDataset(cfg.test_dataloader.dataset, args.on_corrupt, args.max_images)
    check_class_count(model, dataset)
    fill_bank(model, bank_loader(model, cfg, on_corrupt=args.on_corrupt))
    delta, losses = UniversalTraining(model, dataset, attack, args.batch_size).run(args.epochs, step_size)
    notes = notes_of_training(attack, **_origin(cfg, args, model, dataset), step_size=step_size)
    eps = str(attack.settings.arguments['eps'])
    digest = write_perturbation(args.out, delta, attack.norm, eps, notes)
    console.print(f'{args.out}: {attack.norm}, eps {eps}, SHA-256 {digest}', soft_wrap=True)
    console.print(
        f'loss of {counted(len(dataset.indices), "image")}: {losses.clean:.4g} clean, {losses.noise:.4g} under random '
        f'noise of this size, {losses.universal:.4g} under the perturbation',
        soft_wrap=True,
    )


def _origin(cfg: Config, args: argparse.Namespace, model: nn.Module, dataset: TolerantDataset) -> dict[str, Any]:
    """Of what a perturbation is made, without the places of this machine."""
    weights = {f'{name}_sha256': loaded['sha256'] for name, loaded in loaded_weights(model).items()}
    data = cfg.test_dataloader.dataset
    return weights | dict(
        config=Path(args.config).name,
        data=f'{data.type} {data.get("data_prefix") or ""}'.strip(),
        images=len(dataset.indices),
        epochs=args.epochs,
        batch_size=args.batch_size,
        version=__version__,
    )
