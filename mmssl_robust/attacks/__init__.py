"""Attacks: threat model x objective x optimiser, in plain PyTorch."""

from .apgd import APGD
from .attack import Attack
from .ensembles import SEA, AutoAttack, DepthEnsemble, EmbedEnsemble, Ensemble
from .fab import FAB
from .joint import JointAttack
from .modes import eval_mode, frozen
from .named import DepthPGD, EmbedAttack, SegPGD
from .objectives import (
    DLR,
    BalancedMaskedCrossEntropy,
    BinaryCrossEntropy,
    CosPGDLoss,
    CrossEntropy,
    DepthAbsRel,
    DepthLoss,
    DepthRMSE,
    EmbeddingCosine,
    EmbeddingDirections,
    EmbeddingDistance,
    EmbeddingLure,
    JensenShannon,
    JointLoss,
    Margin,
    MaskedCrossEntropy,
    Objective,
    SegPGDLoss,
    SignedDepthError,
    TargetedCrossEntropy,
    TargetedDepth,
    TargetedDLR,
    TargetedMargin,
)
from .pgd import FGSM, PGD
from .result import AttackResult, Perturbation
from .square import Square
from .threat_models import L1, L2, Linf, ThreatModel

__all__ = [
    'APGD',
    'Attack',
    'AttackResult',
    'AutoAttack',
    'BalancedMaskedCrossEntropy',
    'BinaryCrossEntropy',
    'CosPGDLoss',
    'CrossEntropy',
    'DLR',
    'DepthAbsRel',
    'DepthEnsemble',
    'DepthLoss',
    'DepthPGD',
    'DepthRMSE',
    'EmbedAttack',
    'EmbedEnsemble',
    'EmbeddingCosine',
    'EmbeddingDirections',
    'EmbeddingDistance',
    'EmbeddingLure',
    'Ensemble',
    'FAB',
    'FGSM',
    'JensenShannon',
    'JointAttack',
    'JointLoss',
    'L1',
    'L2',
    'Linf',
    'Margin',
    'MaskedCrossEntropy',
    'Objective',
    'PGD',
    'Perturbation',
    'SEA',
    'SegPGD',
    'SegPGDLoss',
    'SignedDepthError',
    'Square',
    'TargetedCrossEntropy',
    'TargetedDLR',
    'TargetedDepth',
    'TargetedMargin',
    'ThreatModel',
    'eval_mode',
    'frozen',
]
