"""Evaluation under attack and schedules of training: loops and hooks."""

from .attack_log import AttackLog
from .deacl_loop import DeACLTrainLoop
from .hooks import AttackHook, DINOHook, FeatureCacheHook, PanelHook, ResumeHook, SafeCheckpointHook
from .loops import AttackTestLoop, AttackValLoop
from .probe_loop import ProbeValLoop
from .probes import Probe
from .robust_evaluation import RobustEvaluation
from .seeded_train_loop import SeededTrainLoop

__all__ = [
    'AttackHook',
    'AttackLog',
    'AttackTestLoop',
    'AttackValLoop',
    'DINOHook',
    'FeatureCacheHook',
    'DeACLTrainLoop',
    'PanelHook',
    'Probe',
    'ProbeValLoop',
    'ResumeHook',
    'RobustEvaluation',
    'SafeCheckpointHook',
    'SeededTrainLoop',
]
