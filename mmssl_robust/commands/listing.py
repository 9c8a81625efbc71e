"""List what there is by name."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path

from mmssl_robust.utils.config_files import ATTACKS, ENCODERS, SUITES, configs_in, run_configs


def encoders() -> dict[str, Path]:
    """Those of ``configs/_base_/models`` that a head can be put on; others go by a name, see docs/encoders.md."""
    files = configs_in(ENCODERS)
    return {name: path for name, path in files.items() if re.search(r'^encoder = ', path.read_text(), re.MULTILINE)}


KINDS: dict[str, Callable[[], dict[str, Path]]] = {
    'encoders': encoders,
    'attacks': lambda: configs_in(ATTACKS),
    'suites': lambda: configs_in(SUITES),
    'configs': run_configs,
    'datasets': lambda: configs_in('configs/_base_/tasks'),
}
"""What can be listed -> name -> file."""

BY_NAME = (
    'These, but for those of MAE and of ResNets, `evaluate` knows by their names too; and mini, mini_deacl, mini_wide, '
    'mini_robust, timm:NAME, hf:NAME, hub:REPOSITORY:NAME, mmpretrain:NAME, FILE.py:FUNCTION, '
    'a checkpoint (docs/encoders.md).'
)


_SAYS = (
    r"^title = '(.+)'",
    r'\A"""(.+?)(?:"""|$)',
    r'\A# (.+)',
    r"^attack = dict\(\s*type='(?:mmssl_robust\.)?(\w+)'",
)


def run(args: argparse.Namespace) -> None:
    """Print a line for each."""
    found = KINDS[args.kind]()
    width = max(map(len, found))
    for name, path in found.items():
        print(f'{name:{width}}  {says(path)}')
    if args.kind == 'encoders':
        print(BY_NAME)


def says(path: Path) -> str:
    """What a config says of itself: its title, docstring or first comment, its attack, else its folder."""
    text = path.read_text(encoding='utf-8')
    for pattern in _SAYS:
        if found := re.search(pattern, text, re.MULTILINE):
            return found[1]
    return path.parent.name
