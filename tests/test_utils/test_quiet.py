"""What the terminal is spared, and the log file is not."""

import logging
import subprocess
import sys
import warnings

import pytest
from mmengine.logging import MMLogger

from mmssl_robust.utils import quiet

SPEAK = """
import warnings, sys
{verbose}
from mmssl_robust.utils.startup import one_line_errors
import mmengine.logging, logging
mmengine.logging.print_log('for developers', level=logging.DEBUG)
mmengine.logging.print_log('for all')
warnings.warn_explicit('of a library', UserWarning, '/site-packages/torch/x.py', 1)
warnings.warn_explicit('of ours', UserWarning, sys.modules['mmssl_robust'].__file__, 1)
"""


@pytest.mark.parametrize('verbose', [False, True])
def test_libraries_are_hushed_unless_verbose(verbose):
    code = SPEAK.format(verbose='import os; os.environ["MMSSL_VERBOSE"] = "1"' if verbose else '')
    done = subprocess.run([sys.executable, '-c', code], check=True, capture_output=True, text=True)
    assert ('for developers' in done.stdout, 'for all' in done.stdout) == (verbose, True)
    assert ('of a library' in done.stderr, 'of ours' in done.stderr) == (verbose, True)


def record(filename, level=logging.INFO, **extra):
    made = logging.LogRecord('x', level, f'/somewhere/{filename}', 1, 'message', (), None)
    made.__dict__.update(extra)
    return made


@pytest.mark.parametrize(
    'line, progress, alone',
    [
        (record('runner.py'), False, False),  # the config, the hooks
        (record('logger_hook.py'), True, False),
        (record('checkpoint_hook.py'), True, False),
        (record('runner.py', logging.WARNING), True, True),
        (record('warnings.py', logging.WARNING, of_library=True), False, False),
    ],
)
def test_what_is_for_the_terminal(line, progress, alone):
    assert quiet.is_progress_or_warning(line) is progress
    assert quiet.is_warning(line) is alone


def test_the_name_of_an_experiment_is_no_progress():
    line = record('logger_hook.py')
    assert quiet.is_loss_or_warning(line)
    line.msg = 'Exp name: config-fa3c4a4a96_20261126_083722'
    assert not quiet.is_loss_or_warning(line) and not quiet.is_progress_or_warning(line)


@pytest.mark.parametrize(
    'words',
    [
        '"FileClient" will be deprecated in future.',
        '"HardDiskBackend" is the alias of "LocalBackend"',
        'The prefix is not set in metric class IoUMetric.',
    ],
)
def test_warnings_that_nobody_can_do_anything_about(words):
    line = record('logger.py', logging.WARNING)
    assert quiet.is_warning(line)
    line.msg = words
    assert not quiet.is_warning(line) and not quiet.is_progress_or_warning(line)


@pytest.mark.parametrize('verbose', [False, True])
def test_the_training_of_a_head_tells_of_its_losses_alone(verbose, monkeypatch):
    monkeypatch.setenv(quiet.VERBOSE, '1' if verbose else '0')
    logger, shown = logging.Logger('head'), []
    logger.addHandler(handler := logging.Handler())
    handler.emit = shown.append
    quiet.hush_training(logger)
    of_us = record('feature_cache_hook.py')
    of_us.pathname = quiet.__file__
    said = [record('checkpoint_hook.py'), of_us, record('logger_hook.py'), record('x.py', logging.WARNING)]
    for line in said:
        logger.handle(line)
    assert shown == (said if verbose else said[2:])


def test_lines_of_this_package_are_for_the_terminal():
    line = record('x.py')
    line.pathname = quiet.__file__
    assert quiet.is_progress_or_warning(line)


@pytest.mark.parametrize('verbose', [False, True])
def test_the_log_file_has_all(tmp_path, capsys, monkeypatch, verbose):
    monkeypatch.setenv(quiet.VERBOSE, '1' if verbose else '0')
    logger = MMLogger('quiet', log_file=str(tmp_path / 'a.log'))
    quiet.hush_terminal(logger)
    logger.info('Config: all of it')
    logger.warning('mind this')
    text = (tmp_path / 'a.log').read_text()
    assert 'Config: all of it' in text and 'mind this' in text
    shown = ''.join(capsys.readouterr())
    assert ('Config: all of it' in shown) is verbose and 'mind this' in shown


def test_a_warning_of_a_library_goes_to_the_log_file_alone(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv(quiet.VERBOSE, '0')
    logger = MMLogger.get_instance('with_file', log_file=str(tmp_path / 'a.log'))
    quiet.hush_terminal(logger)
    with warnings.catch_warnings():
        quiet.hush_libraries()
        warnings.simplefilter('always')
        warnings.warn_explicit('deprecated in torch', UserWarning, '/site-packages/torch/x.py', 7)
    assert 'deprecated in torch' in (tmp_path / 'a.log').read_text()
    assert 'deprecated' not in ''.join(capsys.readouterr())
