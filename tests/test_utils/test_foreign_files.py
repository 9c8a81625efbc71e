"""Names from elsewhere lead nowhere but below the folder from which they are meant."""

from pathlib import Path

import pytest

from mmssl_robust.benchmark.suite import Row
from mmssl_robust.benchmark.suite_files import load_suite
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.foreign_files import below, is_below, is_file_name

ELSEWHERE = ['', '/', '/etc/x', '..', '../x', 'a/../../x', 'a/..', 'C:x', 'C:\\x', 'a\\..\\x', 'a\nb', 'a\0b']


@pytest.mark.parametrize('name', ELSEWHERE)
def test_elsewhere(name):
    assert not is_below(name) and not is_file_name(name)
    with pytest.raises(UserError, match='a list names .* would lie outside of root'):
        below(Path('root'), name, 'a list')


@pytest.mark.parametrize('name', ['a', 'a b', 'ä.png', '.a', 'a..b', 'a/b', '...'])
def test_below(name):
    assert below(Path('root'), name, 'a list') == Path('root') / name
    assert is_file_name(name) == ('/' not in name)


@pytest.mark.parametrize('name', [*filter(None, ELSEWHERE), '.', 'a/b'])
def test_names_of_rows(name, tmp_path):
    with pytest.raises(UserError, match='a row is named'):
        Row('a.py', 'depth', 'NYU', 'mini', name=name)
    suite = dict(task='depth', config='configs/depth/mini_hololens.py', data='x', encoder='x', name=name)
    (tmp_path / 'suite.py').write_text(f'rows = [{suite!r}]\n')
    with pytest.raises(UserError, match=r'a row of .*suite.py cannot be used: a row is named'):
        load_suite(str(tmp_path / 'suite.py'))


def test_a_row_without_a_name_has_its_configs(tmp_path):
    suite = dict(task='depth', config='configs/depth/mini_hololens.py', data='x', encoder='x', name='')
    (tmp_path / 'suite.py').write_text(f'rows = [{suite!r}]\n')
    assert load_suite(str(tmp_path / 'suite.py')).rows[0].name == 'mini_hololens-standard'


@pytest.mark.parametrize('name', ELSEWHERE)
def test_names_of_attacks(name):
    with pytest.raises(UserError, match='an attack is named'):
        Row('a.py', 'depth', 'NYU', 'mini', name='a', attacks={name: {}})
