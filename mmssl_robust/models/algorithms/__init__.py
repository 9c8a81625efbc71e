"""Training algorithms for encoders."""

from .adversarial_batch import AdversarialBatch
from .adversarial_training import AdversarialTraining
from .cost import Cost
from .deacl import DeACL
from .dino import DINO
from .dino_head import DINOHead
from .distillation import FeatureDistillation
from .online_distillation import OnlineDistillation
from .references import WithReferences

__all__ = [
    'AdversarialBatch',
    'AdversarialTraining',
    'Cost',
    'DINO',
    'DINOHead',
    'DeACL',
    'FeatureDistillation',
    'OnlineDistillation',
    'WithReferences',
]
