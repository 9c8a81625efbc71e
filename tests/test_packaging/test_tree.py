"""Files that no import looks at: model index, configs' names, shell scripts, pre-commit."""

import os
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
METAFILES = sorted((ROOT / 'configs').glob('*/metafile.yml'))
SCRIPTS = sorted((ROOT / 'tools').rglob('*.sh')) + [ROOT / '.ci' / 'run']


def python_files() -> list[Path]:
    folders = ('mmssl_robust', 'configs', 'tools', 'tests')
    return [path for folder in folders for path in (ROOT / folder).rglob('*.py') if '.mim' not in path.parts]


def test_mim_finds_each_config_by_its_name():
    """``mim`` looks for the basename in the whole package."""
    uses = Counter(path.name for path in python_files())
    configs = [path for path in (ROOT / 'configs').rglob('*.py') if '_base_' not in path.parts]
    assert configs
    assert [path.name for path in configs if uses[path.name] > 1] == []


def test_model_index_imports_every_metafile():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    assert sorted(index['Import']) == [path.relative_to(ROOT).as_posix() for path in METAFILES]


@pytest.mark.parametrize('metafile', METAFILES, ids=lambda path: path.parent.name)
def test_metafile_names_existing_files(metafile):
    content = yaml.safe_load(metafile.read_text())
    # On an empty list `mim search` and `mim download` end with an IndexError, whatever is looked for.
    assert [] not in [value for model in content['Models'] for value in model.get('Metadata', {}).values()]
    models = content['Models'] if isinstance(content, dict) else content
    assert models
    for model in models:
        assert (ROOT / model['Config']).is_file(), model['Name']


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: path.name)
def test_script_is_executable_bash(script):
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith('#!/usr/bin/env bash\n')
    subprocess.run(['bash', '-n', script], check=True)


def test_linter_of_pre_commit_is_the_pinned_one():
    repositories = yaml.safe_load((ROOT / '.pre-commit-config.yaml').read_text())['repos']
    revision = next(repo['rev'] for repo in repositories if repo['repo'].endswith('/ruff-pre-commit'))
    pinned = re.search(r'^ruff==(.+)$', (ROOT / 'requirements' / 'constraints.txt').read_text(), re.M)[1]
    assert revision == f'v{pinned}'


def test_citation_has_the_package_version():
    version = re.search(r"__version__ = '(.+)'", (ROOT / 'mmssl_robust' / 'version.py').read_text())[1]
    assert yaml.safe_load((ROOT / 'CITATION.cff').read_text())['version'] == version
    assert f'version = {{{version}}},' in (ROOT / 'docs/questions.md').read_text()
