"""What an evaluation leaves behind: a JSON file and a table."""

import hashlib
import json
import math
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from rich.table import Table

from mmssl_robust.version import __version__

_LIBRARIES = ('torch', 'torchvision', 'timm', 'numpy', 'mmengine', 'mmcv', 'mmsegmentation', 'mmpretrain')
# What the numbers depend on; the rest of a config says where logs go and how to train.
_HASHED = ('model', 'test_dataloader', 'test_evaluator', 'test_cfg')


def write_json(report: dict[str, Any], path: str | os.PathLike) -> None:
    """Write a report whole or not at all; what is not finite becomes null.

    Args:
        report: Values that JSON knows, and numbers of NumPy and PyTorch.
        path: File to write; its folder is made.
    """
    path = Path(path)
    text = json.dumps(_plain(report), indent=2, allow_nan=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'.{path.name}.{os.getpid()}')
    try:
        partial.write_text(text + '\n')
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def metrics_table(metrics: dict[str, float], summary: dict[str, Any], title: str) -> Table:
    """Table of metrics: a row for the clean images, and one for each attack.

    Args:
        metrics: Clean metrics under their names, attacked ones as ``attack/metric``.
        summary: ``loop.summary`` of :class:`mmssl_robust.engine.AttackTestLoop`.
        title: What stands above.
    """
    attacks = summary['attacks']
    prefixes = tuple(f'{name}/' for name in attacks)
    names = [name for name in metrics if not name.startswith(prefixes)]
    table = Table(title=title)
    for heading in ('', *names, 'eps', 'steps', 'success'):
        table.add_column(heading, justify='left' if not heading else 'right')
    table.add_row('clean', *(_number(metrics[name]) for name in names), '', '', '')
    for attack, account in attacks.items():
        settings = account['settings']
        table.add_row(
            attack,
            *(_number(metrics[f'{attack}/{name}']) for name in names),
            str(settings.get('eps', '')),
            str(settings.get('steps', '')),
            f'{account["success_rate"]:.1%}',
        )
    return table


def library_versions() -> dict[str, str]:
    """Versions of Python, this package and the libraries that the numbers depend on."""
    versions = {'python': platform.python_version(), 'mmssl_robust': __version__}
    for name in _LIBRARIES:
        for distribution in (name, f'onedl-{name}'):
            try:
                versions[distribution] = metadata.version(distribution)
            except metadata.PackageNotFoundError:
                continue
    return versions


def config_hash(cfg: Config) -> str:
    """SHA-256 of the parts of a config on which the numbers depend."""
    parts = {name: cfg.get(name) for name in _HASHED}
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _number(value: Any) -> str:
    value = float(value)
    # Shares and distances need more digits than percentages.
    return f'{value:.2f}' if abs(value) >= 10 else f'{value:.4f}'


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, torch.Tensor) or hasattr(value, 'item'):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
