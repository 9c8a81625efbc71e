"""Record what attacks of other libraries reach on :mod:`network`, for ``tests/test_attacks/test_reference.py``.

They are no dependencies: install them in an environment of their own, and run this there.

    python -m venv reference
    reference/bin/pip install torch torchvision safetensors torchattacks==3.5.1 foolbox==3.3.4 tqdm
    reference/bin/pip install --no-deps adv-lib==0.2.8
    reference/bin/python tests/reference/record.py
"""

import sys
from pathlib import Path
from unittest.mock import MagicMock

import foolbox
import torch
import torch.nn.functional as F
import torchattacks
from network import EPS, images, network
from safetensors.torch import save_file

sys.modules.setdefault('visdom', MagicMock())  # adv-lib plots with it, its attacks do not need it
from adv_lib.attacks import apgd, fab  # noqa: E402

STEPS, STEP, STEP_L2 = 20, 0.00125, 0.025
NORMS = dict(linf=float('inf'), l2=2.0, l1=1.0)


def main() -> None:
    torch.manual_seed(0)
    net, (inputs, labels) = network(), images()
    recorded = {}
    recorded['pgd_torchattacks'] = torchattacks.PGD(net, EPS['linf'], STEP, STEPS, random_start=False)(inputs, labels)
    attack = foolbox.attacks.LinfProjectedGradientDescentAttack(abs_stepsize=STEP, steps=STEPS, random_start=False)
    model = foolbox.PyTorchModel(net, bounds=(0, 1))
    recorded['pgd_foolbox'] = attack(model, inputs, labels, epsilons=EPS['linf'])[1]
    l2 = foolbox.attacks.L2ProjectedGradientDescentAttack(abs_stepsize=STEP_L2, steps=STEPS, random_start=False)
    recorded['pgd_l2_foolbox'] = l2(model, inputs, labels, epsilons=EPS['l2'])[1]
    for name, norm in NORMS.items():
        for loss in ('ce', 'dlr'):
            settings = dict(n_iter=50, loss_function=loss, use_large_reps=name == 'l1', best_loss=True)
            adv = apgd(net, inputs, labels, EPS[name], norm, **settings)
            recorded[f'apgd_{name}_{loss}_ce'] = F.cross_entropy(net(adv), labels, reduction='none')
            settings = dict(n_iter=50, loss_function=loss, use_large_reps=name == 'l1')
            found = apgd(net, inputs, labels, EPS[name], norm, **settings)
            recorded[f'apgd_{name}_{loss}_wrong'] = (net(found).argmax(dim=1) != labels).float()
        adv = fab(net, inputs, labels, norm=norm, n_iter=60, targeted_restarts=True)
        size = torch.linalg.vector_norm((adv - inputs).flatten(1), ord=norm, dim=1)
        recorded[f'fab_{name}'] = torch.where(net(adv).argmax(dim=1) != labels, size, torch.inf)
    square = torchattacks.Square(net, eps=EPS['linf'], n_queries=1000, n_restarts=1, loss='margin')
    recorded['square_wrong'] = (net(square(inputs, labels)).argmax(dim=1) != labels).float()
    for name, title in (('linf', 'Linf'), ('l2', 'L2')):
        for loss in ('ce', 'dlr'):
            # From one start, DLR ends in this or that maximum, for them as for us.
            attack = torchattacks.APGD(net, norm=title, eps=EPS[name], steps=50, n_restarts=5, loss=loss)
            recorded[f'apgd_torchattacks_{name}_{loss}_wrong'] = (
                net(attack(inputs, labels)).argmax(dim=1) != labels
            ).float()
            highest, _ = attack.perturb(inputs, labels, best_loss=True)
            recorded[f'apgd_torchattacks_{name}_{loss}_loss'] = highest
    save_file(
        {name: value.contiguous() for name, value in recorded.items()}, Path(__file__).parent / 'recorded.safetensors'
    )


if __name__ == '__main__':
    main()
