"""How tools end."""

import pytest

from mmssl_robust.utils.terminal import one_line_errors


def test_ctrl_c_ends_without_a_traceback(capsys, monkeypatch):
    @one_line_errors
    def tool():
        raise KeyboardInterrupt

    monkeypatch.delenv('MMSSL_TRACEBACK', raising=False)
    with pytest.raises(SystemExit) as end:
        tool()
    assert end.value.code == 130 and capsys.readouterr().err == 'stopped\n'
    monkeypatch.setenv('MMSSL_TRACEBACK', '1')
    with pytest.raises(KeyboardInterrupt):
        tool()
