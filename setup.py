"""Builds and installs mmssl_robust; run it through pip."""

import os
import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent


def requirements(name: str) -> list[str]:
    """Read requirements/NAME.txt without its comments."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    return [line for line in map(str.strip, lines) if line and not line.startswith('#')]


def version() -> str:
    """Read the version without importing the package, whose dependencies may be missing yet."""
    return re.search(r"__version__ = '(.+)'", (ROOT / 'mmssl_robust' / 'version.py').read_text())[1]


def make_mim(folder: Path, link: bool) -> None:
    """Put configs, tools and the model index into the folder where ``mim`` looks for them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ('configs', 'tools', 'model-index.yml'):
        if link:
            (folder / name).symlink_to(os.path.relpath(ROOT / name, folder))
        elif (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns('__pycache__'))
        else:
            shutil.copy2(ROOT / name, folder / name)


class BuildPy(build_py):
    """Adds ``.mim``: links in the source tree of an editable install, copies in a wheel."""

    def run(self) -> None:
        """Build the package, then ``.mim``."""
        super().run()
        package = ROOT if self.editable_mode else Path(self.build_lib)
        make_mim(package / 'mmssl_robust' / '.mim', link=self.editable_mode)


extras = {
    'mm': requirements('mminstall'),
    'mm-upstream': requirements('mminstall_upstream'),
    'tests': requirements('tests'),
    'optional': requirements('optional'),
    'examples': requirements('examples'),
    'docs': requirements('docs'),
}
extras['all'] = extras['mm'] + extras['tests'] + extras['optional']

# What is no computation stands in pyproject.toml.
setup(
    version=version(),
    packages=find_packages(include=['mmssl_robust', 'mmssl_robust.*']),
    package_data={'mmssl_robust': ['py.typed', 'assets/**/*', 'benchmark/report/*.j2']},
    # Never any mm* here: two sets of distributions own the same files, and the user chooses by an extra.
    install_requires=requirements('runtime'),
    extras_require=extras,
    cmdclass={'build_py': BuildPy},
)
