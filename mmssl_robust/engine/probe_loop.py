"""Validation by probes."""

from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import is_main_process
from mmengine.runner import BaseLoop, Runner

from mmssl_robust.evaluation.probes import Probe, encoder_in_training
from mmssl_robust.registry import LOOPS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.json_files import write_json
from mmssl_robust.visualization.evolution import PROBES_FILE


@LOOPS.register_module()
class ProbeValLoop(BaseLoop):
    """Score the encoder in training on several tasks, clean and attacked, with heads trained beforehand.

    The metrics are called ``PROBE/METRIC`` and ``PROBE/ATTACK/METRIC``: ``save_best='camvid/segpgd/mIoU'`` works, and
    ``tools/analysis_tools/plot_evolution.py`` draws them over the epochs (Fig. 2).

    Of probes that know what the standard encoder reaches there are skills too, ``PROBE/skill``, and the least of them,
    ``min_skill``, for ``save_best``.

    Args:
        runner: The runner.
        dataloader: Not used, each probe has its own; MMEngine wants a ``val_dataloader``, which may be ``{}``.
        evaluator: Likewise.
        probes: Name -> arguments of :class:`~mmssl_robust.evaluation.probes.Probe`.

    Raises:
        UserError: If a probe does not fit the encoder, or there is none.

    Examples:
        >>> from mmssl_robust.utils.config_files import find_config, read_config
        >>> cfg = read_config(find_config('dino_mini'))  # DeACL, watched on three tasks
        >>> cfg.val_cfg.type, list(cfg.val_cfg.probes), cfg.default_hooks.checkpoint.save_best
        ('mmssl_robust.ProbeValLoop', ['cifar10', 'camvid', 'nyu'], 'camvid/embed/mIoU')
        >>> cfg.val_cfg.probes.camvid.attacks
        {'embed': {'steps': 10}, 'segpgd': {'steps': 10}}
    """

    def __init__(self, runner: Runner, dataloader: Any, evaluator: Any, probes: dict[str, dict[str, Any]]) -> None:
        if not probes:
            raise UserError('ProbeValLoop has no probes: name some in val_cfg.probes')
        self._runner = runner
        self.probes = [Probe(name, **arguments, seed=runner.seed) for name, arguments in probes.items()]
        for probe in self.probes:
            probe.check(encoder_in_training(runner.model))
        # MMEngine's log lines ask how many batches there are.
        self.dataloader = [batch for probe in self.probes for batch in range(len(probe.dataloader))]

    @property
    def _file(self) -> Path:
        return Path(self.runner.work_dir) / PROBES_FILE

    def run(self) -> dict[str, float]:
        """Evaluate; return the metrics of all probes."""
        if is_main_process():
            write_json({probe.name: probe.attack_settings() for probe in self.probes}, self._file)
        self.runner.call_hook('before_val')
        self.runner.call_hook('before_val_epoch')
        metrics: dict[str, float] = {}
        for probe in self.probes:
            metrics |= probe.run(encoder_in_training(self.runner.model))
        skills = [metrics[f'{probe.name}/skill'] for probe in self.probes if probe.clean is not None]
        if skills:
            metrics['min_skill'] = float(np.min(skills))  # NaN stays NaN
        self.runner.call_hook('after_val_epoch', metrics=metrics)
        self.runner.call_hook('after_val')
        return metrics
