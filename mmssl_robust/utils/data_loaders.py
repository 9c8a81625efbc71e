"""Data loaders from configs."""

from collections.abc import Mapping
from typing import Any

from mmengine.runner import Runner
from torch.utils.data import DataLoader

from .stopping import worker_init

# What PyTorch refuses of a data loader without workers.
_OF_WORKERS = ('persistent_workers', 'prefetch_factor', 'timeout', 'multiprocessing_context')


def build_dataloader(dataloader: DataLoader[Any] | Mapping[str, Any], *args: Any, **kwargs: Any) -> DataLoader[Any]:
    """Build a data loader as MMEngine does; without workers, without what only workers have; see also ``worker_init``.

    ``num_workers=0`` is what one tries first where workers fail, and the rest of a config is meant for some.

    Args:
        dataloader: Config of a data loader. A finished one is returned as it is.
        *args: As of ``Runner.build_dataloader``.
        **kwargs: Likewise.
    """
    if isinstance(dataloader, Mapping) and not dataloader.get('num_workers'):
        dataloader = {key: value for key, value in dataloader.items() if key not in _OF_WORKERS}
    built: DataLoader[Any] = Runner.build_dataloader(dataloader, *args, **kwargs)
    built.worker_init_fn = worker_init(built.worker_init_fn)
    return built
