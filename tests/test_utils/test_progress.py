import io

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
