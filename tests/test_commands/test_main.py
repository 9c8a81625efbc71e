"""The command line: what it knows, how soon, and what it says of a mistake."""

import importlib
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from mmssl_robust.commands import main as command_line
from mmssl_robust.commands.convert import CONVERTERS
from mmssl_robust.version import __version__

FOLDER = Path(command_line.__file__).parent


def arguments_of(module):
    return importlib.import_module(f'mmssl_robust.commands.arguments.{module}')


def said(capsys, *arguments):
    command_line.main(arguments)
    return capsys.readouterr().out


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as stopped:
        command_line.main(arguments)
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith('error: ') and error.count('\n') == 1
    return error


@pytest.mark.parametrize('arguments', [(), ('--help',), ('-h',)])
def test_help_names_every_command_with_its_summary(capsys, arguments):
    text = said(capsys, *arguments)
    for name, module in command_line.COMMANDS.items():
        assert f'  {name} ' in text and arguments_of(module).SUMMARY in text


def test_version(capsys):
    assert said(capsys, '--version') == f'mmssl-robust {__version__}\n'


def test_help_takes_less_than_a_second_and_imports_no_library():
    """Of a processor's time; how long one waits, other programs decide."""
    code = (
        'import sys; from mmssl_robust.commands.main import main; main(["--help"]); '
        'assert not {"torch", "mmengine", "mmcv", "pandas"} & set(sys.modules)'
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, '-c', code], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1


def test_it_is_a_module_too(tmp_path):
    command = [sys.executable, '-m', 'mmssl_robust', '--version']
    environment = dict(PYTHONPATH=str(FOLDER.parents[1]))
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
    assert done.stdout == f'mmssl-robust {__version__}\n'


@pytest.mark.parametrize(
    'arguments, words',
    [
        (('benchmrak', 'mini'), "unknown command 'benchmrak': did you mean benchmark?"),
        (('zzz',), "unknown command 'zzz': use one of evaluate, compare, test"),
        (('convert', 'ade'), "unknown converter 'ade': did you mean ade20k?"),
        (('benchmark', 'paper_tabel1'), "unknown suite 'paper_tabel1': did you mean paper_table1"),
        (('benchmark', 'mini', '--shard', '3/2'), '--shard is 3/2: give I/N'),
        (('test', 'mini_camvit', 'x.pth'), 'config not found: mini_camvit: did you mean mini_camvid'),
        (('test', 'mini_camvid', '--attack', 'segpdg'), "unknown attack 'segpdg': did you mean segpgd"),
        (('report', 'nowhere'), 'no suite.json in nowhere'),
        (('merge', 'nowhere'), 'there is nothing to merge'),
        (('merge', 'out', '--from', 'one', './one'), 'one is named twice'),
        (('merge', 'out', '--from', 'one', 'out'), 'out is the folder of all records'),
        (('report', ''), 'the first argument is empty'),
        (('report', 'work', '--out', ''), 'what follows --out is empty'),
    ],
)
def test_a_mistake_is_one_line_with_the_nearest_name(capsys, arguments, words):
    assert words in refused(capsys, *arguments)


@pytest.mark.parametrize('name', command_line.COMMANDS)
def test_every_command_has_help(capsys, name):
    with pytest.raises(SystemExit) as stopped:
        command_line.main([name, '--help'])
    assert stopped.value.code == 0
    assert f'usage: mmssl-robust {name}' in capsys.readouterr().out


@pytest.mark.parametrize('name', CONVERTERS)
def test_every_converter_has_help(capsys, name):
    with pytest.raises(SystemExit) as stopped:
        command_line.main(['convert', name, '--help'])
    assert stopped.value.code == 0
    assert f'usage: mmssl-robust convert {name}' in capsys.readouterr().out


def test_no_module_is_without_a_command():
    helpers = {'__init__', 'main', 'completion', 'cost_table', 'log_to', 'quickstart_worker'}
    assert {path.stem for path in FOLDER.glob('*.py')} - helpers == set(command_line.COMMANDS.values())
    with_arguments = {path.stem for path in (FOLDER / 'arguments').glob('*.py')} - {'__init__'}
    assert with_arguments == set(command_line.COMMANDS.values())
    modules = {path.stem for path in (FOLDER / 'converters').glob('*.py')} - {'__init__'}
    assert modules == set(CONVERTERS.values())


def test_what_was_typed_is_handed_on(monkeypatch):
    seen = []
    module = importlib.import_module('mmssl_robust.commands.report')
    monkeypatch.setattr(module, 'run', lambda args: seen.append(args.command_line))
    command_line.main(['report', 'a b', '--title', 'x'])
    assert seen == ["mmssl-robust report 'a b' --title x"]
