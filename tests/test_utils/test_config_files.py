"""Where configs are found, and what they may name."""

import os

import pytest

from mmssl_robust.utils.config_files import find_config, read_config
from mmssl_robust.utils.errors import UserError


def test_a_config_beside_a_file_comes_first(tmp_path, monkeypatch):
    for folder in ('here', 'beside'):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / 'a.py').write_text('')
    (tmp_path / 'here' / 'b.py').write_text('')
    monkeypatch.chdir(tmp_path / 'here')
    assert find_config('a.py', tmp_path / 'beside') == tmp_path / 'beside' / 'a.py'
    assert find_config('b.py', tmp_path / 'beside').resolve() == tmp_path / 'here' / 'b.py'
    assert find_config('configs/depth/mini_nyu.py').is_file()
    with pytest.raises(UserError, match=r'config not found: c\.py'):
        find_config('c.py')


@pytest.mark.parametrize('before', [None, 'elsewhere'])
def test_a_config_of_the_package_is_a_base_from_any_folder(before, tmp_path, monkeypatch):
    monkeypatch.delenv('MMSSL_CONFIGS', raising=False)
    if before:
        monkeypatch.setenv('MMSSL_CONFIGS', before)
    (tmp_path / 'own.py').write_text("_base_ = '{{$MMSSL_CONFIGS:configs}}/depth/mini_nyu.py'")
    monkeypatch.chdir(tmp_path)
    assert read_config('own.py').model == read_config(find_config('configs/depth/mini_nyu.py')).model
    assert os.environ.get('MMSSL_CONFIGS') == before
