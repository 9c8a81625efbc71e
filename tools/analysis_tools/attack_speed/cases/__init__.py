"""The cases of the benchmark, by name; each is built when its turn comes."""

from collections.abc import Callable

from attack_speed.contest import Contest, Settings

from .active import active_set
from .classification import embed_attack, pgd
from .deacl import deacl_step
from .dense_tasks import dense_tail, depthpgd, segpgd
from .pipeline import input_pipeline

CASES: dict[str, Callable[[Settings], Contest]] = {
    'pgd': pgd,
    'embed': embed_attack,
    'active': active_set,
    'segpgd': segpgd,
    'tail': dense_tail,
    'depthpgd': depthpgd,
    'deacl': deacl_step,
    'pipeline': input_pipeline,
}

__all__ = [
    'CASES',
    'active_set',
    'deacl_step',
    'dense_tail',
    'depthpgd',
    'embed_attack',
    'input_pipeline',
    'pgd',
    'segpgd',
]
