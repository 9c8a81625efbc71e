"""From what is to be published to a repository of the Hub."""

import tempfile
from pathlib import Path

from mmssl_robust.benchmark.suite import SUITE_FILE
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import copy_folder
from mmssl_robust.utils.hub_files import parse_repository

from .encoders import write_encoder
from .heads import is_head, write_head
from .privacy import check_private
from .records import write_records
from .upload import upload


def push(
    source: str | Path,
    target: str,
    licence: str | None = None,
    trained: str = '',
    results: str | Path | None = None,
    private: bool = False,
    update: bool = False,
    dry_run: Path | None = None,
) -> str:
    """Publish an encoder, a head, or records.

    Args:
        source: An encoder that a checkpoint holds: its path, or a spec with ``checkpoint=FILE``. Or a file of a head,
            a work dir with finished records, or a submission, see :func:`mmssl_robust.benchmark.submission.pack`.
        target: ``hf://OWNER/NAME`` of encoders and heads, ``hf://datasets/OWNER/NAME`` of records, each with
            ``@BRANCH`` or not.
        licence: As the Hub calls it, such as ``'apache-2.0'``; by default what the file says of itself.
        trained: How it was trained, for the card.
        results: Folder, or address, of records of this encoder, which the card shows.
        private: Whether a new repository is for its owner alone.
        update: Whether the repository may be there already, to which a commit is added.
        dry_run: A folder that is not there, into which everything is written, and nothing is uploaded.

    Returns:
        The address of the commit, or the folder of a dry run.

    Raises:
        UserError: If something lacks, would tell of this machine, or the Hub refuses it.

    Examples:
        >>> from pathlib import Path
        >>> from mmssl_robust.publishing import push
        >>> source = 'mmssl_robust://mini/encoder.safetensors'
        >>> folder = push(source, 'hf://me/mini', licence='apache-2.0', dry_run=Path('repository'))
        >>> sorted(path.name for path in Path(folder).iterdir())  # what would be uploaded
        ['README.md', 'encoder.safetensors']
    """
    repository, file = parse_repository(target)
    records = _are_records(Path(source))
    if file or repository.is_dataset != records:
        wanted = 'hf://datasets/OWNER/NAME' if records else 'hf://OWNER/NAME'
        raise UserError(f'{target} is no place for {"records" if records else "weights"}: write {wanted}')
    if records and (trained or results):
        raise UserError('--trained and --results are for encoders: records say themselves what they are of')
    if dry_run and dry_run.exists():
        raise UserError(f'{dry_run} is there already: give --dry-run a folder that is not')
    with tempfile.TemporaryDirectory(prefix='mmssl_robust-') as place:
        folder = Path(place) / 'repository'  # the place itself is hidden from others
        folder.mkdir()
        if records:
            write_records(Path(source), folder, repository, licence)
        elif is_head(str(source)):
            write_head(str(source), folder, repository, licence, trained, whole=not update)
        else:
            write_encoder(str(source), folder, repository, licence, trained, results)
        check_private(folder)
        if dry_run is None:
            return upload(folder, repository, private, update)
        copy_folder(folder, dry_run)
        return str(dry_run)


def _are_records(source: Path) -> bool:
    if source.is_dir() and not (source / SUITE_FILE).is_file():
        raise UserError(f'{source} has no {SUITE_FILE}: give a work dir, a submission or a file of weights')
    return source.is_dir() or source.suffix == '.zip'
