"""The one place that writes to the Hub."""

from pathlib import Path
from typing import Any

from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.hub_files import HubRepository

_MESSAGE = 'Pushed by mmssl-robust'
_REASONS = {
    401: 'you are not logged in: run `hf auth login`',
    403: 'you have no right to write there: take a name of your own, or a token that may write',
    409: 'it is there already: --update adds a commit to it',
}


def upload(folder: Path, repository: HubRepository, private: bool, update: bool) -> str:
    """Make a repository and put a folder into it, in one commit.

    Args:
        folder: What to upload.
        repository: Where to; its revision is a branch, which is made where there is none.
        private: Whether a new repository is for its owner alone.
        update: Whether it may be there already.

    Returns:
        The address of the commit.

    Raises:
        UserError: If the Hub refuses it; says why.
    """
    from huggingface_hub import HfApi  # takes half a second

    api = HfApi()
    where: dict[str, Any] = dict(repo_id=repository.id, repo_type=repository.kind)
    try:
        api.create_repo(**where, private=private, exist_ok=update)
        if repository.revision:
            api.create_branch(**where, branch=repository.revision, exist_ok=True)
        commit = api.upload_folder(**where, folder_path=folder, revision=repository.revision, commit_message=_MESSAGE)
    except Exception as error:  # of many kinds: no network, no token, no right, a name that is none
        raise UserError(f'cannot push to {repository}: {_reason(error)}') from error
    return str(commit.commit_url)


def _reason(error: Exception) -> str:
    from huggingface_hub.errors import LocalTokenNotFoundError

    if isinstance(error, LocalTokenNotFoundError):
        return _REASONS[401]
    response: Any = getattr(error, 'response', None)
    return _REASONS.get(getattr(response, 'status_code', 0), first_line(error)[:200])
