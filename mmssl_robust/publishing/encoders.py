"""An encoder as a repository of models: its weights as safetensors, which say what they are of, and a card."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from mmssl_robust.encoders import Encoder, EncoderSpec, load_encoder, parse_spec
from mmssl_robust.encoders.checkpoint_source import NOTE
from mmssl_robust.encoders.spec import SHIPPED
from mmssl_robust.utils.checkpoint import local_path, notes_of, save_checkpoint
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import sha256
from mmssl_robust.utils.hub_files import ENCODER_FILE, HubRepository

from .cards import model_card, table_of, write_card
from .results import scores_of

LICENCE = 'license'
"""What a file of weights calls its licence."""
_HOW = """```python
from mmssl_robust import load_encoder

encoder = load_encoder('{address}', out_type='featmap_cls')
# (B, 3, H, W), pixels in [0, 255] normalised by encoder.info.mean and .std
((featmap, cls_token),) = encoder(images)
```

```bash
mmssl-robust evaluate {address} PHOTOS
```"""


def write_encoder(
    source: str,
    folder: Path,
    repository: HubRepository,
    licence: str | None,
    trained: str,
    results: str | Path | None,
) -> None:
    """Write what is to be pushed, and read it again.

    Args:
        source: Path of a checkpoint, or a spec with ``checkpoint=FILE``.
        folder: Where to.
        repository: Whose address stands in the card.
        licence: See :func:`.push.push`.
        trained: Likewise.
        results: Likewise.

    Raises:
        UserError: If it is no encoder of a file, has no licence, or no record is of it.
    """
    spec = parse_spec(source)
    file = _file_of(spec)
    licence = licence_of(local_path(file), licence)
    encoder = load_encoder(spec)
    digest = encoder.loaded_weights.sha256
    scores = None if results is None else scores_of(results, digest)
    notes = {'format': 'pt', LICENCE: licence, NOTE + 'source_sha256': digest} | _said(encoder)
    state = encoder.network.model.state_dict()
    save_checkpoint(state, folder / ENCODER_FILE, half=_is_half(state), notes=notes)
    _read_again(folder / ENCODER_FILE, encoder)
    text = [
        f'A self-supervised vision encoder: {notes[NOTE + "architecture"]}.',
        trained,
        '## How to load it',
        _HOW.format(address=repository),
        '## What it is',
        _facts(encoder, digest, sha256(folder / ENCODER_FILE)),
        *(['## How robust it is', table_of(scores)] if scores is not None else []),
    ]
    write_card(model_card(repository, licence, text, scores), folder)


def licence_of(file: Path, given: str | None) -> str:
    """The licence that is given, or that a file of weights names.

    Raises:
        UserError: If there is none.
    """
    licence = given or notes_of(file).get(LICENCE)
    if not licence:
        raise UserError('under which licence? Give --license, such as apache-2.0 or cc-by-nc-4.0: the file names none')
    return licence


def _file_of(spec: EncoderSpec) -> str:
    """Path or address of the weights of a spec that can be pushed."""
    if spec.source == 'checkpoint':
        return SHIPPED.get(spec.name, spec.name)
    if spec.source == 'timm' and spec.checkpoint:
        return spec.checkpoint
    if spec.is_random:
        raise UserError(f'{spec} has random weights: push trained ones, timm:NAME?checkpoint=FILE')
    if spec.source == 'timm':
        raise UserError(f'{spec} has weights of its own, which are public: push timm:NAME?checkpoint=FILE')
    raise UserError(
        f'{spec}: encoders of checkpoints and of timm can be pushed; for another architecture of a file give '
        'timm:NAME?checkpoint=FILE'
    )


def _said(encoder: Encoder) -> dict[str, str]:
    """What the file says of itself, so that its address alone is enough to build it."""
    mean, std = (
        ','.join(f'{value / 255:.10g}' for value in values) for values in (encoder.info.mean, encoder.info.std)
    )
    return {NOTE + 'architecture': str(encoder.network.architecture), NOTE + 'mean': mean, NOTE + 'std': std}


def _is_half(state: Mapping[str, Tensor]) -> bool:
    """Whether float16 holds all weights as they are, mostly since their file is of it."""
    floats = [tensor for tensor in state.values() if tensor.is_floating_point()]
    return all(torch.equal(tensor.half().to(tensor.dtype), tensor) for tensor in floats)


def _read_again(file: Path, encoder: Encoder) -> None:
    """Load what was written as anyone would.

    Raises:
        UserError: If it is not what was to be pushed.
    """
    again = load_encoder(str(file))
    state, other = encoder.network.state_dict(), again.network.state_dict()
    same = state.keys() == other.keys() and all(torch.equal(state[name], other[name]) for name in state)
    if not same or again.info != encoder.info:
        raise UserError(f'{encoder.spec} would be read as another encoder: push it as timm:NAME?checkpoint=FILE')


def _facts(encoder: Encoder, source: str, digest: str) -> str:
    info = encoder.info
    lines = {
        'Parameters': f'{sum(tensor.numel() for tensor in encoder.network.parameters()) / 1e6:.1f} M',
        'Mean of pixels in [0, 255]': _list(info.mean),
        'Standard deviation': _list(info.std),
        'Pixels of a patch': info.patch_size,
        'Size that it is made for': '{} x {}'.format(*info.native_size),
        'Width': info.embed_dims,
        'Layers': info.depth,
        'CLS token': 'yes' if info.has_cls else 'none, its pool stands for one',
        f'SHA-256 of `{ENCODER_FILE}`': f'`{digest}`',
        'SHA-256 of the file that it is from': f'`{source}`',
    }
    return '\n'.join(f'- {name}: {value}' for name, value in lines.items())


def _list(values: Sequence[float]) -> str:
    return ', '.join(f'{value:.6g}' for value in values)
