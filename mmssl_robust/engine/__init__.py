"""Evaluation under attack and schedules of training: loops and hooks."""

from .attack_hook import AttackHook
from .attack_log import AttackLog
from .dino_hook import DINOHook
from .loops import AttackTestLoop, AttackValLoop
from .panel_hook import PanelHook

__all__ = ['AttackHook', 'AttackLog', 'AttackTestLoop', 'AttackValLoop', 'DINOHook', 'PanelHook']
