"""From a plan to a suite of one row, run as any other."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config

from mmssl_robust.benchmark.options import Options
from mmssl_robust.benchmark.run import SuiteRun
from mmssl_robust.benchmark.suite import Row, Suite
from mmssl_robust.datasets.folders import Found
from mmssl_robust.encoders import info_of
from mmssl_robust.encoders.short_names import short_name
from mmssl_robust.tasks import task_named
from mmssl_robust.utils.files import whole_file
from mmssl_robust.utils.slug import slug

from .configs import config_of
from .defaults import IMAGES
from .plan import Plan
from .results import Results

CONFIG_FILE = 'config.py'
_SAY_NOTHING = ('images', 'image', 'img', 'imgs', 'test', 'val', 'data')

Say = Callable[[str], object]


def folder_of(plan: Plan) -> Path:
    """Where an evaluation goes if nobody says: the same one goes on, another begins anew."""
    digest = hashlib.sha256(plan.identity.encode()).hexdigest()[:6]
    return Path('work_dirs/evaluate') / '-'.join(
        (plan.task, slug(short_name(plan.encoder)), slug(name_of(plan.folder)), digest)
    )


def name_of(folder: Path) -> str:
    """What to call the images of a folder: by its name, or the one above where that says nothing."""
    folder = folder.resolve()
    return folder.parent.name if folder.name.lower() in _SAY_NOTHING and folder.parent.name else folder.name


def run_plan(
    plan: Plan, out: Path, options: Options, launcher: str = 'none', command: str = '', say: Say | None = None
) -> Results:
    """Evaluate, or go on where an evaluation was stopped.

    Args:
        plan: What to evaluate.
        out: Folder of config, lists of files, head, records.
        options: How.
        launcher: As for ``tools/train.py``.
        command: What was typed.
        say: Is told how the folders were understood.

    Returns:
        The results.

    Raises:
        UserError: If the encoder or the data cannot be used, or the folder holds another evaluation.
    """
    row = row_of(plan, out, say)
    suite = Suite(out.name, f'{row.encoder} on {row.data}: {plan.task}', (row,), command=command)
    run = SuiteRun(suite, out, out / 'heads', options, launcher)
    run.check()
    run.run()
    return Results(out)


def row_of(plan: Plan, out: Path, say: Say | None = None) -> Row:
    """Write the config of a plan and its lists of files, and make a row of a suite of it.

    Args:
        plan: What to evaluate.
        out: Folder of config and lists.
        say: Is told how the folders were understood.

    Raises:
        UserError: If the encoder or the data cannot be used.
    """
    attacks, sweeps = plan.variants()
    name = short_name(plan.encoder)
    info = info_of(plan.encoder)
    found = plan.find()
    cfg = config_of(plan, found, info, out / 'lists')
    save_config(cfg, out / CONFIG_FILE)
    images = min(plan.max_images or IMAGES[plan.task], len(found.test))
    for note in (*found.notes, _of_images(images, found)):
        if say:
            say(note)
    return Row(
        config=str(out / CONFIG_FILE),
        task=plan.task,
        data=name_of(plan.folder),
        encoder=name,
        variant='',
        name=slug(name),
        max_images=images,
        sanity_images=task_named(plan.task).sanity_images if plan.sanity else 0,
        attacks=attacks,
        sweeps=sweeps,
    )


def save_config(cfg: Config, path: Path) -> None:
    """Write a config, whole or not at all; one that says the same stays as it is."""
    text = cfg.pretty_text + '\n'
    if not path.is_file() or path.read_text(errors='replace') != text:
        with whole_file(path) as partial:
            partial.write_text(text)


def _of_images(images: int, found: Found) -> str:
    total = len(found.test)
    return (
        f'{images} of {total} images are attacked (--max-images for more)'
        if images < total
        else f'all {total} images are attacked'
    )
