"""The linear heads of a suite: trained when they are missing."""

from contextlib import nullcontext
from pathlib import Path

from mmengine.dist import barrier, is_main_process

from mmssl_robust.utils.checkpoint import save_checkpoint
from mmssl_robust.utils.cli import build_runner
from mmssl_robust.utils.config_errors import config_errors
from mmssl_robust.utils.data_check import check_class_count, check_labels
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.quiet import hush_training
from mmssl_robust.utils.resume import newest_checkpoint, resume_from
from mmssl_robust.utils.sole_writer import sole_writer
from mmssl_robust.utils.state_dict import head_of, read_weights

from .resolved_row import ResolvedRow


def trained_head(resolved: ResolvedRow, launcher: str = 'none') -> Path:
    """Return the head of a row, after training it if it is missing; goes on where a kill stopped it.

    Of a row whose config says ``finetune=True`` it is the whole model.

    Args:
        resolved: The row.
        launcher: How the processes were started.

    Raises:
        UserError: If it cannot be trained, or another process is training it.
    """
    folder = resolved.head_folder
    head = folder / resolved.head_file
    found = head.is_file()
    barrier()  # no process may look after another has trained it
    if not found:
        with sole_writer(folder) if is_main_process() else nullcontext():
            checkpoint = _train(resolved, folder, launcher)
            if is_main_process():
                trained = read_weights(checkpoint).tensors
                save_checkpoint(trained if resolved.finetunes else head_of(trained), head)
                for path in folder.glob('epoch_*.pth'):  # each holds the whole encoder, for going on
                    path.unlink()
        barrier()
    return head


def _train(resolved: ResolvedRow, folder: Path, launcher: str) -> Path:
    """Train and return the last checkpoint."""
    cfg = resolved.fresh_cfg()
    cfg.launcher, cfg.work_dir, cfg.experiment_name = launcher, str(folder), folder.name
    if 'SeededTrainLoop' in cfg.train_cfg.get('type', ''):
        # The paper's batch is that of an optimiser step, whatever the number of processes.
        cfg.train_cfg.setdefault('total_batch_size', cfg.train_dataloader.batch_size)
        cfg.train_cfg.on_corrupt = resolved.options.on_corrupt
    # The benchmark evaluates it anyway.
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    cfg.test_dataloader = cfg.test_evaluator = cfg.test_cfg = None
    newest, _ = resume_from(folder, 'auto')
    cfg.resume, cfg.load_from = newest is not None, str(newest) if newest else cfg.get('load_from')
    with config_errors(cfg, resolved.row.config, ('model', 'train_dataloader')):
        runner = build_runner(cfg, ('train_dataloader',))
        hush_training(runner.logger)
        check_class_count(runner.model, runner.train_loop.dataloader.dataset)
        check_labels(runner.model, runner.train_loop.dataloader.dataset)
        runner.train()
    checkpoint, _ = newest_checkpoint(folder)
    if checkpoint is None:
        raise UserError(f'the training in {folder} wrote no checkpoint: its config needs a CheckpointHook')
    return checkpoint
