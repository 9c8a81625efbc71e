"""Several encoders on the same data: rows, and the command on a few images."""

import json

import pytest

from mmssl_robust.benchmark.suite_files import load_suite
from mmssl_robust.commands.main import run_command
from mmssl_robust.easy.comparison import rows_of_suite, specs_of
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.terminal import console


def test_each_encoder_meets_each_data_set_once():
    specs = ['mini', 'mini_robust', 'timm:resnet18?weights=random', 'timm:resnet18?weights=random&seed=1']
    rows = rows_of_suite(load_suite('mini'), specs)
    assert len(rows) == len({row.name for row in rows}) == 3 * 4
    assert [row.encoder for row in rows[:4]] == specs and {row.variant for row in rows} == {''}
    heads = [row.head for row in rows[:4]]
    own = [f'mmssl_robust://{name}/mini_cifar10.safetensors' for name in specs[:2]]
    assert heads == [*own, None, None]
    assert all(row.checkpoint is None and row.spec == row.encoder for row in rows)


@pytest.mark.parametrize('encoders, words', [(['mini'], 'two encoders'), (['mini', 'mini'], 'mini is given twice')])
def test_what_is_no_comparison_is_refused(encoders, words):
    with pytest.raises(UserError, match=words):
        specs_of(encoders)


def test_options_of_the_other_way_are_refused(tmp_path):
    for arguments, words in (
        (['--suite', 'mini', '--eps', '2/255'], '--eps is for --images'),
        (['--images', str(tmp_path), '--data-root', 'x'], '--data-root is for --suite'),
    ):
        with pytest.raises(UserError, match=words):
            run_command('compare', ['mini', 'mini_deacl', *arguments])


def test_photographs(tmp_path, data_root):
    folder = data_root / 'cifar10/test/bird'
    few = ['--max-images', '3', '--steps', '1', '--eps', '4/255', '--attack', 'embed-cls', '--size', '32']
    out = tmp_path / 'out'
    with console.capture() as said:
        run_command('compare', ['mini', 'mini_deacl', '--images', str(folder), *few, '--out', str(out)])
    assert said.get().count('3 of 10 images are attacked') == 1 and 'ranking.html' in said.get()
    ranking = json.loads((out / 'report/ranking.json').read_text())
    assert sorted(ranking['models']) == ['mini', 'mini_deacl']
    overall = [line for line in ranking['lines'] if line['kind'] == 'overall']
    first, second = (line['value'] for line in overall)
    assert [line['rank'] for line in overall] == [1, 1 if first == second else 2] and first >= second
    assert 'embed-cls: images nearest to themselves' in said.get()
    assert 'Transfer between encoders' in (out / 'report/report.html').read_text()
    assert (out / 'report/ranking.html').is_file() and (out / 'report/report.html').is_file()
