"""``FILE.py:FUNCTION``: a function of one's own that returns a module. The file is a program, and is run."""

import logging
import sys
from pathlib import Path

from mmengine.logging import print_log
from torch import nn

from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.files import sha256
from mmssl_robust.utils.import_file import import_file
from mmssl_robust.utils.mismatch import shortened
from mmssl_robust.utils.pretrained import Loaded
from mmssl_robust.utils.witness import watching_loads

from .module_network import ModuleNetwork
from .network import TokenNetwork, digest_of
from .spec import EncoderSpec


def build(spec: EncoderSpec) -> TokenNetwork:
    """Call the function, which builds the module and loads it.

    Raises:
        UserError: If there is no such function, it fails, returns no module or has loaded a part of it.
    """
    file, _, name = spec.name.rpartition(':')
    path = Path(file).expanduser().resolve()
    import_file(path)
    function = getattr(sys.modules[path.stem], name, None)
    if not callable(function):
        raise UserError(f'{spec}: {file} has no function {name}: name one that returns an encoder')
    with watching_loads() as witness:
        try:
            module = function if isinstance(function, nn.Module) else function()
        except Exception as error:  # it is a program: anything can go wrong in it
            raise UserError(f'{spec}: {name}() fails: {first_line(error)}') from error
    if not isinstance(module, nn.Module):
        raise UserError(f'{spec}: {name}() returns a {type(module).__name__}: return a torch.nn.Module')
    if spec.checkpoint:
        return ModuleNetwork(spec, module, spec.checkpoint)
    missing = witness.missing(module)
    if missing and witness.saw_any(module):
        raise UserError(f'{spec}: {name}() has loaded a part of its weights; missing: {shortened(missing)}')
    if missing:
        print_log(f'{spec}: {name}() was not seen to load any weights', 'current', logging.WARNING)
    network = ModuleNetwork(spec, module)
    # What it computes is in the file, not in its weights alone.
    digest = digest_of(module.state_dict()) + sha256(path)
    network.loaded = Loaded(str(spec), digest[:32] + digest[64:96], f'read by {name}', 'only', len(module.state_dict()))
    return network
