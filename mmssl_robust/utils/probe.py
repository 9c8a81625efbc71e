"""A linear probe: a task's head on an encoder that stays as it is, unless fine-tuning is asked for."""

from types import MethodType

from mmengine.config import Config
from mmpretrain.models import BaseClassifier
from mmseg.models.segmentors import BaseSegmentor
from torch import nn

from .errors import UserError

FINETUNE = 'finetune'
"""Key at the top of a config by which the whole model is trained, kept and scored."""


def is_finetuned(cfg: Config) -> bool:
    """Whether a config asks for fine-tuning."""
    return bool(cfg.get(FINETUNE, False))


def is_probe(model: nn.Module) -> bool:
    """Whether a model is a task's head on an encoder."""
    return isinstance(model, (BaseClassifier, BaseSegmentor)) and isinstance(
        getattr(model, 'backbone', None), nn.Module
    )


def prepare_for_training(model: nn.Module, finetune: bool) -> None:
    """Freeze the encoder of a classifier, segmentor or depth estimator; models that train encoders stay as they are.

    Args:
        model: What is to be trained.
        finetune: Whether the encoder is to be trained too.

    Raises:
        UserError: If fine-tuning is asked for, but the encoder's own settings freeze it.
    """
    if not is_probe(model):
        return
    encoder = model.get_submodule('backbone')
    if not finetune:
        freeze(encoder)
    elif not any(parameter.requires_grad for parameter in encoder.parameters()):
        raise UserError(
            f'finetune=True, but the encoder is frozen by its own settings: set model.backbone.frozen=False, or '
            f'frozen_stages=-1, whichever {type(encoder).__name__} has'
        )


def freeze(encoder: nn.Module) -> None:
    """Keep all of an encoder fixed: parameters, running statistics, and no dropout; the input's gradient remains."""
    encoder.requires_grad_(False)
    # A method of the instance, which a copy of the encoder gets its own of.
    encoder.train = MethodType(_stay_in_eval_mode, encoder)  # type: ignore[method-assign]
    encoder.train()


def _stay_in_eval_mode(encoder: nn.Module, mode: bool = True) -> nn.Module:  # noqa: ARG001
    type(encoder).train(encoder, False)  # MMPretrain's return nothing
    return encoder
