"""What to call encoders where there is little room: their specs without the folders."""

import re
from collections.abc import Sequence
from dataclasses import replace

from .spec import SHIPPED, EncoderSpec, parse_spec

_BESIDE = 3  # folders more than an encoder alone is called by, that may be needed to tell two apart
_SUFFIXES = re.compile(r'(\.(pth|pt|ckpt|bin|tar|safetensors|py(:\w+)?))+$')
# Words of which files and folders of weights are called whatever they are of.
_EMPTY_WORD = re.compile(
    r'(encoder|backbone|network|net|model|pytorch|clip|open|weight|state|dict|param|checkpoint|checkpointer|ckpt|'
    r'snapshot|last|latest|final|best|newest|epoch|iter|iteration|step|version|v|rank|training|ema|avg|average|teacher|'
    r'student|online|raw|export|exported|converted|run|work|dir|log|lightning|output|out|result)s?'
)
_SAYS_NOTHING = re.compile(r'best_.+_(epoch|iter)_\d+|[0-9a-f]{16,}')  # of MMEngine; a commit or hash


def short_names(specs: Sequence[str]) -> list[str]:
    """Call encoders by their files' names, with as many folders and options as tell them apart.

    A name that says nothing, such as ``encoder.safetensors`` or ``epoch_12.pth``, has the folder before it in any case.

    Args:
        specs: See :func:`~mmssl_robust.encoders.spec.parse_spec`; different ones have different names.
    """
    names = [_names(parse_spec(spec)) for spec in specs]
    taken = [
        {name for other, spec in zip(names, specs) if spec != own for name in other} for own in specs
    ]  # by the others, short or long
    return [next((name for name in own if name not in others), own[-1]) for own, others in zip(names, taken)]


def short_name(spec: str) -> str:
    """Call one encoder by its file's name."""
    return short_names([spec])[0]


def _names(spec: EncoderSpec) -> list[str]:
    """What an encoder may be called, from the shortest to the whole spec."""
    return [_plain(spec), *(_short(spec, beside) for beside in range(_BESIDE + 1)), str(spec)]


def _plain(spec: EncoderSpec) -> str:
    """A checkpoint without its suffix and options, and what ships with the package by its own name."""
    if spec.source != 'checkpoint':
        return _short(spec, 0)
    shipped = {file: name for name, file in SHIPPED.items()}
    return shipped.get(spec.name) or _SUFFIXES.sub('', _end(spec.name, 0))


def _short(spec: EncoderSpec, beside: int) -> str:
    options = {key: _end(value, beside) if key == 'checkpoint' else value for key, value in spec.options.items()}
    return str(replace(spec, name=_end(spec.name, beside) if _is_path(spec) else spec.name, options=options))


def _is_path(spec: EncoderSpec) -> bool:
    """Whether the name's beginning is folders of a machine, not a part of what a hub calls it."""
    return spec.source in ('file', 'checkpoint') or spec.name.startswith(('/', '.', '~'))


def _end(path: str, beside: int) -> str:
    """The end of a path or URL from the last part on that says something, and so many folders before it."""
    parts = [part for part in path.partition('://')[2 if '://' in path else 0].split('/') if part not in ('', '.')]
    telling = [place for place, part in enumerate(parts) if not _says_nothing(part)]
    return '/'.join(parts[max(0, (telling[-1] if telling else len(parts) - 1) - beside) :])


def _says_nothing(part: str) -> bool:
    stem = _SUFFIXES.sub('', part).lower()
    return bool(_SAYS_NOTHING.fullmatch(stem)) or all(map(_EMPTY_WORD.fullmatch, re.findall('[a-z]+', stem)))
