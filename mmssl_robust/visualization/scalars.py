"""What MMEngine logged during a training, read from the run's folder."""

import json
from pathlib import Path
from typing import Any

from mmssl_robust.utils.errors import UserError


def scalar_logs(work_dir: Path) -> list[Path]:
    """The log of each start of a run, the first one first.

    Raises:
        UserError: If there is no such folder.
    """
    if not work_dir.is_dir():
        raise UserError(f'no such folder: {work_dir}')
    return sorted(work_dir.glob('*/vis_data/scalars.json'), key=lambda log: log.parts[-3])


def scalars_in(log: Path) -> list[dict[str, Any]]:
    """The lines of a log, but for one that was torn when the run was killed.

    Raises:
        UserError: If it cannot be read.
    """
    try:
        text = log.read_text(encoding='utf-8', errors='replace')
    except OSError as error:
        raise UserError(f'cannot read {log}: {error.strerror}') from error
    lines = []
    for line in text.splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            continue
    return [line for line in lines if isinstance(line, dict)]


def training_passes(work_dir: Path) -> float:
    """How many forwards and backwards of single images an adversarial training took; 0 if it logged none.

    Of an epoch that several starts trained the last one counts.

    Raises:
        UserError: If there is no such folder.
    """
    passes: dict[int, float] = {}
    for log in scalar_logs(work_dir):
        for line in scalars_in(log):
            cost = [line.get(f'cost/{kind}') for kind in ('forwards', 'backwards')]
            if isinstance(line.get('step'), int) and all(isinstance(value, (int, float)) for value in cost):
                passes[line['step']] = sum(cost)  # type: ignore[arg-type]
    return sum(passes.values())
