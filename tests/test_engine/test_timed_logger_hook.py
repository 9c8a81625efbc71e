"""Lines of a training by the clock."""

from types import SimpleNamespace

import pytest
from mmengine.hooks import LoggerHook

from mmssl_robust.engine import TimedLoggerHook


@pytest.mark.parametrize(('seconds', 'lines'), [(3, [2, 5, 8, 9]), (100, [9]), (0, list(range(10)))])
def test_a_line_when_time_has_passed_and_at_the_end(seconds, lines, monkeypatch):
    logged, clock = [], iter(range(100))
    monkeypatch.setattr('mmssl_robust.engine.hooks.timed_logger_hook.time.monotonic', lambda: next(clock))
    monkeypatch.setattr(LoggerHook, 'before_train', lambda self, runner: None)
    monkeypatch.setattr(LoggerHook, 'after_train_iter', lambda self, runner, *_, **__: logged.append(runner.iter))
    hook = TimedLoggerHook(seconds)
    hook.before_train(None)
    for step in range(10):
        hook.after_train_iter(SimpleNamespace(iter=step, max_iters=10), batch_idx=step)
    assert logged == lines
