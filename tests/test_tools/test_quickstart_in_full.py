"""The quickstart with its own settings: what a newcomer sees must look like an attack that works."""

import json

import pytest


@pytest.mark.slow
def test_attacks_beat_noise_and_the_tasks_own_attack_is_the_stronger(run_tool, tmp_path):
    run_tool('quickstart.py', '--out', tmp_path)
    results = json.loads((tmp_path / 'quickstart.json').read_text())
    for task, attack, metric, sign in (
        ('classification', 'pgd', 'accuracy/top1', 1),
        ('segmentation', 'segpgd', 'mIoU', 1),
        ('depth', 'depthpgd', 'rmse', -1),
    ):
        scores = {}
        for encoder, tasks in results.items():
            metrics = tasks[task]['metrics']
            scores[encoder] = [sign * metrics[f'{prefix}{metric}'] for prefix in (f'{attack}/', 'embed/', '')]
            own, embed, clean = scores[encoder]
            assert own < embed < clean, (task, encoder)
            assert tasks[task]['attacks'][attack]['zero_gradient_share'] < 0.01
        for encoder in ('DeACL', 'task-aware'):
            assert scores[encoder][1] > scores['standard'][1], f'{task}: {encoder} helps against EmbedAttack'
