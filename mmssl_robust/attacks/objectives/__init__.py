"""What an attacker maximises, one idea a file."""

from .base import Forward, Objective, ObjectiveValues
from .cospgd import CosPGDLoss
from .cross_entropy import CrossEntropy
from .depth_directions import SignedDepthError
from .depth_errors import DepthAbsRel, DepthRMSE
from .depth_loss import DepthLoss
from .embedding import EmbeddingCosine, EmbeddingDistance
from .embedding_directions import EmbeddingDirections
from .embedding_lure import EmbeddingLure
from .jensen_shannon import JensenShannon
from .joint import JointLoss
from .margin import DLR, Margin, TargetedDLR, TargetedMargin
from .masked_cross_entropy import BalancedMaskedCrossEntropy, MaskedCrossEntropy
from .multi_label import BinaryCrossEntropy
from .segpgd import SegPGDLoss
from .targeted import TargetedCrossEntropy
from .targeted_depth import TargetedDepth
from .task_loss import TaskLoss

__all__ = [
    'BalancedMaskedCrossEntropy',
    'BinaryCrossEntropy',
    'CosPGDLoss',
    'CrossEntropy',
    'DLR',
    'DepthAbsRel',
    'DepthLoss',
    'DepthRMSE',
    'EmbeddingCosine',
    'EmbeddingDirections',
    'EmbeddingDistance',
    'EmbeddingLure',
    'Forward',
    'JensenShannon',
    'JointLoss',
    'ObjectiveValues',
    'Margin',
    'MaskedCrossEntropy',
    'Objective',
    'SegPGDLoss',
    'SignedDepthError',
    'TargetedCrossEntropy',
    'TargetedDLR',
    'TargetedDepth',
    'TargetedMargin',
    'TaskLoss',
]
