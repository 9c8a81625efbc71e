"""Training a head without computing the features of its frozen encoder anew in every epoch."""

import re
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmssl_robust.models.backbones.feature_cache import FeatureCache, why_not_frozen
from mmssl_robust.registry import HOOKS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.unwrapped import unwrapped

_UNITS = {'': 1, 'K': 2**10, 'M': 2**20, 'G': 2**30}
_MOST = 2**60  # more than any machine has
_RARE = 0.1  # share of images that are found, below which the cache does not pay


@HOOKS.register_module()
class FeatureCacheHook(Hook):
    """Keep the features of each training image, see :class:`~mmssl_robust.models.backbones.FeatureCache`.

    Validation goes through the encoder itself, and no checkpoint knows of the cache. Where the second epoch finds
    hardly any image again, as after random crops, it says so and is off from then on. Each process has its own.

    Args:
        limit: Memory of each process, such as ``'4GB'``.

    Raises:
        UserError: If the limit is no size, or at the start of a training whose encoder is not frozen.

    Examples:
        >>> from mmssl_robust.registry import HOOKS
        >>> custom_hooks = [dict(type='mmssl_robust.FeatureCacheHook', limit='4GB')]  # of a config
        >>> HOOKS.build(custom_hooks[0]).limit == 4 * 2**30
        True
        >>> HOOKS.build(dict(type='mmssl_robust.FeatureCacheHook', limit='much'))
        Traceback (most recent call last):
        mmssl_robust.utils.errors.UserError: cannot read 'much' as a size in memory: write it as 4GB
    """

    def __init__(self, limit: str = '4GB') -> None:
        self.limit = _bytes(limit)
        self.cache: FeatureCache | None = None
        self.epochs = 0

    def before_train(self, runner: Runner) -> None:
        """Check the encoder."""
        backbone = self._backbone(runner)
        runner.model.train()  # as it will be
        reason = why_not_frozen(backbone)
        if reason:
            raise UserError(f'features can be cached for a frozen encoder alone: {reason}; train without the cache')
        self.cache = FeatureCache(backbone.forward, self.limit)

    def before_train_epoch(self, runner: Runner) -> None:
        """Put the cache in the encoder's place."""
        if self.cache:
            self.cache.hits = self.cache.misses = 0
            self._backbone(runner).forward = self.cache

    def after_train_epoch(self, runner: Runner) -> None:
        """Put the encoder back, and say what the cache was worth."""
        if not self.cache:
            return
        del self._backbone(runner).forward  # the instance's; the class's shows again
        self.epochs += 1
        hits, images = self.cache.hits, self.cache.hits + self.cache.misses
        if self.epochs <= 2:  # the others are as the second
            runner.logger.info(f'Cached features: {hits} of {images} images found, {self.cache.bytes / 2**20:.0f} MiB.')
        if self.epochs == 2 and hits < _RARE * images:
            runner.logger.warning('The augmentation hardly ever gives an image again: features are cached no more.')
            self.cache = None

    @staticmethod
    def _backbone(runner: Runner) -> Any:
        return unwrapped(runner.model).backbone


def _bytes(size: str) -> int:
    found = re.fullmatch(r'([0-9]+(?:\.[0-9]+)?)\s*([KMG]?)i?B?', str(size).strip(), re.IGNORECASE)
    number = float(found[1]) * _UNITS[found[2].upper()] if found else 0.0
    if not 1 <= number <= _MOST:
        raise UserError(f'cannot read {size!r} as a size in memory: write it as 4GB')
    return int(number)
