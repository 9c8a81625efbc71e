"""Running a command on bad input in a copy of this process, which sees all that it does."""

import contextlib
import faulthandler
import importlib
import os
import re
import shlex
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import forks

from mmssl_robust.commands import main as command_line
from mmssl_robust.commands.convert import CONVERTERS

from .contents import MARKER

PATIENCE = 120
"""Seconds after which a command hangs."""
MEMORY = 4 << 20
"""KiB that none of them may need."""
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
_PATHS = dict.fromkeys(('os.mkdir', 'os.rmdir', 'os.remove', 'os.truncate', 'os.chmod', 'os.chown'), (0,))
_PATHS |= {'os.rename': (0, 1), 'os.link': (1,), 'os.symlink': (1,), 'shutil.rmtree': (0,)}
_PROGRAMS = ('os.system', 'os.exec', 'os.posix_spawn', 'subprocess.Popen', 'pty.spawn')
_ASKED = ('git', 'gcc')
_HARMLESS = ('/dev/', '/proc', '/sys/')


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Attributes:
        code: Exit code, negative for a signal, None if it had to be ended.
        output: What it said.
        error: Its last words, those on standard error.
        deeds: What it did that no command may: writing elsewhere, running programs, calling other machines.
        kib: Memory at its peak.
    """

    code: int | None
    output: str
    error: str
    deeds: list[str]
    kib: int

    def problem(self, code: int, says: str) -> str:
        """What is wrong with it, empty if nothing is.

        Args:
            code: Which exit code it should have.
            says: Part of what it should say.
        """
        if self.code is None:
            return f'hangs: {self.error[-500:]}'
        if self.deeds:
            return f'did {self.deeds}'
        if 'Traceback' in self.error or 'Traceback' in self.output:
            return f'traceback: {self.error[-1500:]}'
        if self.code != code:
            return f'exit code {self.code}, not {code}: {self.error[-500:]} {self.output[-300:]}'
        lines = [line for line in self.error.splitlines() if line.startswith(('error: ', 'usage: '))]
        if code == 2 and len(lines) != 1:
            return f'{len(lines)} lines of an error: {self.error[-500:]}'
        if says not in self.error + self.output:
            return f'does not say {says!r}: {self.error[-500:]}'
        return f'needs {self.kib >> 10} MiB' if self.kib > MEMORY else ''


def run(command: str, folder: Path, patience: float = PATIENCE) -> Outcome:
    """Run a command line in a folder, from which it must not reach out.

    Args:
        command: What follows ``mmssl-robust``, or a file of ``tools/`` and what follows that; before it, variables of
            the environment. ``{long}`` is a path of 300 letters, ``{samples}`` the folder of the embedded data.
        folder: The folder; its parent is looked at for what is written outside.
        patience: Seconds.
    """
    import_commands()
    before = _listed(folder.parent, folder)
    said = [folder.parent / f'.{folder.name}.{name}' for name in ('output', 'error', 'deeds')]
    pid = os.fork()
    if not pid:
        _run_in_child(command, folder, said)
    code, kib = _waited_for(pid, patience)
    output, error, deeds = (path.read_text(errors='replace') for path in said)
    for path in said:
        path.unlink()
    executed = [f'ran the program of {path}' for path in folder.rglob(MARKER)]
    outside = [f'made {path}' for path in sorted(_listed(folder.parent, folder) - before)]
    return Outcome(code, output, error, deeds.splitlines() + executed + outside, kib)


@cache
def import_commands() -> None:
    """Import what commands import, once for all copies of this process."""
    for module in command_line.COMMANDS.values():
        importlib.import_module(f'mmssl_robust.commands.{module}')
    for module in CONVERTERS.values():
        importlib.import_module(f'mmssl_robust.commands.converters.{module}')


def _listed(folder: Path, but: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path != but}


def _waited_for(pid: int, patience: float) -> tuple[int | None, int]:
    """Exit code and memory of a process, which is ended when it takes too long."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        done, status, usage = os.wait4(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status), usage.ru_maxrss
        time.sleep(0.01)
    os.killpg(pid, signal.SIGKILL)
    return None, os.wait4(pid, 0)[2].ru_maxrss


def _run_in_child(command: str, folder: Path, said: list[Path]) -> None:
    code = 1
    try:
        os.setpgid(0, 0)
        files = [os.open(path, os.O_WRONLY | os.O_CREAT, 0o600) for path in said]
        for file, own in zip(files, (1, 2)):
            os.dup2(file, own)
        sys.stdin = open(os.devnull)  # noqa: SIM115
        sys.stdout, sys.stderr = (open(own, 'w', buffering=1) for own in (1, 2))  # noqa: SIM115
        faulthandler.enable(sys.stderr)
        forks.forget_mmengine()
        os.chdir(folder)
        (folder / '.tmp').mkdir()
        tempfile.tempdir = os.environ['TMPDIR'] = str(folder / '.tmp')
        os.environ |= dict(HOME=str(folder), XDG_CACHE_HOME=str(folder / '.cache'), COLUMNS='200')
        sys.addaudithook(_Watch(folder.resolve(), files[2]))
        first, *rest = _words(command)
        if first.endswith('.py'):
            forks.tool(first, *rest)
        else:
            command_line.main([first, *rest])
        code = 0
    except SystemExit as stopped:
        code = stopped.code if isinstance(stopped.code, int) else int(bool(stopped.code))
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _words(command: str) -> list[str]:
    """The words of a command line; what stands before it, as in a shell, goes into the environment."""
    for name, text in dict(long=f'{os.getcwd()}/{"a" * 300}', samples=os.environ['DATA_ROOT']).items():
        command = command.replace(f'{{{name}}}', text)
    words = shlex.split(command)
    while re.match('[A-Z_]+=', words[0]):
        name, _, value = words.pop(0).partition('=')
        os.environ[name] = value
    return words


class _Watch:
    """Writes down what a process does outside of a folder."""

    def __init__(self, folder: Path, file: int) -> None:
        self.folder, self.file = str(folder), file

    def __call__(self, event: str, arguments: tuple) -> None:
        if event == 'open':
            path, mode, flags = arguments
            writes = flags & _WRITES if mode is None else set(str(mode)) & set('wax+')
            self._look(event, [path] if writes else [])
        elif event in _PATHS:
            self._look(event, [arguments[place] for place in _PATHS[event]])
        elif event in _PROGRAMS:
            # MMEngine's log says of which commit and compiler it is.
            if not set(_ASKED) & set(shlex.split(' '.join(map(str, arguments[1] or ())))):
                self._say(f'{event} {arguments[:2]!r}')
        elif event == 'socket.connect' and isinstance(arguments[1], tuple):
            self._say(f'{event} {arguments[1]!r}')

    def _look(self, event: str, paths: list) -> None:
        for path in paths:
            if isinstance(path, int):
                continue
            place = os.path.realpath(os.fsdecode(path))
            if not (place + '/').startswith(self.folder + '/') and not place.startswith(_HARMLESS):
                self._say(f'{event} {place}')

    def _say(self, words: str) -> None:
        os.write(self.file, f'{words}\n'.encode())
