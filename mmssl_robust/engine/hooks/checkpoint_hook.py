"""MMEngine's checkpoints, in an order that loses none."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mmengine.hooks
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from mmssl_robust.registry import HOOKS
from mmssl_robust.utils.errors import UserError

_DROPPED = 'keep_ckpt_ids_dropped'  # in the message hub: numbers, as those of keep_ckpt_ids


@HOOKS.register_module()
class SafeCheckpointHook(mmengine.hooks.CheckpointHook):
    """``CheckpointHook`` that removes old files after the new ones are written, not before; arguments as there.

    A kill or a full disk in between then leaves the old ones. The new one names them, and they are removed when the
    training goes on.

    Examples:
        >>> from mmssl_robust.registry import HOOKS
        >>> checkpoint = dict(type='mmssl_robust.SafeCheckpointHook', interval=1, max_keep_ckpts=2)  # in default_hooks
        >>> hook = HOOKS.build(checkpoint)
        >>> hook.interval, hook.max_keep_ckpts
        (1, 2)
    """

    def before_train(self, runner: Runner) -> None:
        """Remove what a kill has left of this training, as its checkpoint says."""
        super().before_train(runner)
        for number in runner.message_hub.runtime_info.get(_DROPPED, []):
            path = self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(number))
            if number not in self.keep_ckpt_ids and is_main_process() and self.file_backend.isfile(path):
                self.file_backend.remove(path)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict[str, Any]) -> None:
        kept = list(self.keep_ckpt_ids) if self.max_keep_ckpts > 0 else []
        if step not in kept:
            runner.message_hub.update_info(_DROPPED, kept[: len(kept) + 1 - self.max_keep_ckpts])
        with self._removals_last():
            super()._save_checkpoint_with_step(runner, step, meta)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict[str, float]) -> None:
        with self._removals_last():
            super()._save_best_checkpoint(runner, metrics)

    file_backend: Any  # set by MMEngine

    @contextmanager
    def _removals_last(self) -> Iterator[None]:
        backend = self.file_backend
        self.file_backend = deferred = _DeferredRemoval(backend)
        try:
            yield
        except OSError as error:  # MMEngine's own `last_checkpoint`
            raise UserError(f'cannot write to {self.out_dir}: {error.strerror or error}') from error
        finally:
            self.file_backend = backend
        for path in deferred.files:
            backend.remove(path)
        for path in deferred.folders:
            backend.rmtree(path)


class _DeferredRemoval:
    """A file backend that notes what it should remove."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self.files: list[str] = []
        self.folders: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def remove(self, path: str) -> None:
        self.files.append(path)

    def rmtree(self, path: str) -> None:
        self.folders.append(path)
