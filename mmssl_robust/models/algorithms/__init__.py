"""Training algorithms for encoders."""

from .adversarial_batch import AdversarialBatch
from .adversarial_training import AdversarialTraining
from .adversary import Adversary
from .cost import Cost
from .deacl import DeACL
from .dino import DINO
from .dino_head import DINOHead
from .distillation import FeatureDistillation
from .embedding import Embedding
from .fare import FARE
from .feature_trades import FeatureTRADES
from .lore import LORE
from .online_distillation import OnlineDistillation
from .references import WithReferences
from .task_aware import TaskAware
from .task_head import TaskHead
from .whitening import Whitening

__all__ = [
    'AdversarialBatch',
    'AdversarialTraining',
    'Adversary',
    'Cost',
    'DINO',
    'DINOHead',
    'DeACL',
    'Embedding',
    'FARE',
    'FeatureDistillation',
    'FeatureTRADES',
    'LORE',
    'OnlineDistillation',
    'TaskAware',
    'TaskHead',
    'Whitening',
    'WithReferences',
]
