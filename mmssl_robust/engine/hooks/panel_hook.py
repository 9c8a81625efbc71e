"""Pictures of attacks."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmssl_robust.attacks.result import AttackResult
from mmssl_robust.registry import HOOKS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.victims import Victim
from mmssl_robust.visualization import panel_of


@HOOKS.register_module()
class PanelHook(Hook):
    """Save for each attacked image what was done to it and what the model made of it.

    One PNG for each image and attack, ``OUT_DIR/ATTACK/INDEX_NAME.png``, see
    :func:`mmssl_robust.visualization.panel_of`. They appear there when the
    evaluation is complete; one that fails leaves none.

    Args:
        out_dir: Folder for the pictures.
        max_images: Number of pictures for each attack and process.
    """

    def __init__(self, out_dir: str, max_images: int = 8) -> None:
        if max_images < 1:
            raise UserError(f'max_images of PanelHook is {max_images}: it must be at least 1')
        self.out_dir = Path(out_dir)
        self.max_images = max_images
        self._restart()

    def after_attack_iter(
        self,
        runner: Runner,
        name: str,
        victim: Victim,
        result: AttackResult,
        clean: list[Any],
        adversarial: list[Any],
    ) -> None:
        """Draw images of this batch until there are enough."""
        folder = Path(self.temporary.name) / name
        folder.mkdir(parents=True, exist_ok=True)
        room = self.max_images - len(list(folder.iterdir()))
        for index in range(min(room, len(clean))):
            figure = panel_of(victim, index, result, clean[index], adversarial[index], runner.visualizer.dataset_meta)
            stem = Path(clean[index].get('img_path') or 'image').stem
            figure.savefig(folder / f'{victim.keys[index]:05d}_{stem}.png')

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Publish the pictures."""
        self._publish()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Publish the pictures."""
        self._publish()

    def _publish(self) -> None:
        shutil.copytree(self.temporary.name, self.out_dir, dirs_exist_ok=True)
        self._restart()

    def _restart(self) -> None:
        # Removed by its own finaliser, also when the evaluation fails.
        self.temporary = tempfile.TemporaryDirectory()
