"""A training loop that a kill does not change."""

import inspect
from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch
from mmengine.dist import all_gather_object, broadcast, get_world_size
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch.utils.data import BatchSampler, DataLoader, Sampler

from mmssl_robust.datasets import SeededDataset, seed_generators, tolerant_collate
from mmssl_robust.registry import LOOPS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.generators import generator_states, restore_generators
from mmssl_robust.utils.image_sizes import named_size_errors
from mmssl_robust.utils.numbers import check_integer
from mmssl_robust.utils.stopping import Stopped
from mmssl_robust.utils.unwrapped import unwrapped

from .finite import FiniteGuard, NonFinite


@LOOPS.register_module()
class SeededTrainLoop(EpochBasedTrainLoop):
    """MMEngine's epochs, such that a run that was killed goes on bit by bit as if it had not been.

    Random numbers follow from the seed, the epoch and the sample (:class:`~mmssl_robust.datasets.SeededDataset`),
    not from what was drawn before. An epoch ends with a whole optimiser step, and its buffers, such as BatchNorm's
    running statistics, are one process's for all. After a resume the validation that belongs to the present epoch is
    run first: the kill may have cost it. Amid an epoch it goes on where :class:`~mmssl_robust.engine.StopHook` stopped.

    Args:
        runner: The runner.
        dataloader: Config of a data loader; the loop wraps its data set. A finished loader is used as it is.
        max_epochs: How many epochs.
        total_batch_size: Images of an optimiser step, over all processes and accumulated batches; it replaces the
            data loader's ``batch_size``. None leaves that, which is a process's.
        images_per_epoch: See :class:`~mmssl_robust.datasets.SeededDataset`.
        on_corrupt: Likewise.
        max_skipped_steps: How many steps in a row are left out where the loss is not finite, before the run stops.
        val_at_start: Whether to validate before the first epoch.
        **kwargs: ``val_begin``, ``val_interval``, ``dynamic_intervals`` as in ``EpochBasedTrainLoop``.

    Raises:
        UserError: If the batch cannot be divided among the processes, or there are fewer images than one batch.

    Examples:
        >>> from mmssl_robust.engine.seeded_train_loop import share_of_batch
        >>> from mmssl_robust.utils.config_files import find_config, read_config
        >>> read_config(find_config('mini_cifar10')).train_cfg  # as of all heads
        {'type': 'mmssl_robust.SeededTrainLoop', 'max_epochs': 2, 'val_interval': 2}
        >>> share_of_batch(128, processes=4, accumulated=2)  # of total_batch_size=128
        16
    """

    dataloader: Any  # MMEngine's, then within WholeSteps
    stopped: dict[str, Any] | None = None  # what an epoch that was stopped amid it is to go on with

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict[str, Any],
        max_epochs: int,
        total_batch_size: int | None = None,
        images_per_epoch: int | None = None,
        max_skipped_steps: int = 0,
        val_at_start: bool = False,
        on_corrupt: str = 'fail',
        **kwargs: Any,
    ) -> None:
        _check_settings(kwargs)
        self._accumulated = accumulated = _accumulated_batches(runner.optim_wrapper)
        if isinstance(dataloader, dict):
            if total_batch_size is not None:
                # In place: the runner's scaling of the learning rate reads it too.
                dataloader['batch_size'] = share_of_batch(total_batch_size, get_world_size(), accumulated)
            dataset = dict(
                type='mmssl_robust.SeededDataset',
                dataset=dataloader['dataset'],
                seed=runner.seed,
                images_per_epoch=images_per_epoch,
                on_corrupt=on_corrupt,
            )
            dataloader = {**dataloader, 'dataset': dataset, 'collate_fn': tolerant_collate}
        super().__init__(runner, dataloader, max_epochs, **kwargs)
        self.dataloader = WholeSteps(self.dataloader, accumulated)
        if not len(self.dataloader):
            images, batch = len(self.dataloader.dataset), self.dataloader.batch_size * accumulated * get_world_size()
            raise UserError(f'{images} images are fewer than one batch of {batch}: train with smaller batches')
        self._max_iters = self._max_epochs * len(self.dataloader)
        self.max_skipped_steps = check_integer(max_skipped_steps, 'max_skipped_steps', 0)
        self.val_at_start = val_at_start

    @property
    def model(self) -> torch.nn.Module:
        """The model under training."""
        return unwrapped(self.runner.model)

    def run(self) -> torch.nn.Module:
        """Train."""
        self.guard = FiniteGuard(self.runner.optim_wrapper, self.max_skipped_steps)
        self._check_start()
        self.runner.call_hook('before_train')
        try:
            if (self._epoch or self.val_at_start) and self.stopped is None:
                self._validate()
            while self._epoch < self._max_epochs and not self.stop_training:
                self.run_epoch()
                self._validate()
        finally:
            self.dataloader.end_workers()
        self.runner.call_hook('after_train')
        return self.runner.model

    def run_epoch(self) -> None:
        """Iterate over the data once."""
        self._set_epoch()
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        self._run_iters()
        for buffer in self.model.buffers():
            broadcast(buffer)  # running statistics: one process's are saved, all must go on with them
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1

    def _run_iters(self) -> None:
        stopped, self.stopped = self.stopped, None
        done = self._iter - self._epoch * len(self.dataloader) if stopped else 0
        for index, data_batch in enumerate(self.dataloader.rest(done), done):
            if stopped and index == done:  # the data loader has drawn its own by now
                self._restore(stopped['generators'])
            self.run_iter(index, data_batch)

    def kept_amid_epoch(self) -> dict[str, Any]:
        """What an epoch that is stopped now goes on with, of this process, beside the weights."""
        return dict(generators=generator_states())

    def is_amid_epoch_after(self, batch_idx: int) -> bool:
        """Whether a batch completes an optimiser step that is not the last of the epoch."""
        return (batch_idx + 1) % self._accumulated == 0 and batch_idx + 1 < len(self.dataloader)

    def _restore(self, states: dict[str, Any]) -> None:
        try:
            restore_generators(states)
        except ValueError as error:
            raise UserError(f'{self.runner._load_from} is damaged ({error}): --resume another checkpoint') from error

    def run_iter(self, idx: int, data_batch: dict[str, Any]) -> None:
        """Make one step, or one batch of an accumulated one.

        Raises:
            UserError: If an image cannot be read, or is of a size that the encoder cannot take, or the loss is not
                finite; names the file, or the step, the learning rate and the last good checkpoint.
        """
        for sample in data_batch.pop('unreadable', []):
            raise UserError(sample.message)
        self.runner.call_hook('before_train_iter', batch_idx=idx, data_batch=data_batch)
        skips = self.guard.skips
        try:
            with named_size_errors(self.model, data_batch, training=True):
                outputs = self.runner.model.train_step(data_batch, optim_wrapper=self.guard)
        except NonFinite:
            raise UserError(self._non_finite()) from None
        if self.guard.skips > skips:
            self.runner.logger.warning(f'Loss or gradient is not finite at step {self._iter + 1}, which is left out.')
        self.runner.call_hook('after_train_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs)
        self._iter += 1

    def _check_start(self) -> None:
        epochs = all_gather_object(self._epoch)
        if len(set(epochs)) > 1:
            raise UserError(f'the processes resume after epochs {epochs}: let all see the same --work-dir')

    def _set_epoch(self) -> None:
        seed, epoch = self.runner.seed, self._epoch
        seed_generators(seed, epoch, self.runner.rank)
        if torch.cuda.is_available():
            torch.cuda.manual_seed(torch.default_generator.initial_seed())
        # A resume may have brought its own seed.
        if hasattr(self.dataloader.sampler, 'seed'):
            self.dataloader.sampler.seed = seed
        if isinstance(self.dataloader.dataset, SeededDataset):
            self.dataloader.dataset.seed = seed
            self.dataloader.dataset.set_epoch(epoch)

    def _validate(self) -> None:
        self._decide_current_val_interval()
        due = self._epoch % self.val_interval == 0 or self._epoch == self._max_epochs
        if self.runner.val_loop is not None and due and (self._epoch >= self.val_begin or self._epoch == 0):
            try:
                self.runner.val_loop.run()
            except Stopped as stopped:
                self.runner.call_hook('after_stop', stopped=stopped)
                raise

    def _non_finite(self) -> str:
        rate = self.runner.optim_wrapper.get_lr()['lr'][0]
        last = self.runner.message_hub.runtime_info.get('last_ckpt')
        kept = f'the last good checkpoint is {last}' if last else 'there is no checkpoint yet'
        return (
            f'the loss or its gradient is not finite at step {self._iter + 1} (epoch {self._epoch + 1}, learning rate '
            f'{rate:g}); {kept}: train with a lower optim_wrapper.optimizer.lr, or with clip_grad'
        )


class WholeSteps:
    """A data loader without the batches at its end that would not fill an accumulated step.

    Their gradient would be carried over the end of the epoch, where no checkpoint keeps it.

    Args:
        dataloader: The data loader.
        accumulated: Batches for each optimiser step.
    """

    def __init__(self, dataloader: DataLoader, accumulated: int) -> None:
        self._dataloader = dataloader
        self._accumulated = accumulated

    def __len__(self) -> int:
        return len(self._dataloader) // self._accumulated * self._accumulated

    def __iter__(self) -> Iterator[Any]:
        return self.rest(0)

    def rest(self, done: int) -> Iterator[Any]:
        """Iterate from a batch on; those before it are not read, unless the data loader has a batch sampler of its own.

        Args:
            done: How many batches are left out.
        """
        batches = self._dataloader.batch_sampler
        if type(batches) is not BatchSampler:
            yield from islice(self._dataloader, done, len(self))
            return
        whole, batches.sampler = batches.sampler, _From(batches.sampler, done * batches.batch_size)
        try:
            yield from islice(self._dataloader, len(self) - done)
        finally:
            batches.sampler = whole

    def end_workers(self) -> None:
        """End workers that wait for another epoch; the garbage collector would wait five seconds for them."""
        self._dataloader._iterator = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith('_'):
            raise AttributeError(name)
        return getattr(self._dataloader, name)


class _From(Sampler[int]):
    """What a sampler gives from a place on, under its whole length."""

    def __init__(self, sampler: Any, start: int) -> None:
        self._sampler, self._start = sampler, start

    def __iter__(self) -> Iterator[int]:
        return islice(self._sampler, self._start, None)

    def __len__(self) -> int:
        return len(self._sampler)


def share_of_batch(total: int, processes: int, accumulated: int) -> int:
    """Images that a process takes at a time.

    Args:
        total: Images of an optimiser step.
        processes: How many there are.
        accumulated: Batches for each optimiser step.

    Raises:
        UserError: If the total is no multiple.
    """
    shares = processes * accumulated
    if total < shares or total % shares:
        reason = 'is smaller than' if total < shares else 'cannot be divided among'
        raise UserError(
            f'the batch of {total} images {reason} {processes} processes x {accumulated} accumulated batches: '
            f'set train_cfg.total_batch_size to a multiple of {shares}'
        )
    return total // shares


def _accumulated_batches(optim_wrapper: Any) -> int:
    """Batches for each optimiser step, as a config of it says, or one that is built."""
    if isinstance(optim_wrapper, dict):
        return optim_wrapper.get('accumulative_counts', 1)
    return getattr(optim_wrapper, '_accumulative_counts', 1)


def _check_settings(settings: dict[str, Any]) -> None:
    known = inspect.signature(EpochBasedTrainLoop).parameters.keys() - {'runner', 'dataloader'}
    unknown = ', '.join(sorted(settings.keys() - known))
    if unknown:
        raise UserError(
            f'train_cfg says {unknown}, which a loop by epochs does not know: say max_epochs for how long it trains'
        )
