"""Evaluate a model on clean and on adversarial images."""

import mmssl_robust.utils.startup  # noqa: F401

import argparse
import copy
import time
from typing import Any

import torch
from mmengine.config import Config, ConfigDict
from mmengine.dist import is_main_process
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from rich.box import SIMPLE
from rich.table import Table
from torch import nn

from mmssl_robust.building import build_attack
from mmssl_robust.datasets.thresholds import share_thresholds, tell_attacks
from mmssl_robust.defences.in_config import load_defence, use_defence
from mmssl_robust.evaluation.bank import bank_loader, fill_bank
from mmssl_robust.evaluation.sanity_checks import check_on_few
from mmssl_robust.evaluation.summary import config_hash, library_versions, metrics_table
from mmssl_robust.evaluation.tta import use_tta
from mmssl_robust.presets import changed_all, load_preset, preset_name
from mmssl_robust.targeted import targeted
from mmssl_robust.utils.checkpoint import local_path
from mmssl_robust.utils.checkpoint_layouts import State
from mmssl_robust.utils.cli import (
    build_runner,
    load_config,
)
from mmssl_robust.utils.config_errors import config_errors
from mmssl_robust.utils.config_values import TEST_SECTIONS, check_sections
from mmssl_robust.utils.data_check import check_class_count
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import check_file, check_folder, sha256
from mmssl_robust.utils.given_weights import load_given
from mmssl_robust.utils.json_files import write_json
from mmssl_robust.utils.launch import PATIENCE, leave_process_group
from mmssl_robust.utils.quiet import hush_terminal
from mmssl_robust.utils.state_dict import check_needs_none, loaded_weights, read_weights
from mmssl_robust.utils.stopping import going_on_later
from mmssl_robust.utils.terminal import console
from mmssl_robust.utils.unwrapped import unwrapped
from mmssl_robust.utils.wording import counted

from .log_to import add_logs

SCHEMA_VERSION = 1
"""Of what --out writes."""
# Attack settings that the command line can change.
_LATER = '`test` keeps nothing before its end, start it again; `evaluate` and `benchmark` keep each batch'
SETTINGS = (
    *('norm', 'eps', 'step_size', 'steps', 'queries', 'restarts', 'eot_samples', 'keep', 'active', 'seed'),
    *('surrogate', 'perturbation', 'severity'),
)


def chosen_attacks(args: argparse.Namespace, cfg: Config, thresholds: dict[str, float]) -> dict[str, dict[str, Any]]:
    """Attacks by name, with the settings of the command line, checked, also against what counts in the data."""
    changes = {name: getattr(args, name) for name in SETTINGS if getattr(args, name) is not None}
    if args.attack:
        attacks = {preset_name(name): load_preset(name) for name in args.attack}
    else:
        attacks = {
            name: attack.to_dict() for name, attack in ((cfg.get('test_cfg') or {}).get('attacks') or {}).items()
        }
    if not attacks and (changes or args.show_dir or args.sanity or args.targeted is not None):
        raise UserError('there is no attack to change, to show or to check: add --attack')
    attacks = changed_all(attacks, changes)
    if args.targeted is not None:
        attacks = {name: targeted(attack, args.targeted or None) for name, attack in attacks.items()}
    tell_attacks({name: build_attack(attack) for name, attack in attacks.items()}, thresholds)
    return attacks


def prepare(cfg: Config, args: argparse.Namespace) -> None:
    """Put what the command line says into the config."""
    if args.tta:
        use_tta(cfg)
    if args.no_bpda and not args.defence:
        raise UserError('--no-bpda is for a defence: add --defence')
    if args.defence:
        use_defence(cfg, load_defence(args.defence), bpda=not args.no_bpda)
    cfg.env_cfg = cfg.get('env_cfg') or {}
    cfg.env_cfg.dist_cfg = dict(timeout=PATIENCE) | (cfg.env_cfg.get('dist_cfg') or {})
    if args.sanity_other and not args.sanity:
        raise UserError('--sanity-other is for the checks: add --sanity')
    if args.sanity_other and not local_path(args.sanity_other).is_file():
        raise UserError(f'--sanity-other {args.sanity_other} not found: give the path or URL of an encoder')
    cfg.test_cfg = dict(
        type='mmssl_robust.AttackTestLoop',
        attacks=chosen_attacks(args, cfg, share_thresholds(cfg)),
        precision=args.precision,
        attack_memory=args.attack_memory,
        max_images=args.max_images,
        on_corrupt=args.on_corrupt,
    )
    if args.batch_size is not None:
        cfg.test_dataloader.batch_size = args.batch_size
    if args.out:
        check_file(args.out, '--out')
    if args.show_dir:
        check_folder(args.show_dir, '--show-dir')
        hook = dict(type='mmssl_robust.PanelHook', out_dir=args.show_dir, max_images=args.show_images)
        cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), hook]
    if args.log_to:
        add_logs(cfg, args.log_to)
    cfg.load_from, cfg.resume = None, False


def encoder_of(cfg: Config, model: nn.Module) -> dict[str, str]:
    """Where the config takes the encoder from, which a head alone leaves open."""
    loaded = getattr(model.backbone, 'loaded_weights', None)
    if cfg.model.backbone.get('spec') and loaded:  # of an encoder by name
        return dict(encoder=cfg.model.backbone.spec, encoder_sha256=loaded.sha256)
    source = (cfg.model.backbone.get('init_cfg') or {}).get('checkpoint')
    if not source:
        return {}
    path = local_path(source)
    return dict(encoder=source, encoder_sha256=sha256(path)) if path.is_file() else {}


def defence_of(cfg: Config) -> dict[str, Any]:
    """What stands before the model, if something does."""
    settings = cfg.model.get('data_preprocessor') or {}
    defence = settings.get('defence')
    return dict(defence=dict(defence, bpda=settings.get('bpda', True))) if defence else {}


def report_of(args: argparse.Namespace, runner: Runner, metrics: dict[str, float], seconds: float) -> dict[str, Any]:
    """Everything that one needs to compare or repeat the numbers."""
    cfg, loop, model = runner.cfg, runner.test_loop, unwrapped(runner.model)
    return dict(
        schema_version=SCHEMA_VERSION,
        metrics=metrics,
        **loop.summary,
        seconds=seconds,
        seed=runner.seed,
        batch_size=cfg.test_dataloader.batch_size,
        processes=runner.world_size,
        device=torch.cuda.get_device_name() if torch.cuda.is_available() else 'cpu',
        config=args.config,
        config_hash=config_hash(cfg),
        checkpoint=args.checkpoint or None,
        checkpoint_sha256=sha256(local_path(args.checkpoint)) if args.checkpoint else None,
        **encoder_of(cfg, model),
        weights=loaded_weights(model),
        **defence_of(cfg),
        **(dict(tta=dict(scales=model.scales, flips=model.flips)) if args.tta else {}),
        libraries=library_versions(),
    )


def sanity_of(
    args: argparse.Namespace, runner: Runner, model: nn.Module, backbone: ConfigDict
) -> dict[str, list[dict[str, Any]]]:
    """Check the attacks; every process must call it."""
    loop = runner.test_loop
    with DefaultScope.overwrite_default_scope(runner.cfg.get('default_scope', 'mmengine')):
        return check_on_few(
            model,
            loop.dataloader.dataset,
            loop.evaluation.attacks,
            args.sanity_images,
            batch_size=runner.cfg.test_dataloader.batch_size,
            other=(backbone, args.sanity_other) if args.sanity_other else None,
            attack_memory=loop.evaluation.memory,
        )


def show_sanity(found: dict[str, list[dict[str, Any]]], images: int) -> None:
    """Print what :func:`sanity_of` returned."""
    table = Table(title=f'Is it believable? On {counted(images, "image")}', box=SIMPLE)
    for column in ('attack', 'check', '', 'figures'):
        table.add_column(column)
    for name, checks in found.items():
        for check in checks:
            table.add_row(name, check['name'], 'pass' if check['passed'] else 'WARNING', check['figures'])
    console.print(table)


def show(args: argparse.Namespace, report: dict[str, Any]) -> None:
    """Print the report, and write it if it is wanted."""
    title = f'{args.config}, {counted(report["images"], "image")}'
    console.print(metrics_table(report['metrics'], report, title))
    if report['skipped']:
        console.print(f'{counted(len(report["skipped"]), "image")} skipped, the first: {report["skipped"][0]}')


def run(args: argparse.Namespace) -> None:
    """Evaluate, show the results and write them."""
    MMLogger.get_instance('test', log_level='ERROR')  # until the runner has one
    cfg = load_config(args)
    check_sections(cfg, args.config)
    with config_errors(cfg, args.config, TEST_SECTIONS), going_on_later(_LATER):
        evaluate(cfg, args)
    leave_process_group()


def evaluate(cfg: Config, args: argparse.Namespace) -> None:
    """Evaluate as the command line says, show the results and write them."""
    prepare(cfg, args)
    weights = read_weights(args.checkpoint, args.weights) if args.checkpoint else State({})
    backbone = copy.deepcopy(cfg.model.backbone)  # OpenMMLab's builders take their arguments out of the config
    runner = build_runner(cfg, ('test_dataloader', 'bank_dataloader'))
    hush_terminal(runner.logger, progress=False)  # of which the bar and the table tell
    model = unwrapped(runner.model)
    if not args.checkpoint:
        check_needs_none(model, args.config)
    load_given(model, weights, args.checkpoint or '', cfg, args.cfg_options)
    check_class_count(model, runner.test_loop.dataloader.dataset)
    fill_bank(model, bank_loader(model, cfg, seed=runner.seed, on_corrupt=args.on_corrupt))
    start = time.monotonic()
    metrics = runner.test()
    seconds = time.monotonic() - start
    sanity = sanity_of(args, runner, model, backbone) if args.sanity else None
    if is_main_process():
        runner.visualizer.add_scalars(metrics)
        report = report_of(args, runner, metrics, seconds)
        show(args, report)
        if sanity is not None:
            show_sanity(sanity, min(args.sanity_images, report['images']))
            report['sanity'] = sanity
        if args.out:
            write_json(report, args.out)
