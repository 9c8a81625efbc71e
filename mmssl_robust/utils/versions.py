"""Are the mm* libraries here, of a version that works, and from one set of distributions?

Two sets own the same import names and files: the maintained one (``onedl-*``)
and upstream's. pip does not see that they exclude each other, so we look.
"""

from importlib import metadata

from packaging.requirements import Requirement

from .errors import UserError

MAINTAINED = (
    'onedl-mmengine>=0.10.8,<0.11',
    'onedl-mmcv>=2.3,<2.4',
    'onedl-mmsegmentation>=1.4,<2',
    'onedl-mmpretrain>=1.3,<2',
)
UPSTREAM = (
    'mmengine>=0.10.4,<0.11',
    'mmcv>=2.0.1,<2.2',
    'mmsegmentation>=1.2,<2',
    'mmpretrain>=1.2,<2',
)
# Imported by the upstream libraries, declared by none of them.
UPSTREAM_UNDECLARED = ('ftfy>=6', 'regex', 'setuptools<82')


def check_mm_versions() -> None:
    """Check the installed mm* libraries by their metadata, importing none of them.

    Raises:
        UserError: If one is missing or of another version, or if both sets
            are installed over each other; the line ends with the command to run.
    """
    maintained, upstream = _installed(MAINTAINED), _installed(UPSTREAM)
    if maintained and upstream:
        raise UserError(
            f'{_listed(maintained)} and {_listed(upstream)} overwrite each other: '
            f'run `pip uninstall -y {" ".join([*maintained, *upstream])} && {_pip_install(MAINTAINED)}`'
        )
    wanted = (*UPSTREAM, *UPSTREAM_UNDECLARED) if upstream else MAINTAINED
    installed = _installed(wanted)
    unmet = [line for line in wanted if not _met(Requirement(line), installed)]
    if unmet:
        found = f' (found {_listed(installed)})' if installed else ''
        raise UserError(f'{", ".join(unmet)} needed but not installed{found}: run `{_pip_install(unmet)}`')


def _installed(requirements: tuple[str, ...]) -> dict[str, str]:
    """Versions of those required distributions that are installed, whatever their version."""
    versions = {}
    for name in (Requirement(line).name for line in requirements):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _met(requirement: Requirement, installed: dict[str, str]) -> bool:
    version = installed.get(requirement.name)
    return version is not None and requirement.specifier.contains(version, prereleases=True)


def _listed(versions: dict[str, str]) -> str:
    return ', '.join(f'{name} {version}' for name, version in versions.items())


def _pip_install(requirements: tuple[str, ...] | list[str]) -> str:
    """Upstream's mmcv is compiled against the installed torch and setuptools, so it comes last and by itself."""
    compiled = [f"'{line}'" for line in requirements if Requirement(line).name == 'mmcv']
    others = [f"'{line}'" for line in requirements if Requirement(line).name != 'mmcv']
    commands = []
    if others:
        commands.append(f'pip install {" ".join(others)}')
    if compiled:
        commands.append(f'pip install --no-build-isolation {compiled[0]}')
    return ' && '.join(commands)
