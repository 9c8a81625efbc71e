"""The model inside of DistributedDataParallel."""

from mmengine.model import is_model_wrapper
from torch import nn


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the model that MMEngine has wrapped for several processes, or the model itself."""
    return model.get_submodule('module') if is_model_wrapper(model) else model
