"""The site as a whole: it builds without a warning and holds every page."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ['docs/*.md', 'configs/**/README.md', 'mmssl_robust/assets/*/README.md', 'CONTRIBUTING.md']


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    """The site, built."""
    for library in ('sphinx', 'myst_parser', 'furo', 'sphinx_copybutton', 'sphinx_design', 'ziamath'):
        pytest.importorskip(library, reason='the site needs the extra docs: pip install -e .[docs]')
    folder = tmp_path_factory.mktemp('site')
    command = f'-m sphinx -W --keep-going -q -c docs -d {folder}/doctrees -b html . {folder}/html'
    done = subprocess.run([sys.executable, *command.split()], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / 'html'


@pytest.mark.slow
def test_every_page_is_there_and_the_top_leads_to_the_first(site):
    sources = [path.relative_to(ROOT) for pattern in PAGES for path in ROOT.glob(pattern)]
    assert [path for path in sources if not (site / path).with_suffix('.html').is_file()] == []
    assert 'url=docs/index.html' in (site / 'index.html').read_text()


@pytest.mark.slow
def test_it_asks_no_other_host_for_anything(site):
    page = (site / 'docs/attacks.html').read_text()
    assert not [
        line for line in page.splitlines() if 'src="http' in line or '<link rel="stylesheet" href="http' in line
    ]


@pytest.mark.slow
def test_others_can_link_to_its_names(site):
    from sphinx.util.inventory import InventoryFile

    inventory = InventoryFile.loads((site / 'objects.inv').read_bytes(), uri='')
    names = inventory.data['py:class'] if hasattr(inventory, 'data') else inventory['py:class']
    assert 'mmssl_robust.attacks.PGD' in names
    assert 'mmssl_robust.attacks.pgd.PGD' in names
