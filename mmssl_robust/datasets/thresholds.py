"""One word in a config for what counts in its ground truth, spread to all that need it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope, Registry

from mmssl_robust.attacks import Attack, Ensemble
from mmssl_robust.attacks.arguments import arguments_of
from mmssl_robust.registry import DATASETS, METRICS, MODELS, TRANSFORMS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.thresholds import USUAL_THRESHOLDS, check_depth_range

Statement = tuple[str, str, float]
"""Name of a threshold, where it is said, and the value."""

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_EVALUATORS = ('val_evaluator', 'test_evaluator')
_HEADS = ('decode_head', 'auxiliary_head')


def share_thresholds(cfg: Config) -> dict[str, float]:
    """Tell data sets, transforms, head, losses and metrics of a config what one of them says of what counts.

    The owner is the data set: ``metainfo = dict(max_depth=80.0)`` in its config, or its class's ``METAINFO``. Whoever
    sets a threshold elsewhere, such as ``decode_head.max_depth`` or ``test_evaluator.ignore_index``, means the same
    one. Nothing is written where the usual ones hold, so that such a config stays as it is.

    Args:
        cfg: Config of a task; changed in place.

    Returns:
        Name -> value of all thresholds.

    Raises:
        UserError: If two places differ.
    """
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope') or 'mmengine'):
        found: dict[str, tuple[str, float]] = {}
        for name, place, value in _statements(cfg):
            first, known = found.setdefault(name, (place, value))
            if known != value:
                raise UserError(
                    f"{first} says {name}={known:g}, {place} {value:g}: set it once, in the data set's metainfo"
                )
        told = {name: value for name, (_, value) in found.items()}
        thresholds = USUAL_THRESHOLDS | told
        _check_class_count(cfg, told)
        check_depth_range(thresholds['min_depth'], thresholds['max_depth'])
        _tell(cfg, {name: value for name, value in told.items() if value != USUAL_THRESHOLDS[name]})
    return thresholds


def tell_attacks(
    attacks: Mapping[str, Attack | Ensemble], thresholds: Mapping[str, float]
) -> dict[str, Attack | Ensemble]:
    """Return attacks that know what counts.

    Args:
        attacks: Name -> attack.
        thresholds: Of the data.

    Raises:
        UserError: If one was built with another threshold; names it.
    """
    told = {}
    for name, attack in attacks.items():
        try:
            told[name] = attack.told(thresholds)
        except UserError as error:
            raise UserError(f'attack {name!r}: {error}') from error
    return told


def _check_class_count(cfg: Config, told: Mapping[str, float]) -> None:
    """Refuse to leave out pixels of a class because nobody said which label does not count."""
    heads = _each((cfg.get('model') or {}).get('decode_head'))
    classes = max((head.get('num_classes', 0) for head in heads), default=0)
    usual = int(USUAL_THRESHOLDS['ignore_index'])
    if classes > usual and 'ignore_index' not in told:
        raise UserError(
            f'of {classes} classes, {usual} is one, and yet the label that does not count: set another, such as '
            f'metainfo=dict(ignore_index={classes}) of the data sets'
        )


def _statements(cfg: Config) -> Iterator[Statement]:
    for loader in _LOADERS:
        for place, dataset in _data_sets((cfg.get(loader) or {}).get('dataset'), f'{loader}.dataset'):
            yield from _of_data_set(dataset, place)
    for name in _HEADS:
        yield from _of_all((cfg.get('model') or {}).get(name), f'model.{name}')
    for name in _EVALUATORS:
        yield from _of_all(cfg.get(name), name)


def _of_data_set(dataset: Mapping[str, Any], place: str) -> Iterator[Statement]:
    meta = dict(getattr(_class(DATASETS, dataset), 'METAINFO', {})) | dict(dataset.get('metainfo') or {})
    yield from _of(meta, f'{place}.metainfo')
    yield from _of(dataset, place)
    yield from _of_all(dataset.get('pipeline'), f'{place}.pipeline')


def _of_all(part: Any, place: str) -> Iterator[Statement]:
    """What is said in a config and all configs in it."""
    if isinstance(part, Mapping):
        yield from _of(part, place)
        for key, value in part.items():
            yield from _of_all(value, f'{place}.{key}')
    elif isinstance(part, Sequence) and not isinstance(part, str):
        for number, value in enumerate(part):
            yield from _of_all(value, f'{place}.{number}')


def _of(part: Mapping[str, Any], place: str) -> Iterator[Statement]:
    for name in USUAL_THRESHOLDS:
        if isinstance(part.get(name), (int, float)):
            yield name, f'{place}.{name}', part[name]
    if part.get('reduce_zero_label'):  # by which MMSegmentation turns label 0 into 255
        yield 'ignore_index', f'{place}.reduce_zero_label', 255


def _tell(cfg: Config, told: Mapping[str, float]) -> None:
    for loader in _LOADERS if told else ():
        for _, dataset in _data_sets((cfg.get(loader) or {}).get('dataset'), loader):
            if 'metainfo' in arguments_of(_class(DATASETS, dataset)):
                dataset['metainfo'] = dict(dataset.get('metainfo') or {}) | dict(told)
            for transform in _all_of(dataset.get('pipeline')):
                _tell_part(transform, TRANSFORMS, told)
    for evaluator in _EVALUATORS if told else ():
        for metric in _all_of(cfg.get(evaluator)):
            _tell_part(metric, METRICS, told)
    model = cfg.get('model') or {}
    for name in _HEADS if told else ():
        for head in _each(model.get(name)):
            _tell_part(head, MODELS, told)
            for loss in _each(head.get('loss_decode')):
                _tell_part(loss, MODELS, told)
    if isinstance(model.get('data_preprocessor'), Mapping):
        _tell_part(model['data_preprocessor'], MODELS, told)


def _tell_part(part: Any, registry: Registry, told: Mapping[str, float]) -> None:
    """Give a config the thresholds that its class takes as arguments."""
    known = arguments_of(_class(registry, part)) if isinstance(part, Mapping) else ()
    part.update({name: value for name, value in told.items() if name in known})
    if 'ignore_index' not in told:
        return
    if 'seg_pad_val' in (*known, *part):  # what is padded does not count
        part['seg_pad_val'] = told['ignore_index']
    elif isinstance(part.get('pad_val'), Mapping) and 'seg' in part['pad_val']:
        part['pad_val']['seg'] = told['ignore_index']


def _each(parts: Any) -> Sequence[Any]:
    """Configs of which there may be none, one by itself or several."""
    return [parts] if isinstance(parts, Mapping) and parts else parts or ()


def _all_of(part: Any) -> Iterator[Any]:
    """A config, or several, and those within, such as the transforms of which one is chosen."""
    if isinstance(part, Mapping):
        yield part
        part = list(part.values())
    if isinstance(part, Sequence) and not isinstance(part, str):
        for value in part:
            yield from _all_of(value)


def _data_sets(dataset: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Where each data set in wrappers is, and its config; a wrapper too if it has a pipeline of its own."""
    inner = [('dataset', dataset.get('dataset')), *_numbered(dataset.get('datasets'))] if dataset else []
    inner = [(name, part) for name, part in inner if isinstance(part, Mapping)]
    for name, part in inner:
        yield from _data_sets(part, f'{place}.{name}')
    if dataset and (not inner or dataset.get('pipeline')):
        yield place, dataset


def _numbered(datasets: Any) -> list[tuple[str, Any]]:
    return [(f'datasets.{number}', part) for number, part in enumerate(datasets or ())]


def _class(registry: Registry, part: Mapping[str, Any]) -> type:
    """The class that a config names, whatever scope it is in; ``object`` where nothing is known of it."""
    kind = part.get('type')
    if isinstance(kind, str):
        with registry.switch_scope_and_registry(None) as own:
            kind = own.get(kind)
    return kind if isinstance(kind, type) else object
