"""A model that learns beside frozen networks, which no checkpoint holds."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from mmengine.dist import broadcast
from mmengine.model import BaseModel, BaseModule
from torch import Tensor

from mmssl_robust.utils.pretrained import initialise


class WithReferences(BaseModel):
    """A model and its frozen references, such as a teacher.

    References move with the model and are equal in all processes, but are neither in its checkpoint nor in what
    DistributedDataParallel sees: their weights are loaded anew from where their ``init_cfg`` says.

    Args:
        data_preprocessor: ``mean``, ``std`` and ``to_rgb``; by default of type ``mmpretrain.ClsDataPreprocessor``.

    Attributes:
        references: Name -> frozen module, see :meth:`add_reference`.

    Examples:
        >>> import torch
        >>> from mmssl_robust.models.algorithms import WithReferences
        >>> from mmssl_robust.registry import MODELS
        >>> class MeanEmbedding(WithReferences):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.mean = torch.nn.Parameter(torch.zeros(192))
        ...         self.add_reference('teacher', MODELS.build(dict(type='mmssl_robust.Encoder', spec='mini')))
        ...     def forward(self, inputs, data_samples=None, mode='loss'):
        ...         return dict(loss=(self.teacher(inputs)[0] - self.mean).square().mean())
        >>> list(MeanEmbedding().state_dict())  # the teacher is in no checkpoint
        ['mean']
    """

    def __init__(self, data_preprocessor: dict[str, Any] | None = None) -> None:
        if isinstance(data_preprocessor, Mapping):
            data_preprocessor = dict(type='mmpretrain.ClsDataPreprocessor') | dict(data_preprocessor)
        super().__init__(data_preprocessor=data_preprocessor)
        self.references: dict[str, BaseModule] = {}  # in a dict, which torch does not look into

    @property
    def teacher(self) -> BaseModule:
        """The frozen encoder that is learnt from."""
        return self.references['teacher']

    def add_reference(self, name: str, module: BaseModule) -> None:
        """Keep a frozen module in eval mode."""
        module.requires_grad_(False).eval()
        self.references[name] = module

    def fingerprint(self) -> str:
        """Hash of the references, which decide what is learnt but are in no checkpoint."""
        digest = hashlib.sha256()
        for module in self.references.values():
            for key, value in sorted(module.state_dict().items()):
                digest.update(key.encode())
                digest.update(value.cpu().contiguous().flatten().view(torch.uint8).numpy())
        return digest.hexdigest()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> 'WithReferences':
        """Move or cast the references with the model."""
        for module in self.references.values():
            module._apply(fn, recurse)
        return super()._apply(fn, recurse)

    def init_weights(self) -> None:
        """Load the weights of the model and of each reference."""
        super().init_weights()
        for name, module in self.references.items():
            self.init_reference(name, module)
            for tensor in module.state_dict().values():
                broadcast(tensor)  # MMEngine does it for the model

    def init_reference(self, name: str, module: BaseModule) -> None:  # noqa: ARG002
        """Give a reference its weights."""
        initialise(module)
