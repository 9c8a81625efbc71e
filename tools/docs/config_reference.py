"""The page of all that a config can name: registered classes with their arguments, and presets."""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import api
from md import code, link, prose, table
from mmengine.registry import Registry
from mmengine.utils import import_modules_from_strings

from mmssl_robust import registry as registries
from mmssl_robust.benchmark.suite import Suite
from mmssl_robust.benchmark.suite_files import load_suite, suites
from mmssl_robust.commands.listing import says
from mmssl_robust.presets import load_preset, presets
from mmssl_robust.utils.config_files import configs_in, read_config

# Registry -> heading, what its entries are.
KINDS = {
    'ATTACKS': ('Attacks', '`attack = dict(type=...)`, or `attacks` of a loop.'),
    'OBJECTIVES': ('Objectives', '`objective=dict(type=...)` of an attack: what it maximises.'),
    'MODELS': ('Models', 'Encoders, necks, heads, losses, training methods and defences, anywhere below `model`.'),
    'DATASETS': ('Data sets', '`dataset=dict(type=...)` of a data loader.'),
    'TRANSFORMS': ('Transforms', 'A step of a `pipeline`.'),
    'METRICS': ('Metrics', '`val_evaluator` and `test_evaluator`.'),
    'HOOKS': ('Hooks', '`custom_hooks` and `default_hooks`.'),
    'LOOPS': ('Loops', '`train_cfg`, `val_cfg` and `test_cfg`.'),
}
SHOWN_USES = 4
ARGUMENT = re.compile(r'^\*{0,2}(\w+)(?: \([^)]*\))?: ?(.*)')
_NOT_SAID = inspect.Parameter.empty


class Argument(NamedTuple):
    """An argument of a class: its name, type and default as code, what its docstring says."""

    name: str
    type: str
    default: str
    meaning: str


def registered(registry: Registry) -> dict[str, type]:
    """Name -> class of the package, of all that a registry finds."""
    import_modules_from_strings(registry._locations)
    own = {
        name: kind for name, kind in registry.module_dict.items() if kind.__module__.startswith(f'{registries.SCOPE}.')
    }
    return dict(sorted(own.items(), key=lambda pair: pair[0].lower()))


def arguments(kind: type) -> list[Argument]:
    """What a class is built with: its own arguments, then those that it hands on to its parents."""
    found: dict[str, Argument] = {}
    meanings: dict[str, str] = {}
    for parent in kind.__mro__[:-1]:
        for name, meaning in documented(parent).items():
            meanings.setdefault(name, meaning)
        init = vars(parent).get('__init__')
        if init is None:
            continue
        parameters = [one for one in inspect.signature(init).parameters.values() if one.name != 'self']
        for one in parameters:
            if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL) and one.name not in found:
                found[one.name] = Argument(one.name, annotation(one), default(one), '')
        if not any(one.kind is one.VAR_KEYWORD for one in parameters):
            break
        if not parent.__module__.startswith(f'{registries.SCOPE}.'):
            break
    fixed = {name for parent in kind.__mro__ for name in vars(parent).get('FIXED', ())}
    return [one._replace(meaning=meanings.get(one.name, '')) for one in found.values() if one.name not in fixed]


def annotation(parameter: inspect.Parameter) -> str:
    """The type of an argument as it is written, without modules."""
    if parameter.annotation is _NOT_SAID:
        return ''
    text = parameter.annotation
    text = text if isinstance(text, str) else inspect.formatannotation(text)
    return code(re.sub(r'\b(?:\w+\.)+(\w+)', r'\1', text))


def default(parameter: inspect.Parameter) -> str:
    """The default of an argument, or that there is none."""
    return 'required' if parameter.default is _NOT_SAID else code(repr(parameter.default))


def documented(kind: type) -> dict[str, str]:
    """Argument -> what the section Args of a class's docstring says, in Markdown."""
    found: dict[str, str] = {}
    name = ''
    for line in section(inspect.cleandoc(vars(kind).get('__doc__') or ''), 'Args'):
        if not line.startswith(' ') and (start := ARGUMENT.match(line)):
            name = start[1]
            found[name] = start[2]
        elif name:
            found[name] += f' {line.strip()}'
    return {name: prose(text) for name, text in found.items()}


def section(docstring: str, title: str) -> list[str]:
    """Lines of a section of a Google docstring, without its indent."""
    lines = docstring.splitlines()
    if f'{title}:' not in lines:
        return []
    found = []
    for line in lines[lines.index(f'{title}:') + 1 :]:
        if line and not line.startswith('    '):
            break
        found.append(line[4:])
    return found


def uses(files: Iterable[Path]) -> dict[str, list[Path]]:
    """Registered name -> configs whose text names it."""
    found: dict[str, list[Path]] = {}
    for path in files:
        for name in dict.fromkeys(re.findall(rf"'{registries.SCOPE}\.(\w+)'", path.read_text(encoding='utf-8'))):
            found.setdefault(name, []).append(path)
    return found


def page(configs: Path, where: Path) -> str:
    """The page in Markdown.

    Args:
        configs: The folder of the configs.
        where: Where the page will be, for its links.
    """
    used = uses(sorted(configs.rglob('*.py')))
    parts = [
        '# Configs',
        'What a config can name, made of the registries and presets themselves. A config is a Python file '
        'in the style of MMEngine: `dict(type=NAME, ARGUMENT=VALUE, ...)` builds an object, and names of other '
        'libraries (`mmpretrain.ResNet`) stand beside those of this package.',
        '## Presets of attacks',
        'By these names in `--attack`, and in `attacks` of suites and loops; settings can be changed there.',
        table(['name', 'what', 'holds'], attack_rows(where)),
        '## Presets of defences',
        'By these names in `--defence`.',
        table(['name', 'what', 'holds'], defence_rows(where)),
        '## Suites',
        'By these names in `mmssl-robust benchmark`.',
        table(['name', 'title', 'rows', 'data', 'encoders', 'attacks'], suite_rows(where)),
    ]
    for name, (title, what) in KINDS.items():
        parts += [f'## {title}', what, *entries(getattr(registries, name), used, where)]
    return '\n\n'.join(filter(None, parts)) + '\n'


def entries(registry: Registry, used: Mapping[str, list[Path]], where: Path) -> Iterator[str]:
    """A heading, a line and a table for each class of a registry."""
    public = api.paths()
    for name, kind in registered(registry).items():
        yield f'### {name}'
        yield (
            f"`type='{registries.SCOPE}.{name}'`. "
            + summary(kind)
            + (f' {{py:obj}}`In the API <{public[id(kind)]}>`.' if id(kind) in public else '')
        )
        yield table(
            ['argument', 'type', 'default', 'meaning'],
            ([code(one.name), one.type, one.default, one.meaning] for one in arguments(kind)),
        )
        yield used_in(used.get(name, []), where)


def summary(kind: type) -> str:
    """What a class is for: the first line of its docstring, which may be that of a parent."""
    return prose((inspect.getdoc(kind) or '').partition('\n\n')[0])


def used_in(files: list[Path], where: Path) -> str:
    """Where configs name a class."""
    if not files:
        return 'In no config of this package.'
    links = ', '.join(link(path, where, code(f'{path.parent.name}/{path.name}')) for path in files[:SHOWN_USES])
    more = len(files) - SHOWN_USES
    return f'In {links}{f" and {more} more" if more > 0 else ""}.'


def attack_rows(where: Path) -> Iterator[list[str]]:
    """A row for each preset of an attack."""
    for name, path in presets().items():
        yield [link(path, where, code(name)), says(path), held(load_preset(name))]


def defence_rows(where: Path) -> Iterator[list[str]]:
    """A row for each preset of a defence."""
    for name, path in configs_in('configs/_base_/defences').items():
        yield [link(path, where, code(name)), says(path), held(read_config(path).defence)]


def held(settings: Mapping[str, Any]) -> str:
    """What a preset holds: the class, and every setting."""
    kind = str(settings['type']).removeprefix(f'{registries.SCOPE}.')
    return ', '.join([code(kind), *(code(f'{key}={value!r}') for key, value in settings.items() if key != 'type')])


def suite_rows(where: Path) -> Iterator[list[str]]:
    """A row for each suite."""
    for name, path in suites().items():
        suite = load_suite(name)
        yield [link(path, where, code(name)), suite.title, str(len(suite.rows)), *suite_holds(suite)]


def suite_holds(suite: Suite) -> list[str]:
    """Data sets, encoders with their variants, and attacks of a suite."""
    encoders = [f'{row.encoder} ({row.variant})' for row in suite.rows]
    attacks = [code(name) for row in suite.rows for name in row.attacks if name not in row.sweeps]
    return [', '.join(dict.fromkeys(part)) for part in ([row.data for row in suite.rows], encoders, attacks)]
