"""Evaluation under attack and schedules of training: loops and hooks."""

from .attack_log import AttackLog
from .hooks import AttackHook, DINOHook, PanelHook
from .loops import AttackTestLoop, AttackValLoop

__all__ = ['AttackHook', 'AttackLog', 'AttackTestLoop', 'AttackValLoop', 'DINOHook', 'PanelHook']
