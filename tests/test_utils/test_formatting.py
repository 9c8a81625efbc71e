"""Configs are laid out as MMEngine wants them, once."""

import pytest
from mmengine.config import Config
from mmengine.config import config as mmengines
from yapf.yapflib import yapf_api

from mmssl_robust.utils import formatting


@pytest.fixture
def calls(monkeypatch):
    """The texts that yapf was given."""
    texts = []
    format_code = formatting._format

    def counted(text, **settings):
        texts.append(text)
        return format_code(text, **settings)

    monkeypatch.setattr(formatting, '_format', counted)
    monkeypatch.setattr(yapf_api, 'FormatCode', yapf_api.FormatCode)
    monkeypatch.setattr(mmengines, 'FormatCode', formatting._format, raising=False)
    formatting._formatted.cache_clear()
    return texts


def test_the_same_config_is_laid_out_once(calls, monkeypatch):
    cfg = Config(dict(name='a' * 60, other='b' * 60, numbers=list(range(40))))
    with monkeypatch.context() as patch:
        patch.setattr(yapf_api, 'FormatCode', formatting._format)
        patch.setattr(mmengines, 'FormatCode', formatting._format, raising=False)
        expected = cfg.pretty_text
    calls.clear()
    formatting.remember_formatting()
    assert cfg.pretty_text == expected and expected.count('\n') > 3
    assert cfg.pretty_text == expected and len(calls) == 1
    cfg.name = 'c'
    assert "name = 'c'" in cfg.pretty_text and len(calls) == 2
