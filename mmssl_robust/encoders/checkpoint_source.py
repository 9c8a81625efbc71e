"""The path or URL of a checkpoint, and what architecture it is of: of DINO and DINOv2, or what its file says."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from mmssl_robust.models.backbones.dino_vit import ARCHITECTURES, DINOVisionTransformer
from mmssl_robust.models.backbones.weights import extract_encoder
from mmssl_robust.utils.checkpoint import local_path, notes_of, read_checkpoint
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.pretrained import Loaded, load_encoder

from .info import IMAGENET_MEAN, IMAGENET_STD, EncoderInfo, of_255
from .network import TokenNetwork
from .sources import build_network
from .spec import SHIPPED, EncoderSpec, parse_spec
from .timm_source import ViT

NOTE = 'mmssl_robust.'
"""Before the names of what a file of an encoder says of itself: ``architecture``, ``mean``, ``std``."""
# A remote file may say no more than this: timm takes other names for addresses and paths.
_OF_TIMM = re.compile(r'timm:[\w.-]+(?:\?(?:pool|size)=\w+(?:&(?:pool|size)=\w+)?)?')
_KNOWN: dict[str, dict[str, Any]] = {
    **ARCHITECTURES,
    'mini': dict(img_size=64, patch_size=8, embed_dim=192, depth=6, num_heads=3, mlp_ratio=4.0),
    'mini_wide': dict(img_size=64, patch_size=8, embed_dim=256, depth=7, num_heads=4, mlp_ratio=4.0),
}


def build(spec: EncoderSpec) -> TokenNetwork:
    """Build the network of a spec.

    Options of the spec come before what the file says of itself.

    Raises:
        UserError: If its architecture is unknown, or the weights do not say which it is.
    """
    source = SHIPPED.get(spec.name, spec.name)
    notes = notes_of(local_path(source))
    stated = {key: notes[NOTE + key] for key in ('architecture', 'mean', 'std') if NOTE + key in notes}
    architecture = stated.pop('architecture', None)
    arch = spec.options.get('arch') or architecture or _guess(spec, source)
    if _OF_TIMM.fullmatch(arch) and arch == architecture:
        return _of_timm(spec, arch, source)
    if arch not in _KNOWN:
        raise UserError(f'{spec}: unknown arch={arch}: use one of {", ".join(_KNOWN)}')
    return CheckpointNetwork(replace(spec, options=stated | dict(spec.options)), arch, source)


def _of_timm(spec: EncoderSpec, architecture: str, source: str) -> TokenNetwork:
    """The network of a file that says which model of timm it is of, which brings mean and std."""
    if spec.options:
        raise UserError(
            f'{spec}: the file says that it is of {architecture}: leave out the options, or write '
            f'{architecture}{"&" if "?" in architecture else "?"}checkpoint={source}'
        )
    named = parse_spec(architecture)
    return build_network(replace(named, options=dict(named.options) | dict(checkpoint=source)))


class CheckpointNetwork(ViT):
    """A ViT of DINO or DINOv2, as :class:`DINOVisionTransformer` makes it."""

    def __init__(self, spec: EncoderSpec, arch: str, source: str) -> None:
        super().__init__(spec, DINOVisionTransformer(_KNOWN[arch]).vit, source)
        self.architecture = arch

    def _info(self, stride: int, widths: Any, has_cls: bool, fixed: bool) -> EncoderInfo:
        mean, std = (self.spec.numbers(key) for key in ('mean', 'std'))
        return EncoderInfo(
            of_255(mean) if mean else IMAGENET_MEAN,
            of_255(std) if std else IMAGENET_STD,
            stride,
            stride,
            self.model.patch_embed.img_size,
            tuple(widths),
            has_cls,
            fixed,
        )

    def as_dino(self) -> DINOVisionTransformer:
        """The same network as a backbone of configs, weights shared."""
        backbone = DINOVisionTransformer(_KNOWN[self.architecture])
        backbone.vit = self.model
        return backbone

    def load(self) -> Loaded:
        """Load the checkpoint."""
        return load_encoder(self, self.weights or '', weights=self.spec.which)


def _guess(spec: EncoderSpec, source: str) -> str:
    """The architecture whose tensors have the shapes of the checkpoint's."""
    found = _shape_of(extract_encoder(read_checkpoint(source)))
    fitting = [name for name, arch in _KNOWN.items() if _shape_of_arch(arch) == found]
    if len(fitting) != 1:
        raise UserError(
            f'{spec}: the weights do not say which architecture it is: add ?arch= one of {", ".join(_KNOWN)}'
        )
    return fitting[0]


def _shape_of(state: Mapping[str, Tensor]) -> tuple[int, ...] | None:
    """Width, patch, depth, registers, and whether there is LayerScale."""
    patches = state.get('patch_embed.proj.weight')
    if patches is None or patches.ndim != 4:
        return None
    depth = 1 + max((int(key.split('.')[1]) for key in state if key.startswith('blocks.')), default=-1)
    registers = state['reg_token'].shape[1] if 'reg_token' in state else 0
    return patches.shape[0], patches.shape[2], depth, registers, 'blocks.0.ls1.gamma' in state


def _shape_of_arch(arch: Mapping[str, Any]) -> tuple[int, ...]:
    registers = arch.get('reg_tokens', 0)
    return arch['embed_dim'], arch['patch_size'], arch['depth'], registers, 'init_values' in arch
