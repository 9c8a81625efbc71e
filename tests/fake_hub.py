"""A Hub without a network: what is pushed lies in a folder, from which ``hf://`` reads."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub.errors import HfHubHTTPError


class FakeHub:
    """Stands for ``HfApi``, and refuses as the Hub does.

    Attributes:
        folder: Repositories, as a mirror has them.
        calls: What was asked for, in order.
        refuses: Status with which everything is refused; 0 for none.
    """

    def __init__(self, folder):
        self.folder, self.calls, self.refuses = folder, [], 0

    def place(self, repo_id, repo_type):
        return self.folder / ('datasets' if repo_type == 'dataset' else '') / repo_id

    def refuse(self, status):
        error = HfHubHTTPError.__new__(HfHubHTTPError)
        Exception.__init__(error, f'{status} Client Error\nmore lines')
        error.response = SimpleNamespace(status_code=status)
        raise error

    def create_repo(self, repo_id, repo_type, private, exist_ok):
        self.calls.append(('create_repo', repo_id, repo_type, private))
        if self.refuses:
            self.refuse(self.refuses)
        if self.place(repo_id, repo_type).exists() and not exist_ok:
            self.refuse(409)
        self.place(repo_id, repo_type).mkdir(parents=True, exist_ok=True)

    def create_branch(self, repo_id, repo_type, branch, exist_ok):
        self.calls.append(('create_branch', branch))

    def upload_folder(self, repo_id, repo_type, folder_path, revision, commit_message):
        self.calls.append(('upload_folder', revision))
        shutil.copytree(folder_path, self.place(repo_id, repo_type), dirs_exist_ok=True)
        return SimpleNamespace(commit_url=f'https://hub/{repo_id}/commit/1')


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The Hub, of which nothing is in the cache and no network leads to another."""
    found = FakeHub(Path(tmp_path) / 'hub')
    monkeypatch.setattr('huggingface_hub.HfApi', lambda: found)
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_OFFLINE', True)
    monkeypatch.setenv('MMSSL_WEIGHTS', str(found.folder))
    return found
