"""Watching an encoder in training: tasks it is scored on, clean and attacked, with heads that stay as they are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import Evaluator
from mmengine.registry import DefaultScope
from torch import nn

from mmssl_robust.datasets.thresholds import share_thresholds
from mmssl_robust.presets import load_presets
from mmssl_robust.tasks.skill import skill
from mmssl_robust.utils.config_files import find_config, read_config
from mmssl_robust.utils.config_values import check_values
from mmssl_robust.utils.data_check import check_class_count, check_test_data
from mmssl_robust.utils.data_loaders import build_dataloader
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.mismatch import mismatch
from mmssl_robust.utils.progress import track
from mmssl_robust.utils.state_dict import build_model, load_weights, read_weights
from mmssl_robust.utils.stopping import stop_together
from mmssl_robust.utils.unwrapped import unwrapped

from .bank import bank_loader, fill_bank
from .robust_evaluation import RobustEvaluation, tolerant_dataloader


class Probe:
    """A task's model whose encoder is replaced by the one in training.

    Args:
        name: What to call it; the prefix of its metrics.
        config: Path of the task's config, such as ``'configs/segmentation/mini_camvid.py'``, from here or from the
            package. Of it are used ``model``, ``test_dataloader``, ``test_evaluator``, ``default_scope``, and
                ``bank_dataloader`` if the head is a :class:`~mmssl_robust.models.heads.BankHead`.
        head: Path or URL of the head's weights, trained beforehand; None for one with a bank.
        attacks: Names or paths of presets, or name -> settings to change, see
            :func:`mmssl_robust.presets.load_presets`.
        max_images: Take this many, evenly spread over the data set.
        bank_images: Likewise of the bank's.
        batch_size: Images at a time; None for the config's.
        seed: Of the data loader's workers.
        clean: The first metric of the standard encoder on clean images, by which there is a metric ``skill`` too; of
            an error any number.

    Raises:
        UserError: If something of this is missing or does not fit.
    """

    def __init__(
        self,
        name: str,
        config: str,
        head: str | None = None,
        attacks: Sequence[str] | dict[str, dict[str, Any]] = (),
        max_images: int | None = None,
        bank_images: int | None = None,
        batch_size: int | None = None,
        seed: int = 0,
        clean: float | None = None,
    ) -> None:
        cfg = read_config(find_config(config))
        check_values(cfg, config)
        share_thresholds(cfg)
        check_test_data(cfg)
        self.name = name
        self.clean = clean
        self.scope = cfg.get('default_scope', 'mmengine')
        for loader in (cfg.test_dataloader, cfg.get('bank_dataloader', {})):
            loader['persistent_workers'] = False  # they would wait from one validation to the next
        if batch_size is not None:
            cfg.test_dataloader.batch_size = batch_size
        presets = load_presets(attacks)
        with self._scope():
            self.model = build_model(cfg.model)
            self.dataloader = build_dataloader(tolerant_dataloader(cfg.test_dataloader, max_images), seed=seed)
            evaluator = Evaluator(cfg.test_evaluator)
            evaluator.dataset_meta = self.dataloader.dataset.metainfo  # type: ignore[attr-defined]
            self.evaluation = RobustEvaluation(evaluator, presets)
        self.bank = bank_loader(self.model, cfg, bank_images, seed)
        if head:
            load_weights(self.model, read_weights(head), head)
        elif self.bank is None:
            raise UserError(f'the probe {name!r} needs a head: train one with {config} and give its path as head')
        check_class_count(self.model, self.dataloader.dataset)
        self.model.eval().requires_grad_(False)

    def attack_settings(self) -> dict[str, dict[str, Any]]:
        """Name -> what each of its attacks is."""
        return {name: attack.settings.as_dict() for name, attack in self.evaluation.attacks.items()}

    def check(self, encoder: nn.Module) -> None:
        """Find out before a training, not in its course, whether the encoder fits.

        Raises:
            UserError: If it does not; names the keys.
        """
        problems = mismatch(self.model.backbone.state_dict(), encoder.state_dict())
        if problems:
            raise UserError(f'the probe {self.name!r} has another encoder than the one in training; {problems}')

    def run(self, encoder: nn.Module) -> dict[str, float]:
        """Score an encoder.

        Args:
            encoder: The backbone in training; its weights are copied.

        Returns:
            The metrics, each as ``NAME/METRIC`` or ``NAME/ATTACK/METRIC``, and ``NAME/skill``, see
            :func:`mmssl_robust.tasks.skill.skill`, in the worst case over clean images and attacks.
        """
        self.model.to(next(encoder.parameters()).device)
        self.model.backbone.load_state_dict(encoder.state_dict())
        with self._scope():
            fill_bank(self.model, self.bank)
            self.evaluation.start()
            for data_batch in track(self.dataloader, f'probe {self.name}'):
                self.evaluation.process(self.model, data_batch)
                stop_together()
            metrics = self.evaluation.finish()
        if self.clean is not None:
            metrics['skill'] = self._skill(metrics)
        self.model.to('cpu')  # the memory is the training's
        return {f'{self.name}/{key}': value for key, value in metrics.items()}

    def _skill(self, metrics: dict[str, float]) -> float:
        value = self.evaluation.worst_value(metrics)
        task, chance = self.evaluation.task, self.evaluation.chance
        if task is None or chance is None:
            return float('nan')
        return float(skill(np.array(value), chance, np.array(self.clean, dtype=float), task))

    def _scope(self) -> Any:
        return DefaultScope.overwrite_default_scope(self.scope)


def encoder_in_training(model: nn.Module) -> nn.Module:
    """The backbone that a training is about: DINO's is its teacher's.

    Raises:
        UserError: If the model has none.
    """
    model = unwrapped(model)
    owner = model if hasattr(model, 'backbone') else getattr(model, 'teacher', None)
    backbone = getattr(owner, 'backbone', None)
    if not isinstance(backbone, nn.Module):
        raise UserError(f'{type(model).__name__} has no backbone to probe')
    return backbone
