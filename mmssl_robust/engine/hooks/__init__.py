"""Hooks for evaluation under attack, its pictures, and DINO's schedules."""

from .attack_hook import AttackHook
from .dino_hook import DINOHook
from .panel_hook import PanelHook

__all__ = ['AttackHook', 'DINOHook', 'PanelHook']
