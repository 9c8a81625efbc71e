"""Configuration of the documentation site: `make docs`.

The source root is the repository, so that links between its Markdown files hold on the site as on a code host.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / 'docs/_extensions'), str(ROOT / 'tools/docs')]

from mmssl_robust.version import __version__  # noqa: E402

project = 'mmssl_robust'
author = 'the mmssl_robust authors'
copyright = 'the mmssl_robust authors, Apache-2.0'
version = release = __version__

root_doc = 'docs/index'
include_patterns = [
    'docs/**',
    'configs/**/README.md',
    'mmssl_robust/assets/*/README.md',
    'examples/README.md',
    'docker/README.md',
    'CHANGELOG.md',
    'CONTRIBUTING.md',
]
# Folders that are not even looked into.
exclude_patterns = [
    '.*',
    '**/.*',
    'build',
    'data',
    'dist',
    'work_dirs',
    'tests',
    'tools',
    'docs/_*',
    'docs/images',
    '**/__pycache__',
]

extensions = [
    'myst_parser',
    'sphinx.ext.autodoc',
    'sphinx.ext.napoleon',
    'sphinx.ext.viewcode',
    'sphinx_copybutton',
    'sphinx_design',
    'generated_pages',
    'code_host_links',
    'formulas',
    'short_names',
]

myst_enable_extensions = ['colon_fence', 'dollarmath', 'deflist']
myst_heading_anchors = 4

autodoc_member_order = 'bysource'
autodoc_typehints = 'signature'
autodoc_typehints_format = 'short'
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = 'hide'
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# Links into other libraries, for whoever builds with a network: INTERSPHINX=1 make docs
if os.environ.get('INTERSPHINX'):
    extensions.append('sphinx.ext.intersphinx')
    intersphinx_mapping = {
        'python': ('https://docs.python.org/3', None),
        'torch': ('https://pytorch.org/docs/stable', None),
        'numpy': ('https://numpy.org/doc/stable', None),
        'mmengine': ('https://mmengine.readthedocs.io/en/latest', None),
    }

# Nothing is left out; what does not answer is asked again, and an address that only has another place is no fault.
linkcheck_timeout = 15
linkcheck_retries = 2
linkcheck_workers = 4

html_theme = 'furo'
html_title = f'mmssl_robust {release}'
html_static_path = ['_static']
html_css_files = ['site.css']
html_copy_source = False
html_show_sphinx = False
html_math_renderer = 'drawn'
copybutton_exclude = '.linenos, .gp, .go'
