from math import fsum

import pytest
import torch

from mmssl_robust.attacks import AttackResult
from mmssl_robust.evaluation import attack_log
from mmssl_robust.evaluation.attack_log import AttackLog


def result(*losses):
    count = len(losses)
    return AttackResult(
        adv=torch.zeros(count, 3, 2, 2),
        loss=torch.tensor(losses),
        success=torch.tensor(losses) > 1.5,
        score=torch.zeros(count),
        zero_grad=torch.full((count,), 0.25),
        norm=torch.tensor(losses) / 100,
        restart=torch.zeros(count, dtype=torch.int64),
        forwards=torch.full((count,), count),
        backwards=torch.ones(count, dtype=torch.int64),
    )


def test_summary_is_the_mean_over_images_not_batches():
    log = AttackLog()
    log.add([0, 1, 2], result(1.0, 2.0, 3.0), seconds=2.0)
    log.add([3], result(6.0), seconds=1.5)
    assert log.summary() == pytest.approx(
        dict(
            images=4,
            seconds=3.5,
            success_rate=0.75,
            mean_loss=3.0,
            zero_gradient_share=0.25,
            forwards_per_image=2.5,
            backwards_per_image=1.0,
            max_norm=0.06,
        )
    )


def test_processes_are_joined_in_any_order(monkeypatch):
    one, other = AttackLog(), AttackLog()
    one.add([0, 2], result(0.1, 0.3), seconds=1.0)
    other.add([1, 3], result(0.2, 1e8), seconds=2.0)
    monkeypatch.setattr(attack_log, 'all_gather_object', lambda own: [(o.records, o.seconds) for o in (other, one)])
    summary = one.summary()
    assert summary['images'] == 4 and summary['seconds'] == 2.0
    values = [torch.tensor(v).item() for v in (0.1, 0.2, 0.3, 1e8)]
    assert summary['mean_loss'] == fsum(values) / 4


def test_no_image():
    summary = AttackLog().summary()
    assert summary['images'] == 0 and summary['mean_loss'] == 0 and summary['max_norm'] == 0
