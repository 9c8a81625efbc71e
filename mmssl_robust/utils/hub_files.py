"""Files of the Hugging Face Hub, by ``hf://OWNER/REPOSITORY/FILE``: from its cache, downloaded once."""

import os
from pathlib import Path

from .download import MIRROR
from .errors import UserError, first_line

HUB_SCHEME = 'hf://'


def fetch_from_hub(source: str) -> Path:
    """Return the local file of an address.

    ``MMSSL_WEIGHTS=folder`` is looked into first, where files lie as ``OWNER/REPOSITORY/FILE``; what
    ``huggingface_hub`` has in its cache needs no network, and ``HF_HUB_OFFLINE=1`` forbids it.

    Args:
        source: ``hf://OWNER/REPOSITORY/FILE`` or ``hf://OWNER/REPOSITORY@REVISION/FILE``.

    Raises:
        UserError: If it cannot be had; says why.
    """
    from huggingface_hub import hf_hub_download  # takes half a second, which other sources need not

    parts = source[len(HUB_SCHEME) :].split('/', 2)
    if len(parts) < 3 or not all(parts):
        raise UserError(f'{source} names no file of the Hub: write hf://OWNER/REPOSITORY/FILE')
    owner, (name, _, revision), file = parts[0], parts[1].partition('@'), parts[2]
    mirror = os.environ.get(MIRROR)
    if mirror and (Path(mirror) / owner / name / file).is_file():
        return Path(mirror) / owner / name / file
    try:
        return Path(hf_hub_download(f'{owner}/{name}', file, revision=revision or None))
    except Exception as error:  # of many kinds: no network, no such file, no right to have it
        raise UserError(
            f'cannot get {source} ({first_line(error)[:200]}): if its licence has to be accepted, do so on its page '
            f'and run `hf auth login`; without a network put it at $MMSSL_WEIGHTS/{owner}/{name}/{file}'
        ) from error
