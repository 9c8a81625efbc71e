"""Evaluating a plain network: the same walk and the same records as of a model of OpenMMLab."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from mmengine.evaluator import BaseMetric
from mmpretrain.evaluation import Accuracy
from torch import nn

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.attacks import Attack, Ensemble
from mmssl_robust.benchmark.kept_examples import KeptExamples
from mmssl_robust.benchmark.record_sink import RecordSink
from mmssl_robust.benchmark.records import RecordStore
from mmssl_robust.benchmark.row_records import store_of
from mmssl_robust.benchmark.suite import Row, Suite
from mmssl_robust.encoders.network import digest_of
from mmssl_robust.evaluation.depth_metric import DepthMetric
from mmssl_robust.evaluation.iou_metric import IoUMetric
from mmssl_robust.evaluation.summary import library_versions
from mmssl_robust.evaluation.walk import walk
from mmssl_robust.utils.errors import UserError
from mmssl_robust.version import __version__

from .batches import batches_of
from .modules import MODELS, Network, PlainInputs
from .results import Results

_EXAMPLES = 4
_METRICS: dict[str, type[BaseMetric]] = dict(classification=Accuracy, segmentation=IoUMetric, depth=DepthMetric)


def run_network(
    network: Network,
    data: Any,
    task: str,
    attacks: Mapping[str, Attack | Ensemble],
    out: Path,
    limit: int | None = None,
) -> Results:
    """Evaluate a network.

    Args:
        network: ``nn.Module``, or any function of images; it normalises them itself.
        data: See :func:`.batches.batches_of`.
        task: Likewise.
        attacks: Name -> attack.
        out: Folder of the records, where an evaluation goes on that was stopped.
        limit: Take the first so many images.

    Returns:
        The results.

    Raises:
        UserError: If network or data are of another kind, or the folder holds another evaluation.
    """
    if task not in MODELS:
        raise UserError(f'unknown task {task!r} of a network: use one of {", ".join(MODELS)}')
    name = type(network).__name__ if isinstance(network, nn.Module) else getattr(network, '__name__', 'network')
    configs = {key: attack.settings.as_dict() for key, attack in attacks.items()}
    row = Row('', task, _name_of(data), name, variant='', name=name, attacks=configs)
    store = store_of(row, out)
    Suite(out.name, f'{name}: {task}', (row,)).write(out)
    first, batches = _first(batches_of(data, task, limit=limit))
    model, metric = _model(network, task, first), _METRICS[task]()
    if isinstance(metric, IoUMetric):
        metric.dataset_meta = dict(classes=_class_names(model, first))
    info = dict(row=asdict(row), encoder=name, head=None, classes=(metric.dataset_meta or {}).get('classes'))
    store.open(_identity(network, row, limit), info | dict(environments=[dict(libraries=library_versions())]))
    store.begin(CLEAN, {})
    for key, attack in attacks.items():
        store.begin(key, configs[key], attack.settings)
    _record(model, batches, attacks, metric, store, row)
    images = store.read(CLEAN)['index'].nunique()
    store.open(_identity(network, row, limit), store.info() | dict(images=images))
    return Results(out)


def _record(
    model: nn.Module,
    batches: Iterable[dict[str, Any]],
    attacks: Mapping[str, Attack | Ensemble],
    metric: BaseMetric,
    store: RecordStore,
    row: Row,
) -> None:
    """Make what is missing, batch by batch."""
    names = [name for name in (CLEAN, *attacks) if not store.is_finished(name)]
    done = {name: store.done(name) for name in names}
    galleries = {name: KeptExamples(store.folder / 'examples' / name, _EXAMPLES) for name in names if name != CLEAN}
    sink = RecordSink(row.task_object, metric, Path(), galleries)
    unit = -1
    for unit, batch in enumerate(batches):
        missing = [name for name in names if unit not in done[name]]
        for run in walk(model, batch, {name: attacks[name] for name in missing if name != CLEAN}) if missing else ():
            sink.add(run)
            if run.completes:
                records = sink.take()
                if run.name in missing:
                    store.add(run.name, unit, records)
    for name in names:
        store.finish(name, unit + 1)


def _model(network: Network, task: str, batch: dict[str, Any]) -> nn.Module:
    parameter = next(iter(network.parameters()), None) if isinstance(network, nn.Module) else None
    device = parameter.device if parameter is not None else torch.device('cpu')
    image = batch['inputs'][0]
    low, high = float(image.min()), float(image.max())
    if image.is_floating_point() and not 0 <= low <= high <= 1:
        raise UserError(
            f'pixels lie in [{low:.4g}, {high:.4g}]: give images in [0, 1], or integers of 0 to 255, and let the '
            'network normalise them'
        )
    model: nn.Module = MODELS[task](network, PlainInputs(1.0 if image.is_floating_point() else 255.0, device))
    return model.eval()


@torch.no_grad()
def _class_names(model: Any, batch: dict[str, Any]) -> list[str]:
    """As many names as a segmentor has outputs."""
    data = model.data_preprocessor(dict(inputs=batch['inputs'][:1], data_samples=batch['data_samples'][:1]))
    return [f'class {label}' for label in range(model.inference(data['inputs'], []).shape[1])]


def _first(batches: Iterable[dict[str, Any]]) -> tuple[dict[str, Any], Iterable[dict[str, Any]]]:
    iterator = iter(batches)
    first = next(iterator, None)
    if first is None:
        raise UserError('the data hold no image')
    return first, itertools.chain([first], iterator)


def _identity(network: Network, row: Row, limit: int | None) -> dict[str, Any]:
    digest = digest_of(network.state_dict()) if isinstance(network, nn.Module) else None
    return dict(network=row.encoder, weights_sha256=digest, data=row.data, images=limit, version=__version__)


def _name_of(data: Any) -> str:
    inner = getattr(data, 'dataset', data)
    while hasattr(inner, 'dataset'):  # such as a Subset
        inner = inner.dataset
    known = (getattr(inner, 'metadata', None) or {}) if not isinstance(inner, (list, tuple)) else {}
    return str(known['id']) if isinstance(known, Mapping) and known.get('id') else type(inner).__name__
