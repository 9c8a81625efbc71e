"""What to call encoders where there is little room: their specs without the folders."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

from mmssl_robust.utils.checkpoint import ASSET_SCHEME

from .spec import SHIPPED, EncoderSpec, parse_spec

_BESIDE = 3  # folders that may be needed to tell two files apart


def short_names(specs: Sequence[str]) -> list[str]:
    """Call encoders by their files' names, with as many folders and options as tell them apart.

    Args:
        specs: See :func:`~mmssl_robust.encoders.spec.parse_spec`; different ones have different names.
    """
    parsed = [parse_spec(spec) for spec in specs]
    rungs = [[_plain(spec) for spec in parsed]]
    rungs += [[_short(spec, parts) for spec in parsed] for parts in range(1, _BESIDE + 2)]
    rungs.append([str(spec) for spec in parsed])
    return [
        next(rung[place] for rung in rungs if rung.count(rung[place]) == 1 or rung is rungs[-1])
        for place in range(len(parsed))
    ]


def short_name(spec: str) -> str:
    """Call one encoder by its file's name."""
    return short_names([spec])[0]


def _plain(spec: EncoderSpec) -> str:
    """A checkpoint by its file's stem, and what ships with the package by its own name."""
    if spec.source != 'checkpoint':
        return _short(spec, 1)
    shipped = {file: name for name, file in SHIPPED.items()}
    return shipped.get(spec.name) or PurePath(spec.name).stem


def _short(spec: EncoderSpec, parts: int) -> str:
    options = {key: _end(value, parts) for key, value in spec.options.items()}
    return str(replace(spec, name=_end(spec.name, parts) if _is_path(spec) else spec.name, options=options))


def _is_path(spec: EncoderSpec) -> bool:
    """Whether the name's beginning is folders of a machine, not a part of what a hub calls it."""
    return spec.source in ('file', 'checkpoint') or spec.name.startswith(('/', '.', '~'))


def _end(path: str, parts: int) -> str:
    scheme = ASSET_SCHEME if path.startswith(ASSET_SCHEME) else ''
    return '/'.join(PurePath(path.removeprefix(scheme)).parts[-parts:])
