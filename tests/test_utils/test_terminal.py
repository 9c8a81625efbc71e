"""How tools end."""

import logging
import os
import subprocess
import sys

import pytest
from mmengine.logging import MMLogger

from mmssl_robust.utils.arguments import Parser
from mmssl_robust.utils.debug import VARIABLE
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.terminal import one_line_errors, warn


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv(VARIABLE, '0')


def ending(capsys, error, *words):
    """Exit code and what is said where a tool with these words on its command line raises an error."""

    @one_line_errors
    def tool():
        Parser('tool').parse_args(words)
        raise error

    with pytest.raises(SystemExit) as end:
        tool()
    return end.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    'error, code, line',
    [
        (KeyboardInterrupt(), 130, 'stopped'),
        (UserError('no\nsuch\x1b[2J thing'), 2, 'error: no such [2J thing'),
        (OSError(28, 'No space left on device', 'x.log'), 2, 'error: x.log: No space left on device'),
        (FileNotFoundError('nothing there'), 2, 'error: nothing there'),
        (RuntimeError('operator torchvision::nms does not exist'), 2, 'error: torchvision '),
        (MemoryError(), 2, 'error: out of memory (MemoryError'),
        (ValueError('two\nlines'), 1, 'internal error: ValueError two in `raise error` (ValueError in test_utils/'),
        (KeyError('gt_label'), 1, 'internal error: KeyError gt_label in `raise error`'),
        (AssertionError(), 1, 'internal error: AssertionError in `raise error`'),
    ],
)
def test_whatever_is_raised_is_one_line(capsys, error, code, line):
    found, said = ending(capsys, error)
    assert found == code and said.startswith(line) and said.count('\n') == 1


@pytest.mark.parametrize('error', [KeyboardInterrupt(), UserError('no such thing'), ValueError('odd')])
def test_debug_shows_where_it_was_and_changes_nothing_else(capsys, error):
    code, line = ending(capsys, error)
    assert 'Traceback' not in line
    again, said = ending(capsys, error, '--debug')
    assert again == code and said.startswith('Traceback (most recent call last)') and said.endswith(line)


def test_log_files_have_the_traceback_and_the_terminal_the_line(capsys, tmp_path):
    logger = MMLogger.get_instance('refused', log_file=str(tmp_path / 'run.log'))
    assert 'Traceback' not in ending(capsys, UserError('no such thing'))[1]
    for handler in logger.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.close()
    text = (tmp_path / 'run.log').read_text()
    assert 'error: no such thing' in text and 'Traceback (most recent call last)' in text


@pytest.mark.parametrize('name', ['RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK'])
def test_of_several_processes_the_first_warns(capsys, monkeypatch, name):
    monkeypatch.setenv(name, '1')
    warn('odd')
    monkeypatch.setenv(name, '0')
    warn('as expected')
    assert capsys.readouterr().err == 'warning: as expected\n'


TOOL = 'from mmssl_robust.utils.terminal import console, one_line_errors as tool\n@tool\ndef main(): {}\nmain()'
WORDS = {
    'few lines, which are written as the tool ends': 'print(1)',
    'many, while it runs': '[print(index) for index in range(100_000)]',
    'a console': '[console.print(index) for index in range(1000)]',
}


@pytest.mark.parametrize('words', WORDS)
def test_nothing_is_said_where_the_output_is_read_no_more(words):
    reading, writing = os.pipe()
    os.close(reading)
    tool = [sys.executable, '-c', TOOL.format(WORDS[words])]
    ended = subprocess.run(tool, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, '')


@pytest.mark.parametrize('before, output', [('', '>&-'), ('sys.stdout.close()', ''), ('sys.stdout = None', '')])
def test_a_tool_needs_no_output(before, output, tmp_path):
    """As a daemon has none, and a program that has closed its own."""
    made = tmp_path / 'made'
    tool = f'import sys\n{before}\n' + TOOL.format(f'open({str(made)!r}, "w").close()')
    shell = ['bash', '-c', f'"$@" {output}', 'bash', sys.executable, '-c', tool]
    ended = subprocess.run(shell, stderr=subprocess.PIPE, text=True)
    assert (ended.returncode, ended.stderr) == (0, '') and made.exists()


def test_another_broken_pipe_is_told(capsys):
    code, line = ending(capsys, BrokenPipeError(32, 'Broken pipe'))
    assert code == 2 and 'Broken pipe' in line
