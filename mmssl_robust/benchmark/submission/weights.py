"""The encoder of a row: what a submission says of it, and where who verifies gets it from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmengine.config import ConfigDict

from mmssl_robust.encoders import EncoderSpec, parse_spec
from mmssl_robust.encoders.in_config import is_by_spec, weights_of
from mmssl_robust.encoders.spec import SHIPPED
from mmssl_robust.utils.assets import ASSET_SCHEME
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import sha256
from mmssl_robust.utils.foreign_files import is_below
from mmssl_robust.utils.hub_files import HUB_SCHEME
from mmssl_robust.utils.places import without_places

from ..resolved_row import local_file

_PUBLIC = (ASSET_SCHEME, HUB_SCHEME, 'https://')
_CODE = ('file', 'hub')  # sources of encoders that are programs


@dataclass(frozen=True)
class Search:
    """Where encoders are looked for.

    Attributes:
        folder: The submission, which may hold them.
        given: Files and specs that the person who verifies has named.
        trusts: Whether programs that the submission names may be run.
    """

    folder: Path
    given: Sequence[str] = ()
    trusts: bool = False

    def use(self, backbone: ConfigDict, stated: Mapping[str, Any]) -> str:
        """Put the encoder that a row states into the config of its backbone.

        Args:
            backbone: The config, which is changed.
            stated: ``name``, ``sha256`` and, where the submission holds it, ``file``.

        Returns:
            Where it is from.

        Raises:
            UserError: If it is not to be had, or only by running a program.
        """
        source = self._chosen(stated)
        if source is not None:
            _put(backbone, source)
        problem = self._problem(backbone, source is not None)
        if problem:
            raise UserError(f'the encoder {without_places(source_of(backbone))} {problem}')
        if source in self.given:
            return str(source)
        return source_of(backbone) if source is None else 'the submission'

    def _chosen(self, stated: Mapping[str, Any]) -> str | None:
        """The file or spec to use in place of what the config names; None to use that."""
        for source in self.given:
            if _digest_of(source) == stated.get('sha256'):
                return source
        file = stated.get('file')
        if file is None:
            return None
        if not isinstance(file, str) or not is_below(file):
            raise UserError(f'the submission says its encoder lies at {file!r}, which is elsewhere: do not trust it')
        return str(self.folder / file)

    def _problem(self, backbone: ConfigDict, at_hand: bool) -> str:
        """What keeps an encoder from being built.

        Args:
            backbone: Its config, as it will be built.
            at_hand: Whether its weights are.
        """
        source = source_of(backbone)
        if not is_by_spec(backbone):
            public = at_hand or source.startswith(_PUBLIC)
            return '' if public else 'is a file that the submission does not hold: give it by --encoder'
        spec = parse_spec(source)
        own = any(str(parse_spec(given)) == str(spec) for given in self.given if not Path(given).is_file())
        if spec.source in _CODE and not own and not self.trusts:  # also with weights that are at hand
            return 'is a program: give yours by --encoder, or --trust-code if you trust it'
        public = at_hand or is_public(spec)
        return '' if public else 'has weights in a file that the submission does not hold: --encoder FILE'


def source_of(backbone: Mapping[str, Any]) -> str:
    """Spec, path or URL of the encoder in the config of a backbone."""
    return str(backbone['spec'] if is_by_spec(backbone) else (backbone.get('init_cfg') or {}).get('checkpoint'))


def is_public(spec: EncoderSpec) -> bool:
    """Whether the weights of a spec can be had by its name alone."""
    if spec.source == 'checkpoint':
        return spec.name in SHIPPED or spec.name.startswith(_PUBLIC)
    if spec.source == 'file':
        return False
    return spec.checkpoint is None or spec.checkpoint.startswith(_PUBLIC)


def file_of(backbone: Mapping[str, Any]) -> str | None:
    """Path of the file that holds the weights of a backbone, where they cannot be had by name; else None."""
    source = source_of(backbone)
    if not is_by_spec(backbone):
        return None if source.startswith(_PUBLIC) else source
    spec = parse_spec(source)
    local = spec.name if spec.source == 'checkpoint' else spec.checkpoint
    return None if is_public(spec) or local is None else local


def loaded_digest(backbone: ConfigDict) -> str:
    """SHA-256 of the weights that the config of a backbone loads.

    Raises:
        UserError: If they cannot be had.
    """
    if is_by_spec(backbone):
        return str(weights_of(backbone).sha256)
    return sha256(local_file(source_of(backbone)))


def _digest_of(source: str) -> str:
    path = Path(source).expanduser()
    return sha256(path) if path.is_file() else weights_of(dict(spec=source)).sha256


def _put(backbone: ConfigDict, source: str) -> None:
    """Name other weights; the architecture stays that of the row."""
    if not is_by_spec(backbone):
        backbone.init_cfg = dict(backbone.get('init_cfg') or {}, type='Pretrained', checkpoint=source)
    elif Path(source).expanduser().is_file():
        backbone.spec = str(_with_file(parse_spec(backbone.spec), source))
    else:
        backbone.spec = str(parse_spec(source))


def _with_file(spec: EncoderSpec, path: str) -> EncoderSpec:
    if spec.source == 'checkpoint':
        return replace(spec, name=path)
    return replace(spec, options={**spec.options, 'checkpoint': path})
