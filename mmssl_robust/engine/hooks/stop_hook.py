"""The checkpoint of a training that is asked to stop."""

from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_gather_object, get_rank, is_main_process
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import IterBasedTrainLoop, Runner

from mmssl_robust.registry import HOOKS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import whole_file
from mmssl_robust.utils.resume import LAST_CHECKPOINT, STOPPED
from mmssl_robust.utils.stopping import Stopped, asked
from mmssl_robust.utils.unwrapped import unwrapped

from ..seeded_train_loop import SeededTrainLoop


@HOOKS.register_module()
class StopHook(Hook):
    """End a training after the optimiser step in which it was asked to, with a checkpoint from which it goes on.

    Of a :class:`~mmssl_robust.engine.SeededTrainLoop` it goes on amid the epoch, bit by bit: the checkpoint has each
    process's random numbers and running statistics. MMEngine's loop by epochs can begin an epoch only: of that the last
    checkpoint remains. It must come after all hooks that change weights or schedules.

    Raises:
        Stopped: In all processes.

    Examples:
        >>> import torch
        >>> from mmengine.runner import Runner
        >>> hook = dict(type='mmssl_robust.StopHook', priority='LOWEST')  # tools/train.py adds it by itself
        >>> runner = Runner(torch.nn.Linear(1, 1), 'work_dirs/linear', custom_hooks=[hook], log_level='ERROR')
        >>> type(runner.hooks[-1]).__name__  # after all that change weights
        'StopHook'
    """

    def __init__(self) -> None:
        self._state: list[dict[str, Any]] | None = None  # of each process

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Stop after a step, unless the epoch ends with it."""
        loop = runner.train_loop
        if isinstance(loop, SeededTrainLoop) and not loop.is_amid_epoch_after(batch_idx):
            return
        signum = asked()
        if not signum:
            return
        stopped = Stopped(signum)
        if isinstance(loop, SeededTrainLoop):
            self._state = all_gather_object(dict(buffers=_buffers(runner), **loop.kept_amid_epoch()))
            stopped.kept = self._save(runner, STOPPED.format(runner.epoch + 1), runner.epoch, runner.iter + 1)
        elif isinstance(loop, IterBasedTrainLoop):
            stopped.kept = self._save(runner, f'iter_{runner.iter + 1}.pth', runner.epoch, runner.iter + 1)
        raise stopped

    def after_train_epoch(self, runner: Runner) -> None:
        """Stop after an epoch, or remove what an earlier stop has left when the epoch has its own checkpoint."""
        own = Path(runner.work_dir) / f'epoch_{runner.epoch + 1}.pth'
        if is_main_process() and own.is_file():
            for path in own.parent.glob(STOPPED.format('*')):
                path.unlink()
        signum = asked()
        if signum:
            raise self._keep_epochs(runner, Stopped(signum), runner.epoch + 1)

    def after_stop(self, runner: Runner, stopped: Stopped) -> None:
        """Keep the epochs before a validation that has stopped."""
        for hook in runner.hooks:
            if isinstance(hook, EMAHook):
                hook.after_val_epoch(runner)  # gives the model its own weights back
        self._keep_epochs(runner, stopped, runner.epoch)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Add what an epoch needs to go on."""
        if self._state is not None:
            checkpoint['stopped'] = self._state

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Hand it to the loop, each process its own.

        Raises:
            UserError: If there were more or fewer processes, or it is damaged.
        """
        if not runner._resume or 'stopped' not in checkpoint:
            return
        state, loop = checkpoint['stopped'], runner.train_loop
        processes = len(state) if isinstance(state, list) else 0
        if processes != runner.world_size or not isinstance(loop, SeededTrainLoop):
            raise UserError(
                f'{runner._load_from} was stopped amid an epoch by {processes} processes of a SeededTrainLoop: '
                'start as many, or --resume the checkpoint of an epoch'
            )
        own = state[get_rank()]
        if not isinstance(own, dict) or not {'generators', 'buffers'} <= own.keys():
            raise UserError(f'{runner._load_from} is damaged: --resume another checkpoint')
        loop.stopped = own
        checkpoint['state_dict'].update(own['buffers'])

    def _keep_epochs(self, runner: Runner, stopped: Stopped, epochs: int) -> Stopped:
        last = str(runner.message_hub.runtime_info.get('last_ckpt') or '')
        if Path(last).name == f'epoch_{epochs}.pth':
            stopped.kept = last
        elif epochs:
            stopped.kept = self._save(runner, STOPPED.format(epochs + 1), epochs, runner.iter)
        return stopped

    def _save(self, runner: Runner, name: str, epoch: int, iteration: int) -> str:
        runner.save_checkpoint(runner.work_dir, name, meta=dict(epoch=epoch, iter=iteration))
        path = Path(runner.work_dir) / name
        if is_main_process():
            with whole_file(path.with_name(LAST_CHECKPOINT)) as partial:
                partial.write_text(str(path))
        return str(path)


def _buffers(runner: Runner) -> dict[str, torch.Tensor]:
    """Running statistics of a process other than the first, whose own are in the checkpoint in any case."""
    if is_main_process():
        return {}
    model = unwrapped(runner.model)
    kept = model.state_dict().keys()
    return {name: buffer.cpu() for name, buffer in model.named_buffers() if name in kept}
