"""Pictures of attacks."""

import shutil
import tempfile
from pathlib import Path

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmssl_robust.evaluation.walk import AttackRun
from mmssl_robust.registry import HOOKS
from mmssl_robust.tasks import Task, task_named
from mmssl_robust.utils.files import whole_file
from mmssl_robust.utils.numbers import check_integer
from mmssl_robust.visualization.panels import panel_of


@HOOKS.register_module()
class PanelHook(Hook):
    """Save for each attacked image what was done to it and what the model made of it.

    One PNG for each image and attack, ``OUT_DIR/ATTACK/INDEX_NAME.png``, see
    :func:`mmssl_robust.visualization.panel_of`. They appear there when the
    evaluation is complete; one that fails leaves none.

    Args:
        out_dir: Folder for the pictures.
        max_images: Number of pictures for each attack and process.

    Examples:
        >>> from pathlib import Path
        >>> from mmengine.runner import Runner
        >>> from mmssl_robust.presets import load_preset
        >>> from mmssl_robust.utils.config_files import find_config, read_config
        >>> cfg = read_config(find_config('mini_cifar10'))  # with DATA_ROOT=mmssl_robust/assets/samples
        >>> attacks = dict(pgd=load_preset('pgd', steps=1))
        >>> cfg.test_cfg = dict(type='mmssl_robust.AttackTestLoop', attacks=attacks, max_images=1)
        >>> cfg.custom_hooks = [dict(type='mmssl_robust.PanelHook', out_dir='pictures')]
        >>> cfg.update(work_dir='work_dirs/mini_cifar10', log_level='ERROR')
        >>> runner = Runner.from_cfg(cfg)
        >>> runner.model.init_weights()
        >>> metrics = runner.test()
        >>> [path.as_posix() for path in Path('pictures').rglob('*.png')]
        ['pictures/pgd/00000_0000.png']
    """

    def __init__(self, out_dir: str, max_images: int = 8) -> None:
        self.out_dir = Path(out_dir)
        self.max_images = check_integer(max_images, 'max_images', 1)
        self._restart()

    def after_attack_iter(self, runner: Runner, run: AttackRun, task: Task | None) -> None:
        """Draw images of this batch until there are enough; of a metric without a task, as the model suggests."""
        folder = Path(self.temporary.name) / run.label
        folder.mkdir(parents=True, exist_ok=True)
        room = self.max_images - len(list(folder.iterdir()))
        task, info = task or task_named(run.victim.task), runner.visualizer.dataset_meta
        for index in range(min(room, len(run.clean))):
            clean, attacked = run.clean[index], run.predictions[index]
            figure = panel_of(task, run.victim, index, run.result, clean, attacked, info)
            stem = Path(clean.get('img_path') or 'image').stem
            figure.savefig(folder / f'{run.victim.keys[index]:05d}_{stem}.png')

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Publish the pictures."""
        self._publish()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Publish the pictures."""
        self._publish()

    def _publish(self) -> None:
        for path in Path(self.temporary.name).rglob('*.png'):
            # Content alone: the temporary folder is for this user only, the pictures are for whoever may see the rest.
            with whole_file(self.out_dir / path.relative_to(self.temporary.name)) as partial:
                shutil.copyfile(path, partial)
        self._restart()

    def _restart(self) -> None:
        # Removed by its own finaliser, also when the evaluation fails.
        self.temporary = tempfile.TemporaryDirectory()
