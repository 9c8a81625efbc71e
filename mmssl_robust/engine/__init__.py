"""Evaluation under attack and schedules of training: loops and hooks."""

from .deacl_loop import DeACLTrainLoop
from .hooks import AttackHook, DINOHook, FeatureCacheHook, PanelHook, ResumeHook, SafeCheckpointHook
from .loops import AttackTestLoop, AttackValLoop
from .probe_loop import ProbeValLoop
from .seeded_train_loop import SeededTrainLoop

__all__ = [
    'AttackHook',
    'AttackTestLoop',
    'AttackValLoop',
    'DINOHook',
    'FeatureCacheHook',
    'DeACLTrainLoop',
    'PanelHook',
    'ProbeValLoop',
    'ResumeHook',
    'SafeCheckpointHook',
    'SeededTrainLoop',
]
