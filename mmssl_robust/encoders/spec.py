"""Naming an encoder in one string."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

from mmssl_robust.utils.assets import ASSET_SCHEME
from mmssl_robust.utils.checkpoint import TORCH_SUFFIXES
from mmssl_robust.utils.checkpoint_layouts import Which
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.names import close_to

from .listed import listed_spec

# Encoders that ship with the package, by their short names.
SHIPPED = {
    name: f'{ASSET_SCHEME}{name}/encoder.safetensors' for name in ('mini', 'mini_deacl', 'mini_wide', 'mini_robust')
}
# What each source understands besides the name.
OPTIONS = {
    'timm': ('checkpoint', 'weights', 'seed', 'pool', 'size'),
    'hf': ('weights', 'seed', 'pool'),
    'hub': ('checkpoint', 'weights', 'seed', 'trust', 'mean', 'std', 'patch_size', 'size'),
    'mmpretrain': ('checkpoint', 'weights', 'seed', 'pool'),
    'file': ('checkpoint', 'mean', 'std', 'patch_size', 'size'),
    'checkpoint': ('arch', 'weights', 'mean', 'std'),
}
_PREFIXED = re.compile(r'(timm|hf|hub|mmpretrain):(.+)')
_FUNCTION = re.compile(r'.+\.py:[A-Za-z_]\w*')
_NAME = re.compile(r'\w+')
_CHECKPOINT = re.compile(rf'(?:{ASSET_SCHEME}|https?://|hf://).+')
_GRAMMAR = (
    'write timm:NAME, hf:NAME, hub:REPOSITORY:NAME, mmpretrain:NAME, FILE.py:FUNCTION, the path of a checkpoint, '
    f'{", ".join(SHIPPED)}, or a name of `mmssl-robust list encoders`'
)


@dataclass(frozen=True)
class EncoderSpec:
    """An encoder by name: ``SOURCE:NAME?key=value&...``.

    Attributes:
        source: ``'timm'``, ``'hf'``, ``'hub'``, ``'mmpretrain'``, ``'file'`` or ``'checkpoint'``.
        name: What the source calls it; of a file ``FILE.py:FUNCTION``.
        options: Name -> value, each one that the source knows.

    Examples:
        >>> from mmssl_robust.encoders import EncoderSpec
        >>> spec = EncoderSpec('timm', 'vit_small_patch16_224', dict(weights='random', seed='1'))
        >>> str(spec), spec.is_random, spec.seed
        ('timm:vit_small_patch16_224?weights=random&seed=1', True, 1)
    """

    source: str
    name: str
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        prefix = '' if self.source in ('file', 'checkpoint') else f'{self.source}:'
        options = '&'.join(f'{key}={quote(value, safe="/:,.~@+ ")}' for key, value in self.options.items())
        return f'{prefix}{self.name}{"?" if options else ""}{options}'

    @property
    def is_random(self) -> bool:
        """Whether its weights are to be drawn."""
        return self.options.get('weights') == 'random'

    @property
    def which(self) -> Which | None:
        """Which weights of a checkpoint, the average over the training or the raw ones; None for no preference."""
        return {'ema': 'ema', 'raw': 'raw'}.get(self.options.get('weights', ''))  # type: ignore[return-value]

    @property
    def seed(self) -> int:
        """From which random weights follow."""
        return self.number('seed') or 0

    @property
    def checkpoint(self) -> str | None:
        """Path or URL of the weights, where the spec names one."""
        return self.options.get('checkpoint')

    def number(self, key: str) -> int | None:
        """An option that is an integer of at least 0, None if it is not given.

        Raises:
            UserError: If it is something else.
        """
        value = self.options.get(key)
        if value is not None and not value.isdecimal():
            raise UserError(f'{self}: {key}={value} is no whole number')
        return None if value is None else int(value)

    def numbers(self, key: str) -> tuple[float, ...] | None:
        """An option that is a list of numbers between commas, None if it is not given.

        Raises:
            UserError: If it is something else.
        """
        value = self.options.get(key)
        try:
            return None if value is None else tuple(float(part) for part in value.split(','))
        except ValueError:
            raise UserError(f'{self}: {key}={value} are no numbers with commas between them') from None

    def size(self) -> tuple[int, int] | None:
        """Height and width of the option ``size``: ``224`` or ``480x640``.

        Raises:
            UserError: If it is something else.
        """
        value = self.options.get('size')
        if value is None:
            return None
        if not re.fullmatch(r'[1-9]\d*(x[1-9]\d*)?', value):
            raise UserError(f'{self}: size={value} is no size: write 224, or height and width as 480x640')
        height, _, width = value.partition('x')
        return int(height), int(width or height)


def parse_spec(text: 'str | os.PathLike[str] | EncoderSpec') -> EncoderSpec:
    """Read a spec.

    Args:
        text: ``timm:vit_small_patch14_dinov2.lvd142m``, ``hf:facebook/dinov2-small``,
            ``hub:facebookresearch/dinov2:dinov2_vits14``, ``mmpretrain:mae_vit-base-p16_8xb512-amp-coslr-300e_in1k``,
            ``encoder.py:make_encoder``, ``checkpoint.pth?arch=dino_vits16``, ``mini`` or another that ships with
            the package, or a name that `mmssl-robust list encoders` shows; each with options behind a ``?``.

    Raises:
        UserError: If it names nothing, or has an option that the source does not know.

    Examples:
        >>> from mmssl_robust.encoders import parse_spec
        >>> spec = parse_spec('hf:facebook/dinov2-small?weights=random')
        >>> spec.source, spec.name, spec.options
        ('hf', 'facebook/dinov2-small', {'weights': 'random'})
        >>> parse_spec('mini?seed=1')
        Traceback (most recent call last):
        mmssl_robust.utils.errors.UserError: mini?seed=1: unknown option seed: use one of arch, weights, mean, std
    """
    if isinstance(text, EncoderSpec):
        return text
    text = os.fspath(text)
    head, _, tail = text.strip().partition('?')
    if _NAME.fullmatch(head) and head not in SHIPPED and not Path(head).exists() and (known := listed_spec(head)):
        head, _, more = known.partition('?')
        tail = '&'.join(filter(None, (more, tail)))
    source, name = _source_of(head)
    spec = EncoderSpec(source, name, _options(text, tail))
    _check_options(spec)
    return spec


def _source_of(head: str) -> tuple[str, str]:
    if head in SHIPPED:
        return 'checkpoint', head
    # Before the sources: hf://... is the place of a file.
    if _CHECKPOINT.fullmatch(head):
        return 'checkpoint', head
    if found := _PREFIXED.fullmatch(head):
        return found[1], found[2]
    if _FUNCTION.fullmatch(head):
        return 'file', head
    if Path(head).suffix == '.py':
        raise UserError(f'{head} is a Python file: say which function of it returns the encoder, {head}:FUNCTION')
    if Path(head).is_dir():
        raise UserError(
            f'{head!r} is a folder, and no encoder: name the encoder first, then the images; a folder that '
            'save_pretrained wrote is hf:FOLDER'
        )
    if Path(head).suffix in (*TORCH_SUFFIXES, '.safetensors', '.bin', '.tar') or Path(head).is_file():
        return 'checkpoint', head
    raise UserError(f'{head!r} names no encoder: {_GRAMMAR}{_suggestion(head)}')


def _suggestion(head: str) -> str:
    """The nearest thing that there is, where something is near."""
    import timm  # takes a second, which only a wrong name costs

    known = [*SHIPPED, *timm.list_models(), *timm.list_pretrained()]
    near = close_to(head.rpartition(':')[2], known)
    if not near:
        return ''
    return f'; did you mean {near[0] if near[0] in SHIPPED else f"timm:{near[0]}"}?'


def _options(text: str, tail: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for part in filter(None, tail.split('&')):
        key, equals, value = part.partition('=')
        if not equals or not value or key in options:
            raise UserError(f'{text}: cannot read the option {part!r}: write ?key=value&other=value, each key once')
        options[key] = unquote(value)
    return options


def _check_options(spec: EncoderSpec) -> None:
    """Find options that would be ignored."""
    known = OPTIONS[spec.source]
    for key in spec.options:
        if key not in known:
            near = close_to(key, known)
            hint = f'; did you mean {near[0]}?' if near else ''
            raise UserError(f'{spec}: unknown option {key}: use one of {", ".join(known)}{hint}')
    weights = spec.options.get('weights')
    allowed = ('ema', 'raw') if spec.source == 'checkpoint' else ('random', 'ema', 'raw')
    if weights is not None and weights not in allowed:
        raise UserError(f'{spec}: weights={weights} is unknown: use {" or ".join(allowed)}')
    if spec.is_random and spec.checkpoint:
        raise UserError(f'{spec}: weights are either random or those of the checkpoint: leave out one of the two')
    if weights in ('ema', 'raw') and spec.source != 'checkpoint' and not spec.checkpoint:
        raise UserError(f'{spec}: weights={weights} says which of a checkpoint: add checkpoint=FILE')
    if 'seed' in spec.options and not spec.is_random:
        raise UserError(f'{spec}: seed is for random weights: add weights=random, or leave it out')
    if spec.options.get('trust', 'yes') != 'yes':
        raise UserError(f'{spec}: trust={spec.options["trust"]} is unknown: use trust=yes, or leave it out to be asked')
    for key in ('seed', 'patch_size'):
        spec.number(key)
    for key in ('mean', 'std'):
        if (values := spec.numbers(key)) and len(values) != 3:
            raise UserError(f'{spec}: {key} is three numbers, of red, green and blue in [0, 1]')
    spec.size()
