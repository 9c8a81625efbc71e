"""Registries of the package.

Each one is a child of MMEngine's root registry, so that a config of any scope
can name ``mmssl_robust.X`` and MMEngine imports the module that defines it:
no ``custom_imports`` line is needed. Attacks and objectives know no MMEngine type and are
registered by :mod:`mmssl_robust.building`. ``ATTACKS`` and ``OBJECTIVES`` have no
counterpart in MMEngine and are roots of their own.
"""

from .utils.versions import check_mm_versions

check_mm_versions()

from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import LOOPS as MMENGINE_LOOPS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import Registry

from .utils.checkpoint import register_safe_loaders
from .utils.file_backend import register_whole_files
from .utils.formatting import remember_formatting
from .utils.partial_loads import register_noting_loader
from .utils.pretrained import register_strict_pretrained
from .utils.safe_handlers import register_safe_handlers

# Whoever builds with our registries gets our reader, also without our tools: MMEngine's would run a file's code.
register_safe_loaders()
register_safe_handlers()
# And our writer: MMEngine's leaves half a file when it is killed.
register_whole_files()
remember_formatting()
# And our loader of encoders: MMEngine's goes on with random weights where a file does not fit.
register_strict_pretrained()
# Its loader of whole models goes on likewise: what a load leaves is noted, and no loop or hook of ours attacks it.
register_noting_loader()

SCOPE = 'mmssl_robust'

MODELS = Registry(
    'model',
    parent=MMENGINE_MODELS,
    scope=SCOPE,
    locations=[
        'mmssl_robust.models.backbones',
        'mmssl_robust.models.necks',
        'mmssl_robust.models.heads',
        'mmssl_robust.models.decode_heads',
        'mmssl_robust.models.segmentors',
        'mmssl_robust.models.algorithms',
        'mmssl_robust.models.registered_losses',
        'mmssl_robust.defences',
        'mmssl_robust.encoders.encoder',
    ],
)
DATASETS = Registry('dataset', parent=MMENGINE_DATASETS, scope=SCOPE, locations=['mmssl_robust.datasets'])
TRANSFORMS = Registry('transform', parent=MMENGINE_TRANSFORMS, scope=SCOPE, locations=['mmssl_robust.datasets'])
METRICS = Registry(
    'metric',
    parent=MMENGINE_METRICS,
    scope=SCOPE,
    locations=[
        'mmssl_robust.evaluation.depth_metric',
        'mmssl_robust.evaluation.embedding_metric',
        'mmssl_robust.evaluation.iou_metric',
        'mmssl_robust.evaluation.retrieval_metric',
    ],
)
HOOKS = Registry('hook', parent=MMENGINE_HOOKS, scope=SCOPE, locations=['mmssl_robust.engine'])
LOOPS = Registry('loop', parent=MMENGINE_LOOPS, scope=SCOPE, locations=['mmssl_robust.engine'])
ATTACKS = Registry('attack', scope=SCOPE, locations=['mmssl_robust.building'])
OBJECTIVES = Registry('objective', scope=SCOPE, locations=['mmssl_robust.building'])
