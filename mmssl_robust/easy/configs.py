"""A config of OpenMMLab for a plan: what a person would write who knows how."""

from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmssl_robust.datasets.folders import Entry, Found, photographs
from mmssl_robust.datasets.tolerant import spread
from mmssl_robust.defences.in_config import load_defence, use_defence
from mmssl_robust.encoders import EncoderInfo, use_encoder
from mmssl_robust.utils.config_files import find_config, read_config
from mmssl_robust.utils.json_files import write_json

from .pipelines import annotations_of, dense, size_of, whole_image
from .plan import Plan

BANK = 1000
"""Images with which those without labels are compared, evenly spread, and among which those are that are attacked."""
PROBE_CLASSES = 10
"""Of the linear probes, which k-means finds in a bank."""
_MODELS = dict(
    embedding='embedding', classification='linear_classifier', segmentation='linear_segmentor', depth='linear_depther'
)
_BATCH = 32  # of training
_STEPS = 600  # of training, at least
_EPOCHS = (10, 60)


def config_of(plan: Plan, found: Found, info: EncoderInfo, lists: Path) -> Config:
    """Make the config of a plan.

    Args:
        plan: The plan.
        found: What was found in its folders.
        info: Of its encoder.
        lists: Folder for the lists of files, which are written.

    Returns:
        A config for ``tools/train.py``, ``tools/test.py`` and suites.

    Raises:
        UserError: If the encoder cannot take the images.
    """
    cfg = Config()
    cfg.default_scope = 'mmpretrain' if plan.task in ('embedding', 'classification') else 'mmseg'
    for base in ('default_runtime', f'models/{_MODELS[plan.task]}'):
        cfg.merge_from_dict(read_config(find_config(f'configs/_base_/{base}.py')).to_dict())
    cfg.merge_from_dict(_data(plan, found, size_of(plan, found, info), lists))
    if plan.task == 'classification':
        cfg.model.head.num_classes = len(found.metainfo['classes'])
    if plan.task == 'segmentation':
        cfg.model.decode_head.num_classes = len(found.metainfo['classes'])
    use_encoder(cfg, plan.encoder)
    if plan.task == 'embedding':
        cfg.model.backbone.out_type = 'featmap_cls'
        if plan.bank:
            cfg.model.head.probe_classes = PROBE_CLASSES
    else:
        cfg.merge_from_dict(_training(plan, len(found.train)))
        cfg.default_hooks.logger = dict(type='mmssl_robust.TimedLoggerHook', seconds=30)
    if plan.defence:
        use_defence(cfg, load_defence(plan.defence))
    return cfg


def _data(plan: Plan, found: Found, size: tuple[int, int], lists: Path) -> dict[str, Any]:
    if plan.task == 'embedding':
        images = _spread(found, lists / 'images.json', size)
        bank = _spread(photographs(plan.bank), lists / 'bank.json', size) if plan.bank else images
        test, bank = (_loader(plan.batch_size, dataset) for dataset in (images, bank))
        return dict(test_dataloader=test, bank_dataloader=bank) | _test('mmssl_robust.EmbeddingMetric')
    augmented = plan.protocol == 'paper'
    if plan.task == 'classification':
        pipelines = whole_image(size, augmented), whole_image(size)
        metric: dict[str, Any] = _test('Accuracy', topk=(1,))
    else:
        annotations = annotations_of(plan, found)
        pipelines = dense(size, annotations, True, augmented), dense(size, annotations, False, False)
        depth = plan.task == 'depth'
        metric = _test('mmssl_robust.DepthMetric') if depth else _test('IoUMetric', iou_metrics=['mIoU'])
    train = _listed(found, found.train, lists / 'train.json', pipelines[0])
    test = _loader(plan.batch_size, _listed(found, found.test, lists / 'test.json', pipelines[1]))
    if not augmented:  # an image is always the same
        train = dict(type='mmssl_robust.RememberingDataset', dataset=train)
    batch = min(_BATCH, len(found.train))
    return dict(train_dataloader=_loader(batch, train, shuffle=True), test_dataloader=test) | metric


def _spread(found: Found, path: Path, size: tuple[int, int]) -> dict[str, Any]:
    entries = [found.test[place] for place in spread(len(found.test), BANK)]
    return _listed(found, entries, path, whole_image(size))


def _listed(found: Found, entries: list[Entry], path: Path, pipeline: list[dict[str, Any]]) -> dict[str, Any]:
    write_json(dict(metainfo={}, data_list=entries), path)
    dataset = dict(
        type='mmssl_robust.ListedDataset',
        data_root=str(found.root),
        ann_file=str(path.resolve()),
        data_prefix=dict(found.prefixes),
        pipeline=pipeline,
    )
    return dataset | (dict(metainfo=found.metainfo) if found.metainfo else {})


def _loader(batch_size: int, dataset: dict[str, Any], shuffle: bool = False) -> dict[str, Any]:
    sampler = dict(type='DefaultSampler', shuffle=shuffle)
    return dict(batch_size=batch_size, num_workers=0, sampler=sampler, dataset=dataset)


def _test(metric: str, **settings: Any) -> dict[str, Any]:
    return dict(test_evaluator=dict(type=metric, **settings), test_cfg=dict())


def _training(plan: Plan, images: int) -> dict[str, Any]:
    """How the head is trained: on features that are computed once."""
    hooks = [dict(type='mmssl_robust.FeatureCacheHook')]
    if plan.protocol == 'paper':
        schedule = read_config(find_config(f'configs/_base_/schedules/linear_{plan.task}.py')).to_dict()
        schedule['train_cfg'].pop('val_interval', None)
        return schedule | dict(custom_hooks=hooks)
    batch = min(_BATCH, images)
    epochs = min(max(-(-_STEPS * batch // images), _EPOCHS[0]), _EPOCHS[1])
    return dict(
        train_cfg=dict(type='mmssl_robust.SeededTrainLoop', max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='AdamW', lr=2e-3, weight_decay=1e-3)),
        param_scheduler=[dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=True, convert_to_iter_based=True)],
        custom_hooks=hooks,
        # Each holds the whole encoder: a kill costs a third of a training that takes minutes.
        default_hooks=dict(checkpoint=dict(interval=-(-epochs // 3), max_keep_ckpts=1)),
    )
