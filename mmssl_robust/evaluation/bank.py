"""Filling the bank of a head that compares images with others: these through the model's encoder."""

from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import all_gather_object
from mmengine.registry import DefaultScope
from torch import nn
from torch.utils.data import DataLoader

from mmssl_robust.attacks.modes import eval_mode
from mmssl_robust.models.heads import FilledHead
from mmssl_robust.utils.data_check import check_class_count
from mmssl_robust.utils.data_loaders import build_dataloader
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.image_sizes import named_size_errors
from mmssl_robust.utils.progress import track
from mmssl_robust.utils.unwrapped import unwrapped

from .batches import same_size_runs
from .robust_evaluation import tolerant_dataloader


def has_bank(model: nn.Module) -> bool:
    """Whether a model's head has a bank, and so no weights."""
    return isinstance(getattr(unwrapped(model), 'head', None), FilledHead)


def bank_loader(
    model: nn.Module, cfg: Config, max_images: int | None = None, seed: int = 0, on_corrupt: str = 'fail'
) -> DataLoader[dict[str, Any]] | None:
    """Return a data loader of the images for the bank of a model's head; None if it has none.

    Args:
        model: The model.
        cfg: Its config, of which ``bank_dataloader`` says which images.
        max_images: Take this many, evenly spread.
        seed: Of the data loader's workers.
        on_corrupt: ``'fail'`` or ``'skip'`` files that cannot be read, where the head can do without.

    Raises:
        UserError: If the config names no images, or they are not there, or of other classes than the head's.
    """
    if not has_bank(model):
        return None
    head: Any = unwrapped(model).head
    if not cfg.get('bank_dataloader'):
        name = type(head).__name__
        raise UserError(f'the config has no bank_dataloader: say which images fill the bank of its {name}')
    on_corrupt = 'fail' if head.needs_all else on_corrupt
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmengine')):
        loader = build_dataloader(tolerant_dataloader(cfg.bank_dataloader, max_images, on_corrupt), seed=seed)
    check_class_count(model, loader.dataset)
    return loader


@torch.no_grad()
def fill_bank(model: nn.Module, loader: DataLoader[dict[str, Any]] | None) -> None:
    """Fill the bank of a model's head; every process must call it, and has all of the bank afterwards.

    Args:
        model: Classifier of mmpretrain, bare or wrapped by DDP.
        loader: Of :func:`bank_loader`; where it is None, nothing happens.

    Raises:
        UserError: If an image cannot be read, or lacks what the head needs of it.
    """
    if loader is None:
        return
    classifier: Any = unwrapped(model)
    rows: list[Any] = []
    with eval_mode(classifier):
        for data_batch in track(loader, 'bank'):
            for sample in data_batch.pop('unreadable'):
                if sample.fatal:
                    raise UserError(f'the bank must be whole: {sample.message}')
            for part in same_size_runs(data_batch):
                data = classifier.data_preprocessor(part, False)
                with named_size_errors(classifier, part):
                    features = classifier.extract_feat(data['inputs'])[-1]
                rows.append(classifier.head.entries(features, data['data_samples']))
    classifier.head.fill([part for process in all_gather_object(rows) for part in process])
