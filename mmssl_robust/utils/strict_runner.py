"""MMEngine's Runner, of which no model starts with a part of its encoder at random, or trains it unasked."""

from functools import cache
from typing import Any

from mmengine.logging import MMLogger
from mmengine.runner import BaseLoop, Runner
from torch import Tensor, nn
from torch.utils.data import DataLoader

from .checkpoint_layouts import unwrapped_name
from .data_loaders import build_dataloader
from .errors import UserError
from .mismatch import mismatch
from .pretrained import check_built, check_loaded, is_pretrained
from .probe import is_finetuned, is_probe, prepare_for_training
from .progress import progress_lines
from .quiet import hush_terminal
from .unwrapped import unwrapped
from .witness import Witness, watching_loads


@cache
def strict(runner: type[Runner]) -> type[Runner]:
    """A Runner of a user's own class that is as strict.

    Raises:
        UserError: If it is no child of MMEngine's Runner, which builds and loads models otherwise.
    """
    if not issubclass(runner, Runner):
        raise UserError(f'runner_type {runner.__name__} is no child of mmengine.runner.Runner: leave runner_type out')
    return runner if issubclass(runner, StrictRunner) else type(runner.__name__, (StrictRunner, runner), {})


class StrictRunner(Runner):  # type: ignore[misc]
    """A Runner that looks at what is loaded into encoders, whoever loads it; arguments as in MMEngine."""

    _begun = 0  # the step from which a training goes on

    def build_model(self, model: nn.Module | dict[str, Any]) -> nn.Module:
        """Build the model and, for the training of a head, freeze its encoder.

        Raises:
            UserError: If the encoder's constructor has loaded a part of it.
        """
        with watching_loads() as witness:
            built: nn.Module = super().build_model(model)
        if isinstance(getattr(built, 'backbone', None), nn.Module):
            check_built(built.get_submodule('backbone'), witness)
        if self._train_loop is not None:
            prepare_for_training(built, is_finetuned(self.cfg))
        return built

    @staticmethod
    def build_dataloader(dataloader: DataLoader[Any] | dict[str, Any], *args: Any, **kwargs: Any) -> DataLoader[Any]:
        """See :func:`.data_loaders.build_dataloader`."""
        return build_dataloader(dataloader, *args, **kwargs)

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger, whose file has all and whose terminal what a person wants to read."""
        logger = super().build_logger(*args, **kwargs)
        hush_terminal(logger)
        return logger

    def train(self) -> nn.Module:
        """Train until the end or until asked to stop, with a line at least every minute where there is no terminal."""
        self.register_hook(dict(type='mmssl_robust.StopHook'), 'LOWEST')
        # Features that are cached are computed in the first epoch.
        caches = any(type(hook).__name__ == 'FeatureCacheHook' for hook in self.hooks)
        with progress_lines('training', lambda: (self.iter - self._begun, self.max_iters - self._begun), caches):
            model: nn.Module = super().train()
        return model

    def load_or_resume(self) -> None:
        """Load or resume, and note from where the training goes on."""
        super().load_or_resume()
        # A Runner that tests and is asked for its iteration would build the training, whose data need not be here.
        if isinstance(self._train_loop, BaseLoop):
            self._begun = self.iter

    def _init_model_weights(self) -> None:
        with watching_loads() as witness:
            super()._init_model_weights()
        check_loaded(unwrapped(self.model), witness)
        if self._load_from is None and not self._resume:
            self._check_frozen_encoder()

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Load a checkpoint: of an encoder all or nothing, of the rest what fits, and say what does not.

        Raises:
            UserError: If an encoder fits in part, or nothing at all does, or not all of what is resumed; names the
                keys.
        """
        with watching_loads() as witness:
            checkpoint: dict[str, Any] = super().load_checkpoint(filename, *args, **kwargs)
        model = unwrapped(self.model)
        problems = _Problems(model, checkpoint, witness)
        if not witness.saw_any(model):
            raise UserError(
                f'{filename} does not fit the model; {problems}: give an encoder alone as '
                'model.backbone.init_cfg.checkpoint, not as load_from'
            )
        if problems.of_another_head and not self._resume:
            raise UserError(
                f"{filename} has the head of another task, and the model's own would start at random; {problems}: give "
                'its encoder alone as model.backbone.init_cfg.checkpoint, without load_from'
            )
        if problems.of_encoder or (self._resume and problems):
            raise UserError(f'{filename} does not fit the model; {problems}')
        if problems:
            self.logger.warning(f'{filename} is not the whole model; {problems}. What is missing starts without it.')
        if problems.without_encoder:
            self._check_frozen_encoder()
        return checkpoint

    def _check_frozen_encoder(self) -> None:
        """Warn of a head that is trained on an encoder which is random for good."""
        model = unwrapped(self.model)
        if is_probe(model) and not is_finetuned(self.cfg) and not is_pretrained(model.get_submodule('backbone')):
            self.logger.warning(
                'The encoder is random and stays so: set model.backbone.init_cfg=dict(type="Pretrained", '
                'checkpoint=...), or finetune=True to train it from scratch.'
            )


class _Problems:
    """How a checkpoint differs from a model; an encoder that it has nothing of is none of them.

    Attributes:
        without_encoder: Whether the model has an encoder, and the checkpoint none.
        of_encoder: Whether a part of the encoder is missing, of another shape, or too many.
        of_another_head: Whether all of the model's head is missing, and the checkpoint has another one.
    """

    def __init__(self, model: nn.Module, checkpoint: dict[str, Any], witness: Witness) -> None:
        own = {unwrapped_name(name): tensor for name, tensor in model.state_dict().items()}
        state = checkpoint.get('state_dict', checkpoint)
        given = {unwrapped_name(name): value for name, value in state.items() if isinstance(value, Tensor)}
        missing = {unwrapped_name(name) for name in witness.missing(model)} & own.keys()
        self.without_encoder = any(map(_of_encoder, own)) and not any(map(_of_encoder, given))
        if self.without_encoder:
            missing = {name for name in missing if not _of_encoder(name)}
        self._own = {name: tensor for name, tensor in own.items() if name in missing}
        self._given = {name: value for name, value in given.items() if name in missing or name not in own}
        self.of_encoder = any(map(_of_encoder, {**self._own, **self._given}))
        head = {name for name in own if _of_head(name)}
        self.of_another_head = (
            bool(head) and head <= missing and any(_of_head(name) for name in given.keys() - own.keys())
        )

    def __bool__(self) -> bool:
        return bool(self._own or self._given)

    def __str__(self) -> str:
        return mismatch(self._own, self._given)


def _of_encoder(name: str) -> bool:
    return name.startswith('backbone.')


def _of_head(name: str) -> bool:
    return 'head' in name.partition('.')[0]
