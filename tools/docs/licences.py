"""Write the licences of all that an environment has below the hand-written part of docs/licences.md: `make licences`.

Example:
    python tools/docs/licences.py .venv/bin/python docs/licences.md
"""

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

HEAD = """## Dependencies

What the package depends on, directly or through others, is listed below as each distribution says of itself: all
that the environment of `make` has, with the versions of
`requirements/constraints.txt`, the extras `mm` and `tests`, and parts of `optional` ({platform}). `make licences`
writes this list. None of it is part of a wheel or source archive of mmssl_robust: pip fetches it.

CUDA's libraries (`nvidia-*`) are proprietary; a [CPU build of PyTorch](installation.md#without-cuda) does without them.

`make sbom` writes a bill of materials of the same environment in CycloneDX's form into the folder `build`. It is made,
not kept in the repository: it is true of one environment alone.
"""
OWN = ('mmssl_robust', 'mmssl-robust')


def installed(python: Path) -> list[dict[str, str]]:
    """What an environment has, in pip-licenses' words: Name, Version, License."""
    command = [sys.executable, '-m', 'piplicenses', f'--python={python}', '--format=json', '--from=mixed']
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return sorted((item for item in found if item['Name'] not in OWN), key=lambda item: item['Name'].lower())


def short(licence: str) -> str:
    """A licence on a line: its name, or the first line of its text."""
    line = next((line.strip() for line in licence.splitlines() if line.strip()), 'UNKNOWN')
    return (line if len(line) <= 80 else f'{line[:77]}...').replace('|', '/')


def page(items: list[dict[str, str]], platform: str) -> str:
    """The generated part: how often each licence occurs, and each distribution with its own."""
    counts = Counter(short(item['License']) for item in items)
    lines = [HEAD.format(platform=platform), '| licence | distributions |', '|---|---|']
    lines += [f'| {name} | {count} |' for name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]
    lines += ['', '| distribution | version | licence |', '|---|---|---|']
    lines += [f'| {item["Name"]} | {item["Version"]} | {short(item["License"])} |' for item in items]
    return '\n'.join(lines) + '\n'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('python', type=Path, help='of the environment')
    parser.add_argument('page', type=Path, help='the file to write into: what stands above its list stays')
    args = parser.parse_args()
    words = 'import platform, sys; print(f"Python {platform.python_version()}, {sys.platform}")'
    platform = subprocess.run([args.python, '-c', words], capture_output=True, text=True, check=True).stdout.strip()
    by_hand = args.page.read_text(encoding='utf-8').partition('## Dependencies')[0]
    args.page.write_text(by_hand + page(installed(args.python), platform), encoding='utf-8')


if __name__ == '__main__':
    main()
