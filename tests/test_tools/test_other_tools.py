"""The remaining tools, end to end on the embedded photographs."""

import json
import multiprocessing
import os
import re
from concurrent.futures import Future, ProcessPoolExecutor

import pytest
import torch
from mmengine.config import Config
from safetensors.torch import load_file

from mmssl_robust.commands import quickstart
from mmssl_robust.commands.quickstart_worker import prepare, run_logged
from mmssl_robust.datasets.teacher_features import TeacherFeatureDataset
from mmssl_robust.models.backbones import DINOVisionTransformer
from mmssl_robust.utils.errors import UserError

TINY = dict(img_size=28, patch_size=14, embed_dim=12, depth=1, num_heads=2)


def test_teacher_features_then_distillation(run_tool, config, work_dir, tmp_path, data_root):
    teacher = DINOVisionTransformer(TINY)
    torch.save(teacher.vit.state_dict(), tmp_path / 'teacher.pth')
    cfg = Config.fromfile(config('distillation/distill_mini.py'))
    cfg.extraction.update(
        data_root=str(data_root),
        out=str(tmp_path / 'features'),
        teacher_size=28,
        student_size=16,
        sources=[dict(glob='cifar10/train/*/*.jpg', limit=8), dict(glob='camvid/images/train/*.jpg', min_side=0.3)],
    )
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'teacher.pth'))
    cfg.extraction.teacher.update(arch=TINY, out_indices=(0,), init_cfg=init_cfg)
    cfg.model.update(teacher_dims=12)
    cfg.train_dataloader.update(batch_size=4, num_workers=0, persistent_workers=False)
    cfg.train_dataloader.dataset.root = str(tmp_path / 'features')
    cfg.train_cfg.max_epochs = 1
    cfg.dump(tmp_path / 'tiny.py')

    run_tool('extract_teacher_features.py', tmp_path / 'tiny.py', '--batch-size', 4, '--device', 'cpu')
    assert len(TeacherFeatureDataset(str(tmp_path / 'features'))) == 8 + 6
    run_tool('train.py', tmp_path / 'tiny.py', '--work-dir', work_dir)
    run_tool('model_converters/export_safetensors.py', work_dir / 'epoch_1.pth', tmp_path / 'e.safetensors', '--half')
    exported = load_file(tmp_path / 'e.safetensors')
    assert exported['blocks.0.attn.qkv.weight'].dtype == torch.float16
    assert exported.keys() == DINOVisionTransformer(cfg.encoder.arch).vit.state_dict().keys()


def test_no_teacher_image(run_tool, config, capfd, monkeypatch, tmp_path):
    monkeypatch.setenv('DATA_ROOT', str(tmp_path))
    with pytest.raises(SystemExit):
        run_tool('extract_teacher_features.py', config('distillation/distill_mini.py'))
    assert 'no image matches' in capfd.readouterr().err


def test_constant_predictor(run_tool, config, capsys, data_root):
    """The most frequent class of the 6 embedded CamVid training images, and the mean depth."""
    import cv2
    import numpy as np

    run_tool('analysis_tools/constant_predictor.py', config('segmentation/mini_camvid.py'))
    label_maps = [cv2.imread(str(path), 0) for path in data_root.glob('camvid/annotations/train/*.png')]
    counts = np.bincount(np.stack(label_maps).ravel(), minlength=12)[:11]
    assert f'constant {counts.argmax()}: ' in capsys.readouterr().out.replace('\n', ' ')

    run_tool('analysis_tools/constant_predictor.py', config('depth/mini_hololens.py'))
    depths = np.stack([cv2.imread(str(path), -1) for path in data_root.glob('hololens/depths/train/*.png')]) / 1e3
    assert f'constant {depths[depths > 1e-3].mean():.4g}: ' in capsys.readouterr().out.replace('\n', ' ')


@pytest.fixture
def of_one_folder(config, tmp_path):
    """A config of robust training, on the embedded photographs of one folder."""

    def write(name):
        cfg = Config.fromfile(config(name))
        cfg.train_dataloader.dataset = cfg.train_dataloader.dataset.datasets[0]
        cfg.dump(tmp_path / 'own.py')
        return tmp_path / 'own.py'

    return write


def test_head_scales(run_tool, of_one_folder, capsys):
    """What is measured does not depend on the scale that the config has already."""
    arguments = ['analysis_tools/head_scales.py', of_one_folder('robust/task_aware_mini_wide.py'), '--images', '8']
    run_tool(*arguments)
    run_tool(*arguments, '--cfg-options', 'model.heads.nyu.scale=2')
    first, second = re.findall(r'nyu: scale=(\S+) .* says (\S+)\)', capsys.readouterr().out)
    assert first[0] == second[0] and second[1] == '2'


def test_no_scales_without_heads(run_tool, of_one_folder, capsys):
    with pytest.raises(SystemExit):
        run_tool('analysis_tools/head_scales.py', of_one_folder('robust/fare_mini_wide.py'))
    assert 'has no model.heads' in capsys.readouterr().err


def test_a_process_of_its_own_says_all_into_a_file(tmp_path):
    """As on the command line: started anew, and with an exit code."""
    pool = ProcessPoolExecutor(1, multiprocessing.get_context('spawn'), prepare, (dict(DATA_ROOT='/nowhere'), True))
    with pool:
        jobs = [pool.submit(run_logged, [word], tmp_path / f'{word}.log') for word in ('nosuch', '--version')]
        assert [job.result() for job in jobs] == [2, 0]
        assert pool.submit(os.getenv, 'DATA_ROOT').result() == '/nowhere'
    assert 'nosuch' in (tmp_path / 'nosuch.log').read_text()
    assert (tmp_path / '--version.log').read_text().startswith('mmssl-robust ')


def test_what_ended_an_evaluation_is_said(tmp_path):
    (task, *_), job = quickstart.TASKS, Future()
    (tmp_path / f'{task.name}.log').write_text('begun\nerror: no\n')
    job.set_result(2)
    with pytest.raises(UserError, match=f'^{task.name} failed: error: no '):
        quickstart.result_of(job, task, tmp_path)
    with ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as pool:
        job = pool.submit(os._exit, 1)
        with pytest.raises(UserError, match='the system ended a process'):
            quickstart.result_of(job, task, tmp_path)


def test_quickstart(run_tool, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(quickstart, 'START', 'fork')  # which imports nothing
    monkeypatch.setattr(quickstart, 'JOBS', 1)
    run_tool('quickstart.py', '--images', 1, '--steps', 1, '--show-images', 1, '--out', tmp_path)
    results = json.loads((tmp_path / 'quickstart.json').read_text())
    assert set(results) == {'standard', 'DeACL', 'task-aware'}
    for tasks in results.values():
        assert set(tasks) == {'classification', 'segmentation', 'depth'}
        assert all(result['images'] == 1 for result in tasks.values())
    assert results['standard']['depth']['metrics'] != results['DeACL']['depth']['metrics']
    pictures = sorted(path.parent.relative_to(tmp_path / 'pictures') for path in tmp_path.rglob('*.png'))
    assert len(pictures) == 18
    output = capsys.readouterr().out
    for attack in ('pgd', 'segpgd', 'depthpgd'):
        assert attack in output


@pytest.mark.parametrize('folder', ['mini', 'mini_deacl', 'mini_robust'])
def test_embedded_weights_fit_the_limits(folder, data_root):
    files = list((data_root.parent / folder).glob('*.safetensors'))
    assert {file.stem for file in files} - {'universal'} == {
        'encoder',
        'mini_cifar10',
        'mini_camvid',
        'mini_nyu',
        'mini_hololens',
    }
    assert sum(file.stat().st_size for file in files) <= 15e6
    encoder = load_file(data_root.parent / folder / 'encoder.safetensors')
    assert sum(value.numel() for value in encoder.values()) <= 6e6
