"""``hf:NAME``: vision models of transformers, from the Hugging Face Hub or a folder; without code of a repository."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.hub_files import MIRROR
from mmssl_robust.utils.mismatch import shortened
from mmssl_robust.utils.pretrained import Loaded, note

from .hf_calls import call_of
from .hf_colours import colours_of
from .hf_layers import Maps, Sequences
from .info import EncoderInfo
from .network import TokenNetwork, Tokens, check_pool, digest_of
from .spec import EncoderSpec

_SETTINGS: dict[str, Any] = dict(trust_remote_code=False)


def build(spec: EncoderSpec) -> TokenNetwork:
    """Build the network of a spec.

    Raises:
        UserError: If transformers is missing, or there is no such model, or none that gives tokens.
    """
    transformers = _transformers(spec)
    place = _place_of(spec.name)
    try:
        config = transformers.AutoConfig.from_pretrained(place, **_SETTINGS)
        model = transformers.AutoModel.from_config(config, **_SETTINGS)
    except Exception as error:  # of many kinds: no network, no right, no such model, code of the repository
        raise UserError(f'{spec}: transformers cannot make it ({first_line(error)[:200]})') from error
    return HFNetwork(spec, place, model.float())


class HFNetwork(TokenNetwork):
    """A vision model of transformers, or the part of one that encodes images."""

    def __init__(self, spec: EncoderSpec, place: str, model: Any) -> None:
        super().__init__()
        self.spec, self.place, self.weights = spec, place, str(spec)
        self.part = _part_of(model)
        self.model = getattr(model, self.part) if self.part else model
        self.model.eval()
        mean, std = colours_of(spec, place, model)
        size, has_maps = self._native_size(), hasattr(self.model.config, 'depths')
        self.reader = (Maps if has_maps else Sequences)(self.model, spec, call_of(self.model))
        with torch.no_grad():
            widths, patch, has_cls = self.reader.probe(size)
        check_pool(spec, spec.options.get('pool'), self.reader.pools)
        self.pool = spec.options.get('pool') or self.reader.pools[0]
        parts = len(self.model.config.summary_idxs) if self.pool == 'summary' else 1
        fixed = not self.reader.takes((2 * patch, 3 * patch))
        self.info = EncoderInfo(mean, std, patch, patch, size, widths, has_cls, fixed, parts)

    def tokens(self, images: Tensor, indices: Sequence[int], norm: bool) -> list[Tokens]:  # noqa: D102
        return self.reader.tokens(images, indices, norm, self.pool)

    def load(self) -> Loaded:
        """Load the weights, from safetensors."""
        transformers = _transformers(self.spec)
        try:
            full, found = transformers.AutoModel.from_pretrained(
                self.place, use_safetensors=True, output_loading_info=True, dtype=torch.float32, **_SETTINGS
            )
        except Exception as error:  # see build
            raise UserError(f'{self.spec}: transformers cannot load it ({first_line(error)[:200]})') from error
        prefix = f'{self.part}.' if self.part else ''
        lacking = [*found['missing_keys'], *(str(entry[0]) for entry in found['mismatched_keys'])]
        missing = [key for key in lacking if key.startswith(prefix) and not self._is_unread(key[len(prefix) :])]
        if missing or found['error_msgs']:
            problem = shortened(sorted(missing)) or first_line(Exception(*found['error_msgs']))
            raise UserError(f'{self.spec}: its weights do not fit; missing, or of another shape: {problem}')
        state = (getattr(full, self.part) if self.part else full).state_dict()
        self.model.load_state_dict(state)
        left_out = sorted({str(key).partition('.')[0] for key in found['unexpected_keys']})
        loaded = Loaded(str(self.spec), digest_of(state), 'read by transformers', 'only', len(state), left_out)
        return note(self, loaded)

    def _is_unread(self, key: str) -> bool:
        """Whether a tensor is of a part that nothing here reads, such as the pooler of a model with a CLS token."""
        return key.startswith('pooler.') and self.pool != 'map'

    def _native_size(self) -> tuple[int, int]:
        config = self.model.config
        size = getattr(config, 'image_size', None) or getattr(config, 'crop_size', None) or 224
        return (int(size[0]), int(size[1])) if isinstance(size, (list, tuple)) else (int(size), int(size))


def _transformers(spec: EncoderSpec) -> Any:
    try:
        import transformers  # takes seconds, which other sources need not
    except ImportError as error:
        raise UserError(f'{spec} needs the package transformers: run `pip install transformers`') from error
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def _part_of(model: Any) -> str:
    """Name of the part that encodes images, of a model with other parts; '' for all of it."""
    if model.config.model_type == 'vjepa2':  # the other part predicts tokens from tokens
        return 'encoder'
    vision = getattr(model, 'vision_model', None)
    return 'vision_model' if isinstance(vision, nn.Module) and hasattr(vision, 'config') else ''


def _place_of(name: str) -> str:
    """A folder, in the mirror or as it is named, or else a repository of the Hub."""
    folders = [Path(os.environ[MIRROR]) / name] if os.environ.get(MIRROR) else []
    folders.append(Path(name).expanduser())
    return next((str(folder) for folder in folders if folder.is_dir()), name)
