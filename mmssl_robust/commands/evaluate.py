"""Attack an encoder on a folder of your images, without a config; say --task where there are labels."""

import mmssl_robust.utils.startup  # noqa: F401

import argparse
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.logging import MMLogger

from mmssl_robust.benchmark.options import Options
from mmssl_robust.easy.plan import Plan
from mmssl_robust.easy.runs import CONFIG_FILE, folder_of, run_plan
from mmssl_robust.utils.files import check_file, check_folder, whole_file
from mmssl_robust.utils.launch import init_processes, leave_process_group
from mmssl_robust.utils.stopping import going_on_later
from mmssl_robust.utils.terminal import console


def plan_of(args: argparse.Namespace, encoder: str, folder: Path) -> Plan:
    """What the arguments ask for."""
    return Plan(
        encoder=encoder,
        folder=folder,
        task=args.task,
        labels=args.labels,
        depth_scale=args.depth_scale,
        classes=tuple(args.classes) if args.classes else None,
        ignore=args.ignore,
        bank=args.bank,
        attacks=tuple(args.attack) if args.attack else None,
        eps=tuple(args.eps or ()),
        steps=args.steps,
        max_images=args.max_images,
        size=args.size,
        batch_size=args.batch_size,
        protocol=args.protocol,
        sanity=args.sanity,
        seed=args.seed,
        defence=args.defence,
        norm=args.norm,
        step_size=args.step_size,
        restarts=args.restarts,
        keep=args.keep,
    )


def run(args: argparse.Namespace) -> None:
    """Evaluate, print the table, write the page.

    Raises:
        UserError: If something does not fit; says what to do.
    """
    # MMEngine would tell of each metric that it has no prefix.
    MMLogger.get_instance('evaluate', log_level='ERROR')
    plan = plan_of(args, args.encoder, args.folder)
    out = args.out or folder_of(plan)
    check_folder(out, '--out')
    if args.save_config:
        check_file(args.save_config, '--save-config')
    options = Options(on_corrupt=args.on_corrupt, device=init_processes(args.launcher))
    main = is_main_process()
    try:
        with going_on_later():
            command = getattr(args, 'command_line', '')
            results = run_plan(plan, out, options, args.launcher, command, say)
            leave_process_group()
    finally:
        if main and args.save_config and (out / CONFIG_FILE).is_file():
            with whole_file(args.save_config) as partial:
                partial.write_text((out / CONFIG_FILE).read_text())
    if not main:
        return
    for table in results.shown():
        console.print(table)
    if not args.no_report:
        say(f'Report: {results.report()}')


def say(note: str) -> None:
    """Print a line of the text, of several processes in one."""
    if is_main_process():
        console.print(note, soft_wrap=True, markup=False)
