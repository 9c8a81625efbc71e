"""Evaluation under attack and schedules of training: loops and hooks."""

from .adversarial_train_loop import AdversarialTrainLoop
from .hooks import (
    AttackHook,
    DINOHook,
    FeatureCacheHook,
    OneStepHook,
    PanelHook,
    ResumeHook,
    SafeCheckpointHook,
    StopHook,
    TimedLoggerHook,
)
from .loops import AttackTestLoop, AttackValLoop
from .probe_loop import ProbeValLoop
from .seeded_train_loop import SeededTrainLoop

__all__ = [
    'AdversarialTrainLoop',
    'AttackHook',
    'AttackTestLoop',
    'AttackValLoop',
    'DINOHook',
    'FeatureCacheHook',
    'OneStepHook',
    'PanelHook',
    'ProbeValLoop',
    'ResumeHook',
    'SafeCheckpointHook',
    'SeededTrainLoop',
    'StopHook',
    'TimedLoggerHook',
]
