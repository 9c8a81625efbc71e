"""From a spec to its network."""

import importlib

import torch

from mmssl_robust.utils.pretrained import Loaded

from .network import TokenNetwork, digest_of
from .spec import EncoderSpec


def build_network(spec: EncoderSpec) -> TokenNetwork:
    """Build the network of a spec; what it draws follows from the spec's seed and leaves PyTorch's own as it was.

    Raises:
        UserError: If there is no such encoder, or a library that it needs is missing.
    """
    # Each source imports its library, of which only the one that is asked for has to be there.
    source = importlib.import_module(f'.{spec.source}_source', __package__)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        network: TokenNetwork = source.build(spec)
    if spec.is_random:
        network.weights = None
        digest = digest_of(network.state_dict())
        network.loaded = Loaded(f'random weights, seed {spec.seed}', digest, 'drawn', 'only', len(network.state_dict()))
    return network.eval()
