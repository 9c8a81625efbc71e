"""MMEngine's Runner, of which no model starts with a part of its encoder at random, or trains it unasked."""

from typing import Any

from mmengine.logging import MMLogger
from mmengine.runner import Runner
from torch import nn

from .errors import UserError
from .mismatch import shortened
from .pretrained import check_built, check_loaded, is_pretrained
from .probe import is_finetuned, is_probe, prepare_for_training
from .progress import progress_lines
from .quiet import hush_terminal
from .unwrapped import unwrapped
from .witness import watching_loads


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

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger, whose file has all and whose terminal what a person wants to read."""
        logger = super().build_logger(*args, **kwargs)
        hush_terminal(logger)
        return logger

    def train(self) -> nn.Module:
        """Train, with a line at least every minute where there is no terminal."""
        with progress_lines('training', lambda: (self.iter - self._begun, self.max_iters - self._begun)):
            model: nn.Module = super().train()
        return model

    def load_or_resume(self) -> None:
        """Load or resume, and note from where the training goes on."""
        super().load_or_resume()
        self._begun = self.iter

    def _init_model_weights(self) -> None:
        with watching_loads() as witness:
            super()._init_model_weights()
        check_loaded(unwrapped(self.model), witness)
        if self._load_from is None and not self._resume:
            self._check_frozen_encoder()

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Load a checkpoint, which may be without a head, but not with a part of an encoder.

        Raises:
            UserError: If an encoder fits in part only; names the keys.
        """
        with watching_loads() as witness:
            checkpoint: dict[str, Any] = super().load_checkpoint(filename, *args, **kwargs)
        encoder = getattr(unwrapped(self.model), 'backbone', None)
        if not isinstance(encoder, nn.Module):
            return checkpoint
        missing = witness.missing(encoder)
        if missing and (witness.saw_any(encoder) or not witness.saw_any(unwrapped(self.model))):
            raise UserError(f'{filename} does not fit the model; missing, or of another shape: {shortened(missing)}')
        if missing:
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
