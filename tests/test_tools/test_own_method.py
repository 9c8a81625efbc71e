"""A training method in a file of the user's own, as configs/deacl/README.md writes it."""

import json
import re
import sys

import pytest

from mmssl_robust.registry import MODELS
from mmssl_robust.utils.checkpoint import read_checkpoint

ONCE = ['--cfg-options', 'train_cfg.max_epochs=1']


@pytest.fixture
def own(deacl_cfg, config, tmp_path):
    """The README's two files, the config on tiny data; returns the config's path."""
    method, cfg = re.findall(r'```python\n(.*?)```', config('deacl/README.md').read_text(), re.DOTALL)
    (tmp_path / 'my_method.py').write_text(method)
    deacl_cfg.dump(tmp_path / 'dino_mini.py')
    (tmp_path / 'my_method_mini.py').write_text(cfg)
    yield tmp_path / 'my_method_mini.py'
    sys.modules.pop('my_method', None)
    MODELS.module_dict.pop('MyMethod', None)


def test_trains_and_goes_on(own, run_tool, work_dir, capfd):
    run_tool('train.py', own, '--work-dir', work_dir, *ONCE)
    run_tool('train.py', own, '--work-dir', work_dir, '--resume', '--cfg-options', 'train_cfg.max_epochs=2')
    state = read_checkpoint(work_dir / 'epoch_2.pth')
    assert {key.split('.')[0] for key in state['state_dict']} == {'backbone'} and state['meta']['iter'] == 6
    files = list(work_dir.glob('*/vis_data/scalars.json'))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert [line['cost/forwards'] for line in lines if 'cost/forwards' in line] == [24 * 7] * 2
    with pytest.raises(SystemExit):
        run_tool('train.py', own, '--work-dir', work_dir, '--resume', '--cfg-options', 'model.weight=1.0')
    assert 'belongs to another training (model.weight was 0.1, is 1.0)' in capfd.readouterr().err


def test_an_inner_attack_that_cannot_be(own, run_tool, work_dir, capfd):
    own.write_text(own.read_text().replace('mmssl_robust.PGD', 'mmssl_robust.APGD').replace('step_size=0.2,', ''))
    with pytest.raises(SystemExit):
        run_tool('train.py', own, '--work-dir', work_dir)
    errors = [line for line in capfd.readouterr().err.splitlines() if line.startswith('error: ')]
    assert errors == ['error: APGD makes no images for training: set model.attack.type to PGD, FGSM or NFGSM']


def test_a_file_that_is_not_found(own, run_tool, work_dir, capfd):
    (own.parent / 'my_method.py').unlink()
    with pytest.raises(SystemExit):
        run_tool('train.py', own, '--work-dir', work_dir)
    assert "my_method_mini.py (No module named 'my_method'): put what it imports beside it" in capfd.readouterr().err
