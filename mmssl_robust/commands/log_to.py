"""Logs in other places than files, by MMEngine's back ends."""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.visualization import Visualizer

from mmssl_robust.utils.choices import LOG_TO
from mmssl_robust.utils.errors import UserError


def backends_of(names: Sequence[str]) -> list[dict[str, Any]]:
    """Configs of MMEngine's back ends.

    Args:
        names: Of :data:`~mmssl_robust.utils.choices.LOG_TO`.

    Raises:
        UserError: If a package is missing.
    """
    for name in names:
        package = LOG_TO[name][1]
        if importlib.util.find_spec(package) is None:
            raise UserError(f'--log-to {name} needs the package {package}: run `pip install {package}`')
    return [dict(type=LOG_TO[name][0]) for name in names]


def add_logs(cfg: Config, names: Sequence[str]) -> None:
    """Have a Runner log to other places too.

    Raises:
        UserError: If a package is missing.
    """
    visualizer = cfg.get('visualizer') or dict(type='mmengine.Visualizer', vis_backends=[dict(type='LocalVisBackend')])
    visualizer['vis_backends'] = [*(visualizer.get('vis_backends') or []), *backends_of(names)]
    cfg.visualizer = visualizer


class ScalarLog:
    """Logs numbers where there is no Runner.

    Args:
        names: Of :data:`~mmssl_robust.utils.choices.LOG_TO`; none logs nowhere.
        folder: For what the back ends write.

    Raises:
        UserError: If a package is missing.
    """

    def __init__(self, names: Sequence[str], folder: Path) -> None:
        self._visualizer = Visualizer(vis_backends=backends_of(names), save_dir=str(folder)) if names else None

    def add(self, numbers: Mapping[str, float]) -> None:
        """Log numbers by name."""
        if self._visualizer is not None:
            self._visualizer.add_scalars(dict(numbers))

    def close(self) -> None:
        """Write what is not yet written."""
        if self._visualizer is not None:
            self._visualizer.close()
