"""What a config says wrongly: its file, the key and the reason of whatever building and running from it raises."""

import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from .errors import UserError, reason_of
from .memory_errors import memory_problem
from .names import close_to
from .places_in_config import Place, place_of_built, place_of_type
from .scopes import scope_problem
from .signatures import arguments_of

_PACKAGE = str(Path(__file__).resolve().parents[1])
_UNEXPECTED = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")
_BY_HOOK = re.compile(r' in <\S+ object at 0x\w+>$')  # which MMEngine adds
_KINDS = ('obj_cls', 'scheduler_cls')
_RESTING = 'You can enable unused parameter detection'  # of PyTorch's ten lines about weights without a gradient


@contextmanager
def config_errors(cfg: Config, path: str | Path, parts: tuple[str, ...] = ()) -> Iterator[None]:
    """Say of which config it is, and of which of its keys, when building or running from it fails.

    An error in a line of this package, while nothing was being built, is its own, and goes on as it is.

    Args:
        cfg: The config, as it will be used.
        path: What to call it.
        parts: Its sections that are used, first; a setting may stand in several.

    Raises:
        UserError: In place of whatever else is raised.
    """
    said = _sorted(cfg.to_dict(), parts)
    try:
        yield
    except (OSError, MemoryError):  # which name what they are about
        raise
    except Exception as error:
        frames = _frames(error)
        built = [thing for frame in frames if (thing := _built(frame)) is not None]
        place = _place(said, frames, built)
        if isinstance(error, UserError):
            if built and place and place.key not in str(error):
                raise UserError(f'{path}: {place.key}: {error}') from error
            raise
        if (not built and _is_own(frames[-1])) or memory_problem(error):
            raise
        raise UserError(f'{path}: {_said(error, place)}') from error


def _frames(error: BaseException) -> list[FrameType]:
    """The frames that an error went through, the outermost first, with those of the error that it was made of."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return frames + (_frames(error.__cause__) if error.__cause__ else [])


def _built(frame: FrameType) -> tuple[Mapping[str, Any], Any] | None:
    """The config of what a frame builds, and its class where that is known; None of one that builds nothing."""
    names = frame.f_locals
    if frame.f_code.co_name in ('build_from_cfg', 'build_scheduler_from_cfg'):
        config, kind = names.get('cfg'), next((names[name] for name in _KINDS if name in names), None)
    elif frame.f_code.co_name == 'build_dataloader':
        config, kind = names.get('dataloader'), DataLoader
    else:
        return None
    return (config, kind) if isinstance(config, Mapping) else ({}, None)


def _place(said: dict[str, Any], frames: list[FrameType], built: list[tuple[Mapping[str, Any], Any]]) -> Place | None:
    """Where in a config stands what was being built, or what was at work."""
    for config, kind in reversed(built):
        place = place_of_built(said, config, kind)
        if place:
            return place
    for frame in reversed(frames):
        place = place_of_type(said, type(frame.f_locals.get('self')))
        if place:
            return place
    return None


def _is_own(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_PACKAGE)


def _said(error: Exception, place: Place | None) -> str:
    """The key, where it is known, and the reason."""
    if _RESTING in str(error):
        return (
            'weights have no part in the loss, and processes wait for them: set find_unused_parameters=True '
            '(--debug shows which)'
        )
    reason = _BY_HOOK.sub('', scope_problem(error) or reason_of(error))
    if place is None:
        return f'{reason} (--debug shows where)'
    unexpected = _UNEXPECTED.search(reason)
    if unexpected and unexpected[1] not in [base.__name__ for base in getattr(place.kind, '__mro__', ())]:
        return f'{place.key}: {reason}'  # of something within it
    name = unexpected[2] if unexpected else _named(reason, place.section)
    if unexpected:
        known, _ = arguments_of(place.kind)
        close = close_to(unexpected[2], known)
        hint = f': did you mean {" or ".join(close)}?' if close else f': it has {", ".join(sorted(known))}'
        reason = f'{place.kind.__name__} has no such argument{hint}'
    return f'{place.key}.{name}: {reason}' if name else f'{place.key}: {reason}'


def _named(reason: str, section: Mapping[str, Any]) -> str | None:
    """The one argument that a reason speaks of."""
    named = [key for key in dict.fromkeys(re.findall(r'\w+', reason)) if key in section and key != 'type']
    return named[0] if len(named) == 1 else None


def _sorted(said: dict[str, Any], parts: tuple[str, ...]) -> dict[str, Any]:
    """A config's sections, those that are used before others, and before what merely helps to write it."""
    known, _ = arguments_of(Runner)
    return {name: said[name] for name in dict.fromkeys([*parts, *known, *said]) if name in said}
