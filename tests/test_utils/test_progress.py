import io
import threading

import pytest
from rich.console import Console

from mmssl_robust.utils import progress


@pytest.mark.parametrize('terminal, main, bar', [(True, True, True), (False, True, False), (True, False, False)])
def test_bar_on_the_terminal_of_the_first_process_only(monkeypatch, terminal, main, bar):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=120)
    monkeypatch.setattr(progress, 'console', console)
    monkeypatch.setattr(progress, 'is_main_process', lambda: main)
    assert list(progress.track(['a', 'b', 'c'], 'clean + pgd')) == ['a', 'b', 'c']
    shown = console.file.getvalue()
    assert ('clean + pgd' in shown and '3/3' in shown and 'left' in shown) == bar
    assert bar or shown == ''


def lines_of(seconds_and_steps, total):
    """What is said at certain seconds with so many steps done, by a clock that does not wait."""
    now = [100.0]
    lines = progress.ProgressLines('work', clock=lambda: now[0])
    said = []
    for seconds, done in seconds_and_steps:
        now[0] = 100.0 + seconds
        said.append(lines.line(done, total))
    return said


def test_lines_say_the_time_left():
    assert lines_of([(60, 0), (120, 2), (180, 3), (600, 10)], 10) == [
        'work: 0 of 10 after 1 min, time left not yet known',
        'work: 2 of 10 after 2 min, about 8 min left',
        'work: 3 of 10 after 3 min, about 7 min left',
        'work: 10 of 10 after 10 min, about 0 s left',
    ]


def test_time_left_shrinks_amid_a_long_step():
    """Two steps took ten minutes each: the third is known to end ten minutes after the second."""
    said = lines_of([(1200, 2), (1260, 2), (1320, 2), (2400, 2)], 3)
    assert [line.split(', about ')[1] for line in said] == ['10 min left', '9 min left', '8 min left', '0 s left']


def test_off_a_terminal_a_line_comes_at_least_every_minute(monkeypatch):
    """Also while nothing is done: the clock wakes a thread; here it rings at once, and three times."""
    console = Console(file=io.StringIO(), width=40)
    monkeypatch.setattr(progress, 'console', console)
    assert progress.INTERVAL <= 60
    rings, waited = threading.Semaphore(0), []
    printed = threading.Semaphore(0)

    class FakeEvent(threading.Event):
        def wait(self, timeout=None):
            waited.append(timeout)
            rings.acquire()
            return self.is_set()

        def set(self):
            super().set()
            rings.release()

    monkeypatch.setattr(progress, 'Event', FakeEvent)
    original = console.print
    monkeypatch.setattr(console, 'print', lambda *args, **kwargs: (original(*args, **kwargs), printed.release()))
    for _ in progress.track(['a', 'b'], 'clean + pgd [row]'):
        rings.release()
        assert printed.acquire(timeout=20)
    assert console.file.getvalue().splitlines() == [
        'clean + pgd [row]: 0 of 2 after 0 s, time left not yet known',
        'clean + pgd [row]: 1 of 2 after 0 s, about 0 s left',
    ]
    assert waited == [progress.INTERVAL] * 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith('progress')]


def test_where_the_first_steps_are_slow_the_time_left_is_a_bound():
    lines = progress.ProgressLines('work', 'at most', clock=iter([0.0, 60.0]).__next__)
    assert lines.line(1, 10) == 'work: 1 of 10 after 1 min, at most 9 min left'
