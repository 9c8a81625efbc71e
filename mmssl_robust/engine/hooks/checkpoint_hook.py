"""MMEngine's checkpoints, in an order that loses none."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mmengine.hooks
from mmengine.runner import Runner

from mmssl_robust.registry import HOOKS
from mmssl_robust.utils.errors import UserError


@HOOKS.register_module()
class SafeCheckpointHook(mmengine.hooks.CheckpointHook):
    """``CheckpointHook`` that removes old files after the new ones are written, not before; arguments as there.

    A kill or a full disk in between then leaves the old ones.
    """

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict[str, Any]) -> None:
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
