"""Hooks that end a training as a power cut, or a scheduler, would; configs of tests name them by ``killers.X``."""

import os
import signal

from mmengine.dist import get_rank
from mmengine.hooks import Hook


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


class KillInEpoch(Hook):
    """Kill the process of the highest rank in the middle of an epoch."""

    def __init__(self, epoch, ranks=1):
        self.epoch, self.rank = epoch, ranks - 1

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if (runner.epoch, batch_idx, get_rank()) == (self.epoch - 1, 1, self.rank):
            die()


class KillInCheckpoint(Hook):
    """Kill while the checkpoint of an epoch is written: all of it is in the file, which has no name yet."""

    def __init__(self, epoch):
        self.epoch = epoch

    def before_save_checkpoint(self, runner, checkpoint):
        if runner.epoch == self.epoch - 1:
            os.replace = die


class SignalInEpoch(Hook):
    """Send the process of a rank a signal in an epoch, amid a batch of it or of the validation after it."""

    def __init__(self, epoch, name='SIGTERM', rank=0, batch=0, validation=False):
        self.epoch, self.signum, self.rank = epoch, getattr(signal, name), rank
        self.batch, self.validation = batch, validation

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if not self.validation and (runner.epoch, batch_idx, get_rank()) == (self.epoch - 1, self.batch, self.rank):
            os.kill(os.getpid(), self.signum)

    def before_val_iter(self, runner, batch_idx, data_batch=None):
        if self.validation and (runner.epoch, batch_idx, get_rank()) == (self.epoch, self.batch, self.rank):
            os.kill(os.getpid(), self.signum)
