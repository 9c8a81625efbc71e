"""Curves of smallest perturbations beside a sweep of PGD."""

import json

import cv2
import pytest
import torch
from mmengine.config import Config
from toys import build, classification_run, segmentation_run, write_classification, write_segmentation

TOOL = 'analysis_tools/plot_minimal.py'
FEW = ('--steps', 1, '--max-images', 3, '--batch-size', 2, '--out', 'curve.png')


@pytest.fixture
def folder(tmp_path, monkeypatch):
    write_classification(tmp_path / 'data', per_class=1)
    cfg = Config(classification_run(tmp_path / 'data', tmp_path / 'work'))
    cfg.dump(tmp_path / 'config.py')
    torch.save(dict(state_dict=build(cfg.model).state_dict()), tmp_path / 'model.pth')
    monkeypatch.chdir(tmp_path)


def test_table_and_picture(run_tool, folder, capsys):
    run_tool(TOOL, 'config.py', 'model.pth', '--attack', 'minimal', 'minimal-fab', *FEW)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    rows = {line[0]: line for line in lines if line and line[0] in ('minimal', 'minimal-fab', 'sweep')}
    assert set(rows) == {'minimal', 'minimal-fab', 'sweep'} and all('%' in ''.join(line) for line in rows.values())
    assert cv2.imread('curve.png').std() > 5


@pytest.mark.parametrize(
    ('arguments', 'says'),
    [
        (('--attack', 'pgd'), 'pgd does not seek smallest perturbations'),
        (('--sweep', '0'), 'give sizes above 0'),
        (('--norm', 'l2'), 'needs an eps of its own'),
    ],
)
def test_what_is_refused(run_tool, folder, capsys, arguments, says):
    with pytest.raises(SystemExit):
        run_tool(TOOL, 'config.py', 'model.pth', *FEW, *arguments)
    assert says in capsys.readouterr().err


def test_a_curve_from_one_run_of_test(run_tool, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_segmentation(tmp_path / 'data', [(40, 48), (30, 25)])
    cfg = Config(segmentation_run(tmp_path / 'data', tmp_path / 'work'))
    cfg.dump('config.py')
    torch.save(dict(state_dict=build(cfg.model).state_dict()), 'model.pth')
    run_tool(
        'test.py', 'config.py', 'model.pth', '--attack', 'minimal', 'patch', '--steps', 2, '--out', 'out.json',
        '--work-dir', 'logs', '--sanity',
    )  # fmt: skip
    found = json.loads((tmp_path / 'out.json').read_text())
    minimal = found['attacks']['minimal']
    shares = [share for _, share in minimal['curve']]
    assert minimal['curve'][0][0] == 0 and shares == sorted(shares, reverse=True)
    assert minimal['curve'][-1][0] == pytest.approx(32 / 255)
    assert shares[-1] == pytest.approx(1 - minimal['success_rate'])
    assert minimal['median_eps'] is None or 0 < minimal['median_eps'] <= 32 / 255
    assert found['outside'] == ['patch/clean'] and found['worst'] == [] and found['sanity'] == {}
    assert {'patch/mIoU', 'patch/clean/mIoU', 'minimal/mIoU', 'mIoU'} <= set(found['metrics'])
    said = capsys.readouterr().out
    assert 'the median eps of images with something to lose' in said and 'outside the same patches' in said
