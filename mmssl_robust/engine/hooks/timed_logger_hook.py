"""Lines of a training by the clock."""

import time
from typing import Any

from mmengine.hooks import LoggerHook
from mmengine.runner import Runner

from mmssl_robust.registry import HOOKS
from mmssl_robust.utils.numbers import check_number


@HOOKS.register_module()
class TimedLoggerHook(LoggerHook):
    """MMEngine's ``LoggerHook``, for epochs of a second: a line when some time has passed, and at the end.

    Args:
        seconds: At least so long from one line of a training to the next.
        **kwargs: As of ``LoggerHook``, but for ``interval``.

    Examples:
        >>> from mmssl_robust.registry import HOOKS
        >>> default_hooks = dict(logger=dict(type='mmssl_robust.TimedLoggerHook', seconds=60))  # of a config
        >>> hook = HOOKS.build(default_hooks['logger'])
        >>> hook.seconds, hook.interval  # every batch it looks at the clock
        (60, 1)
    """

    def __init__(self, seconds: float = 30.0, **kwargs: Any) -> None:
        super().__init__(interval=1, **kwargs)
        self.seconds = check_number(seconds, 'seconds', least=0)
        self._last = float('-inf')

    def before_train(self, runner: Runner) -> None:
        """Start the clock."""
        super().before_train(runner)
        self._last = time.monotonic()

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Log, if it is time."""
        now, done = time.monotonic(), runner.iter + 1 >= runner.max_iters
        if done or now - self._last >= self.seconds:
            self._last = now
            super().after_train_iter(runner, *args, **kwargs)
