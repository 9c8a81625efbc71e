import os
import stat

import cv2
import pytest
from toys import (
    classification_run,
    depth_run,
    runner_of,
    segmentation_run,
    write_classification,
    write_depth,
    write_segmentation,
)

from mmssl_robust.utils.errors import UserError

SETTINGS = dict(eps='16/255', steps=1)
TASKS = {
    'classification': (classification_run, lambda root: write_classification(root), 'PGD', 'CrossEntropy'),
    'segmentation': (segmentation_run, lambda root: write_segmentation(root, [(40, 48), (30, 25)]), 'SegPGD', None),
    'depth': (depth_run, lambda root: write_depth(root, [(40, 48), (30, 25)]), 'DepthPGD', None),
}


def run(task, tmp_path, max_images=2):
    config, write, attack, objective = TASKS[task]
    write(tmp_path / 'data')
    attack = dict(type=f'mmssl_robust.{attack}', **SETTINGS)
    if objective:
        attack['objective'] = dict(type=f'mmssl_robust.{objective}')
    embed = dict(type='mmssl_robust.EmbedAttack', **SETTINGS)
    return runner_of(
        config(tmp_path / 'data', tmp_path / 'work', batch_size=1),
        test_cfg=dict(type='mmssl_robust.AttackTestLoop', attacks=dict(task=attack, embed=embed)),
        custom_hooks=[dict(type='mmssl_robust.PanelHook', out_dir=str(tmp_path / 'out'), max_images=max_images)],
    )


@pytest.mark.parametrize('task', TASKS)
def test_one_picture_for_each_image_and_attack(task, tmp_path):
    run(task, tmp_path).test()
    names = ['00000_0.png', '00001_1.png']
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['embed', 'task']
    for attack in ('task', 'embed'):
        pictures = sorted((tmp_path / 'out' / attack).iterdir())
        assert [path.name for path in pictures] == names
        assert min(cv2.imread(str(pictures[0])).shape[:2]) > 100


def test_no_more_pictures_than_asked_for(tmp_path):
    run('segmentation', tmp_path, max_images=1).test()
    assert len(list((tmp_path / 'out').glob('*/*.png'))) == 2


def test_a_failed_evaluation_leaves_no_pictures(tmp_path):
    runner = run('segmentation', tmp_path)
    (tmp_path / 'data/images/1.png').write_bytes(b'')
    with pytest.raises(UserError):
        runner.test()
    assert not (tmp_path / 'out').exists()


def test_wrong_number_of_pictures(tmp_path):
    with pytest.raises(UserError, match='at least 1'):
        run('depth', tmp_path, max_images=0)


@pytest.mark.parametrize('mode', [0o755, 0o775, 0o1777, None])
def test_folders_keep_their_permissions_and_new_ones_have_the_usual_ones(mode, tmp_path):
    out = tmp_path / 'out'
    if mode is not None:
        out.mkdir()
        out.chmod(mode)
        (out / 'notes.txt').write_text('mine')
    before = os.umask(0o022)
    try:
        run('classification', tmp_path, max_images=1).test()
    finally:
        os.umask(before)
    modes = {path.relative_to(tmp_path).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in out.glob('*/*')}
    assert len(modes) == 2 and set(modes.values()) == {0o644}
    assert stat.S_IMODE(out.stat().st_mode) == (0o755 if mode is None else mode)
    assert stat.S_IMODE((out / 'task').stat().st_mode) == 0o755
    assert mode is None or (out / 'notes.txt').read_text() == 'mine'
