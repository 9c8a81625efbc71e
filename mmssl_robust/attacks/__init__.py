"""Attacks: threat model x objective x optimiser, in plain PyTorch."""

from .apgd import APGD
from .attack import Attack
from .corruption import Corruption
from .ensembles import SEA, AutoAttack, Corruptions, DepthEnsemble, EmbedEnsemble, Ensemble
from .fab import FAB
from .joint import JointAttack
from .minimal import Minimal
from .minimal_fab import MinimalFAB
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
    ObjectiveValues,
    SegPGDLoss,
    SignedDepthError,
    TargetedCrossEntropy,
    TargetedDepth,
    TargetedDLR,
    TargetedMargin,
    TaskLoss,
)
from .patch import Patch
from .pgd import FGSM, PGD
from .result import AttackResult, Perturbation
from .square import Square
from .threat_models import L0, L1, L2, Linf, ThreatModel
from .transfer import Transfer
from .transfer_pgd import TransferPGD
from .universal import Universal

__all__ = [
    'APGD',
    'Attack',
    'AttackResult',
    'AutoAttack',
    'BalancedMaskedCrossEntropy',
    'BinaryCrossEntropy',
    'Corruption',
    'Corruptions',
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
    'L0',
    'L1',
    'L2',
    'Linf',
    'Margin',
    'MaskedCrossEntropy',
    'Minimal',
    'MinimalFAB',
    'Objective',
    'ObjectiveValues',
    'PGD',
    'Patch',
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
    'TaskLoss',
    'ThreatModel',
    'Transfer',
    'TransferPGD',
    'Universal',
    'eval_mode',
    'frozen',
]
