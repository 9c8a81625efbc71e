"""Data loaders from configs."""

import tempfile
from collections.abc import Mapping
from typing import Any

from mmengine.runner import Runner
from torch.utils.data import DataLoader

from .errors import UserError
from .stopping import worker_init

# What PyTorch refuses of a data loader without workers.
_OF_WORKERS = ('persistent_workers', 'prefetch_factor', 'timeout', 'multiprocessing_context')

_LONGEST = 75  # letters of the folder for temporary files, in which workers hand tensors over by sockets


def build_dataloader(dataloader: DataLoader[Any] | Mapping[str, Any], *args: Any, **kwargs: Any) -> DataLoader[Any]:
    """Build a data loader as MMEngine does; without workers, without what only workers have; see also ``worker_init``.

    ``num_workers=0`` is what one tries first where workers fail, and the rest of a config is meant for some.

    Args:
        dataloader: Config of a data loader. A finished one is returned as it is.
        *args: As of ``Runner.build_dataloader``.
        **kwargs: Likewise.

    Raises:
        UserError: If workers could hand nothing over, and all would wait for ever.
    """
    if isinstance(dataloader, Mapping) and not dataloader.get('num_workers'):
        dataloader = {key: value for key, value in dataloader.items() if key not in _OF_WORKERS}
    elif len(tempfile.gettempdir()) > _LONGEST:
        raise UserError(
            f'the path {tempfile.gettempdir()} is too long for what workers of data loaders put there: set TMPDIR to a '
            f'shorter one, of at most {_LONGEST} letters, or num_workers=0'
        )
    built: DataLoader[Any] = Runner.build_dataloader(dataloader, *args, **kwargs)
    built.worker_init_fn = worker_init(built.worker_init_fn)
    return built
