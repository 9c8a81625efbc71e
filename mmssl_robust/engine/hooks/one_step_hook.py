"""A watch for catastrophic overfitting of training on single steps."""

from collections.abc import Iterator
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from mmssl_robust.attacks import PGD, eval_mode, frozen
from mmssl_robust.models.algorithms import AdversarialBatch, AdversarialTraining, Cost
from mmssl_robust.models.algorithms.adversary import deal
from mmssl_robust.registry import HOOKS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import check_integer, check_number
from mmssl_robust.utils.unwrapped import unwrapped


@HOOKS.register_module()
class OneStepHook(Hook):
    """Compare now and then what a single step makes of images with what PGD does within the same ball.

    Training on single steps may learn to mislead just these (catastrophic overfitting: Wong et al., *Fast is better
    than free*, ICLR 2020). The scalar ``one_step`` is by how much they raise what they attack, as a share of by how
    much PGD does. Where it falls below ``least`` one line warns. The comparison changes nothing of the training, and is
    not in its cost.

    Args:
        interval: Batches from one comparison to the next.
        steps: Steps of PGD, each a quarter of eps.
        max_images: Of a batch, in each process.
        least: The share below which the log warns.

    Raises:
        UserError: Before the training, if none of its adversaries makes a single step.

    Examples:
        >>> from mmssl_robust.registry import HOOKS
        >>> custom_hooks = [dict(type='mmssl_robust.OneStepHook', interval=50, steps=20)]  # of a config
        >>> hook = HOOKS.build(custom_hooks[0])  # every 50 batches, PGD-20 on 16 images; warns below 0.3
        >>> hook.interval, hook.steps, hook.max_images, hook.least
        (50, 20, 16, 0.3)
    """

    def __init__(self, interval: int = 100, steps: int = 10, max_images: int = 16, least: float = 0.3) -> None:
        self.interval = check_integer(interval, 'interval', 1)
        self.steps = check_integer(steps, 'steps', 2)
        self.max_images = check_integer(max_images, 'max_images', 1)
        self.least = check_number(least, 'least', least=0)
        self._was_low = False

    def before_train(self, runner: Runner) -> None:
        """Find out whether there is something to watch."""
        model = unwrapped(runner.model)
        adversaries = model.adversaries if isinstance(model, AdversarialTraining) else []
        if not any(attack is not None and attack.steps == 1 for attack in (one.at(0.0) for one in adversaries)):
            raise UserError('OneStepHook has no adversary of a single step to watch: leave it out of custom_hooks')

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict[str, Any] | None = None) -> None:
        """Compare, when its turn has come."""
        if data_batch is None or runner.iter % self.interval:
            return
        model = unwrapped(runner.model)
        assert isinstance(model, AdversarialTraining)
        gains = torch.tensor(self._gains(model, data_batch), dtype=torch.float64)
        all_reduce(gains)
        one, several = gains.tolist()
        if several <= 0:
            return
        runner.message_hub.update_scalar('train/one_step', one / several)
        is_low = one < self.least * several
        if is_low and not self._was_low:
            runner.logger.warning(
                f'A single step raises what it attacks by {100 * one / several:.0f} % of what PGD-{self.steps} does: '
                'catastrophic overfitting, go on from a checkpoint before it with more steps or noise, or a smaller eps'
            )
        self._was_low = is_low

    def _gains(self, model: AdversarialTraining, data_batch: dict[str, Any]) -> list[float]:
        """Sums over images of by how much a single step and PGD raise what is attacked."""
        data = model.data_preprocessor(data_batch, True)
        cost, model.cost = model.cost, Cost()
        try:
            with eval_mode(model), frozen(model):
                batch = model.batch_of(data['inputs'][: self.max_images], data['data_samples'][: self.max_images])
                gains = [0.0, 0.0]
                for watched in _watched(model, batch):
                    gains = [gain + more for gain, more in zip(gains, self._gains_of(model, batch, *watched))]
                return gains
        finally:
            model.cost = cost

    def _gains_of(
        self, model: AdversarialTraining, batch: AdversarialBatch, heads: tuple[str, ...], attack: PGD, rows: Tensor
    ) -> list[float]:
        outputs, targets = model.aimed(batch, heads, rows)
        pixels, keys = batch.pixels[rows], [batch.keys[row] for row in rows.tolist()]
        stronger = PGD(attack.objective, attack.norm, attack.eps, step_size=None, steps=self.steps)
        made = [one.perturb(outputs, pixels, targets, keys, model.epoch).adv for one in (attack, stronger)]
        with torch.no_grad():
            aims = attack.objective.aim(attack.objective.prepare(outputs, pixels, targets), 0)
            clean, *attacked = [attack.objective(outputs(images), aims, 1, 1).sum() for images in (pixels, *made)]
        return [float(loss - clean) for loss in attacked]


def _watched(model: AdversarialTraining, batch: AdversarialBatch) -> Iterator[tuple[tuple[str, ...], PGD, Tensor]]:
    for adversary, rows in zip(model.adversaries, deal(model.adversaries, batch.keys, model.epoch)):
        attack = adversary.at(model.progress)
        if attack is not None and attack.steps == 1 and attack.eps > 0 and len(rows):
            yield adversary.heads, attack, rows
