"""A row's config as data: the parts on which its numbers depend, of types that are known to do nothing else."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

from mmssl_robust.utils.errors import UserError

_SCOPES = ('mmssl_robust', 'mmpretrain', 'mmseg', 'mmengine', 'mmcv')
KNOWN = frozenset(
    (
        # Models and what they are made of.
        *('ImageClassifier', 'EncoderDecoder', 'DepthEstimator', 'Encoder', 'DINOVisionTransformer', 'ResNet'),
        *('TIMMBackbone', 'LinearClsHead', 'MultiLabelLinearClsHead', 'KNNHead', 'RetrievalHead', 'EmbeddingHead'),
        *('StackedLinearClsHead', 'FCNHead', 'LinearBNHead', 'LinearDepthHead', 'ConvDepthHead'),
        *('GlobalAveragePooling', 'ClsAndMeanPatch', 'ClsDataPreprocessor'),
        *('SegDataPreProcessor', 'CrossEntropyLoss', 'LabelSmoothLoss', 'SigLoss', 'GradientLoss', 'Pretrained'),
        *('Normal', 'TruncNormal', 'Constant', 'Kaiming', 'Xavier', 'BN', 'BN1d', 'SyncBN', 'LN', 'GN', 'ReLU', 'GELU'),
        # Pipelines.
        *('LoadImageFromFile', 'LoadAnnotations', 'LoadDepthAnnotation', 'Resize', 'ResizeEdge', 'CenterCrop'),
        *('MapLabels', 'IgnoreLabel', 'PresentClasses', 'CheckAnnotations', 'PackInputs', 'PackSegInputs'),
        # Metrics, of which nothing but what they count is used.
        *('Accuracy', 'IoUMetric', 'DepthMetric', 'EigenCrop', 'MultiLabelMetric', 'AveragePrecision'),
        *('RetrievalMetric', 'EmbeddingMetric'),
    )
)
"""Types that a config of a submission may name. A registry of MMEngine would import whatever a dotted name says."""
_REFUSED_KEYS = (
    *('_scope_', 'custom_imports', 'backend_args', 'file_client_args', 'checkpoint_path', 'pretrained', 'out_dir'),
    *('output_dir', 'out_file_path', 'collect_dir', 'out_file'),
)
"""Arguments by which a known type would import, fetch or write something."""


def parts_of(cfg: Config) -> dict[str, Any]:
    """Take from the config of a row what the numbers depend on, but for its images.

    Raises:
        UserError: If it is made of something that no file describes.
    """
    dataset = cfg.test_dataloader.dataset
    if 'pipeline' not in dataset:
        raise UserError(f'a {dataset.get("type")} joins others: only a row on one data set can be packed')
    parts = dict(
        default_scope=cfg.get('default_scope', 'mmengine'),
        model=cfg.model,
        test_evaluator=cfg.test_evaluator,
        pipeline=dataset.pipeline,
        batch_size=cfg.test_dataloader.batch_size,
    )
    if cfg.model.get('data_preprocessor') is None and cfg.get('data_preprocessor'):
        parts['data_preprocessor'] = cfg.data_preprocessor
    if cfg.get('bank_dataloader'):
        parts['bank_pipeline'] = cfg.bank_dataloader.dataset.pipeline
    return _plain(parts)


def foreign(parts: Any) -> list[str]:
    """What in the parts of a config could run code, fetch or write something: types and arguments, each once."""
    found = dict.fromkeys([*_foreign(parts), *_hidden_specs(parts)])
    scope = parts.get('default_scope') if isinstance(parts, Mapping) else None
    return [*found, *([] if scope in _SCOPES else [f'the scope {scope!r}'])]


def config_from(parts: Mapping[str, Any], metainfo: Mapping[str, Any]) -> Config:
    """Put parts that are :func:`foreign` to nobody together again.

    Args:
        parts: Of :func:`parts_of`.
        metainfo: Of the data set.

    Raises:
        UserError: If one is missing or of another kind.
    """
    wanted: dict[str, type] = dict(model=dict, pipeline=list, batch_size=int, default_scope=str)
    wrong = [key for key, kind in wanted.items() if not isinstance(parts.get(key), kind)]
    if wrong or 'backbone' not in parts['model'] or not parts.get('test_evaluator'):
        raise UserError(f'the config of the submission lacks {", ".join(wrong) or "an encoder or a metric"}')
    dataset = dict(type='mmssl_robust.ListedDataset', metainfo=dict(metainfo), pipeline=parts['pipeline'])
    rest = {
        key: parts[key] for key in ('default_scope', 'model', 'test_evaluator', 'data_preprocessor') if key in parts
    }
    return Config(dict(rest, test_dataloader=dict(batch_size=parts['batch_size'], dataset=dataset)))


def _foreign(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, entry in value.items():
            if key in _REFUSED_KEYS and entry is not None and entry is not False:
                yield f'{key}={entry!r}'
            elif (key == 'type' or (key == 'norm_layer' and entry is not None)) and not _is_known(entry):
                yield f'{key} {entry!r}'
            else:
                yield from _foreign(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _foreign(entry)


def _hidden_specs(value: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Encoders elsewhere than where the encoder is, whose programs would be run without a question."""
    if isinstance(value, Mapping):
        for key, entry in value.items():
            if key == 'spec' and path != ('model', 'backbone'):
                yield f'{".".join(map(str, path))}.spec={entry!r}'
            yield from _hidden_specs(entry, (*path, key))
    elif isinstance(value, list):
        for place, entry in enumerate(value):
            yield from _hidden_specs(entry, (*path, str(place)))


def _is_known(kind: Any) -> bool:
    if not isinstance(kind, str):
        return False
    scope, dot, name = kind.rpartition('.')
    return name in KNOWN and (not dot or scope in _SCOPES)


def _plain(value: Any) -> Any:
    """Values as JSON has them.

    Raises:
        UserError: If something has no such form, such as a class or a function.
    """
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise UserError(f'the config holds {value!r}, which no file can: name it by a string to pack the row')
