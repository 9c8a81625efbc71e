"""A head as a file of a repository, mostly its encoder's."""

from pathlib import Path

from mmssl_robust.utils.checkpoint import local_path, read_state, save_checkpoint
from mmssl_robust.utils.hub_files import HubRepository
from mmssl_robust.utils.slug import slug

from .cards import model_card, write_card
from .encoders import LICENCE, licence_of

FOLDER = 'heads'
_PARTS = ('head.', 'decode_head.', 'auxiliary_head.', 'neck.')
_HOW = """```bash
mmssl-robust test CONFIG {address} --attack pgd
```"""


def is_head(source: str) -> bool:
    """Whether a file holds the weights of a head and no encoder."""
    path = local_path(source) if '?' not in source else Path(source)
    return path.is_file() and path.suffix != '.py' and _is_head(read_state(source).tensors)


def _is_head(tensors: dict) -> bool:
    return bool(tensors) and all(name.startswith(_PARTS) for name in tensors)


def write_head(
    source: str, folder: Path, repository: HubRepository, licence: str | None, trained: str, whole: bool
) -> None:
    """Write what is to be pushed.

    Args:
        source: File of a head.
        folder: Where to.
        repository: Whose address stands in the card.
        licence: See :func:`.push.push`.
        trained: Likewise.
        whole: Whether the repository is new and gets a card; one that is there keeps its own.

    Raises:
        UserError: If it has no licence.
    """
    path = local_path(source)
    licence = licence_of(path, licence)
    name = f'{FOLDER}/{slug(path.stem)}.safetensors'
    save_checkpoint(read_state(source).tensors, folder / name, notes={'format': 'pt', LICENCE: licence})
    if whole:
        text = ['The head of a task on a self-supervised encoder.', trained, '## How to load it']
        write_card(model_card(repository, licence, [*text, _HOW.format(address=f'{repository}/{name}')]), folder)
