"""Files of the Hugging Face Hub, by ``hf://OWNER/REPOSITORY/FILE``: from its cache, downloaded once."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from .errors import UserError, first_line

MIRROR = 'MMSSL_WEIGHTS'
"""Environment variable that names a folder in which files are looked for before any network is asked."""
HUB_SCHEME = 'hf://'
ENCODER_FILE = 'encoder.safetensors'
"""What a repository without a file's name stands for."""
_NAME = r'[A-Za-z0-9][\w.-]*'
_REPOSITORY = re.compile(rf'hf://(?P<kind>datasets/)?(?P<id>{_NAME}/{_NAME})(?:@(?P<revision>[\w.-]+))?')


@dataclass(frozen=True)
class HubRepository:
    """A repository of the Hub.

    Attributes:
        id: ``OWNER/NAME``.
        is_dataset: Whether it is one of data, which have addresses of their own.
        revision: Branch, tag or commit; None for the main branch.
    """

    id: str
    is_dataset: bool = False
    revision: str | None = None

    @property
    def kind(self) -> str:
        """What ``huggingface_hub`` calls ``repo_type``."""
        return 'dataset' if self.is_dataset else 'model'

    def __str__(self) -> str:
        kind = 'datasets/' if self.is_dataset else ''
        return f'{HUB_SCHEME}{kind}{self.id}{f"@{self.revision}" if self.revision else ""}'


def parse_repository(address: str) -> tuple[HubRepository, str]:
    """Split an address.

    Args:
        address: ``hf://OWNER/NAME``, ``hf://datasets/OWNER/NAME``, each with ``@REVISION`` and ``/FILE`` behind it or
            not, as ``huggingface_hub`` writes them.

    Returns:
        The repository, and the file's name in it, which may be empty.

    Raises:
        UserError: If it is no such address.
    """
    found = _REPOSITORY.match(address)
    rest = address[found.end() :] if found else ''
    if not found or (rest and (not rest.startswith('/') or '..' in rest.split('/'))):
        raise UserError(f'{address} names nothing of the Hub: write hf://OWNER/NAME/FILE, or hf://datasets/OWNER/NAME')
    return HubRepository(found['id'], bool(found['kind']), found['revision']), rest.strip('/')


def fetch_from_hub(source: str) -> Path:
    """Return the local file of an address.

    ``MMSSL_WEIGHTS=folder`` is looked into first, where files lie as ``OWNER/REPOSITORY/FILE``, of data sets as
    ``datasets/OWNER/REPOSITORY/FILE``; what ``huggingface_hub`` has in its cache needs no network, and
    ``HF_HUB_OFFLINE=1`` forbids it.

    Args:
        source: See :func:`parse_repository`; of a repository of models without a file's name, its encoder.

    Raises:
        UserError: If it cannot be had; says why.
    """
    from huggingface_hub import hf_hub_download  # takes half a second, which other sources need not

    repository, file = parse_repository(source)
    if not file and repository.is_dataset:
        raise UserError(f'{source} names no file of the Hub: write {repository}/FILE')
    file = file or ENCODER_FILE
    place = f'{"datasets/" if repository.is_dataset else ""}{repository.id}'
    mirrored = Path(os.environ[MIRROR]) / place if os.environ.get(MIRROR) else None
    if mirrored and (mirrored / file).is_file():
        return mirrored / file
    try:
        return Path(hf_hub_download(repository.id, file, repo_type=repository.kind, revision=repository.revision))
    except Exception as error:  # of many kinds: no network, no such file, no right to have it
        raise UserError(
            f'cannot get {source} ({first_line(error)[:200]}): if its licence has to be accepted, do so on its page '
            f'and run `hf auth login`; without a network put it at ${MIRROR}/{place}/{file}'
        ) from error
