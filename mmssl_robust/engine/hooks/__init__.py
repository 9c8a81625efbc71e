"""Hooks for evaluation under attack, its pictures, DINO's schedules, and checkpoints to resume from."""

from .attack_hook import AttackHook
from .checkpoint_hook import SafeCheckpointHook
from .dino_hook import DINOHook
from .feature_cache_hook import FeatureCacheHook
from .one_step_hook import OneStepHook
from .panel_hook import PanelHook
from .resume_hook import ResumeHook
from .stop_hook import StopHook
from .timed_logger_hook import TimedLoggerHook

__all__ = [
    'AttackHook',
    'DINOHook',
    'FeatureCacheHook',
    'OneStepHook',
    'PanelHook',
    'ResumeHook',
    'SafeCheckpointHook',
    'StopHook',
    'TimedLoggerHook',
]
