"""``hub:REPOSITORY:NAME``: encoders of torch.hub, from a clone or from GitHub; the repository's code is run."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.mismatch import shortened
from mmssl_robust.utils.pretrained import Loaded
from mmssl_robust.utils.witness import watching_loads

from .module_network import ModuleNetwork
from .network import TokenNetwork, digest_of
from .spec import EncoderSpec


def build(spec: EncoderSpec) -> TokenNetwork:
    """Build the network of a spec.

    Raises:
        UserError: If the repository is not trusted or has no such encoder, or a part of it is random unasked.
    """
    random = spec.is_random or spec.checkpoint is not None
    with watching_loads() as witness:
        module = _call(spec, pretrained=not random)
    if random:
        return ModuleNetwork(spec, module, spec.checkpoint)
    missing = witness.missing(module)
    if missing:
        raise UserError(
            f'{spec}: its entry point has not loaded all weights; missing: {shortened(missing)}: add ?checkpoint=FILE, '
            'or ?weights=random'
        )
    network = ModuleNetwork(spec, module)
    state = module.state_dict()
    network.loaded = Loaded(str(spec), digest_of(state), 'read by torch.hub', 'only', len(state))
    return network


def _call(spec: EncoderSpec, pretrained: bool) -> nn.Module:
    repository, _, name = spec.name.rpartition(':')
    if not repository:
        raise UserError(f'{spec}: write hub:OWNER/REPOSITORY:NAME, or hub:FOLDER:NAME of a clone')
    local = Path(repository).expanduser().is_dir()
    place = str(Path(repository).expanduser()) if local else repository
    try:
        module: Any = _load(spec, place, name, local, pretrained)
    except EOFError:
        raise UserError(
            f'{spec} runs code of {repository}: if you trust it add ?trust=yes, or give the folder of a clone'
        ) from None
    except Exception as error:  # it runs the repository's code
        raise UserError(f'{spec}: torch.hub cannot load it: {first_line(error)}') from error
    if not isinstance(module, nn.Module):
        raise UserError(f'{spec}: {name} returns a {type(module).__name__}, no torch.nn.Module')
    return module


def _load(spec: EncoderSpec, place: str, name: str, local: bool, pretrained: bool) -> Any:
    # By default torch.hub asks at the terminal whether a repository is trusted, and remembers the answer.
    settings: dict[str, Any] = (
        dict(source='local') if local else dict(trust_repo=spec.options.get('trust') == 'yes' or 'check')
    )
    try:
        return torch.hub.load(place, name, pretrained=pretrained, **settings)
    except TypeError:  # an entry point without that argument
        if not pretrained:
            raise
        return torch.hub.load(place, name, **settings)
