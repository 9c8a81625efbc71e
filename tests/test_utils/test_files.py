"""Files are whole or not there."""

import os
import stat
import time

import pytest
import torch
from safetensors.torch import save_file

from mmssl_robust.utils import files
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import (
    check_file,
    check_folder,
    check_regular,
    copy_folder,
    partial_name,
    remove_partial_files,
    whole_file,
)


def test_replaces_at_once(tmp_path):
    path = tmp_path / 'new' / 'file.txt'
    with whole_file(path) as partial:
        partial.write_text('first')
        assert not path.exists()
    with whole_file(path) as partial:
        partial.write_text('second')
        assert path.read_text() == 'first'
    assert path.read_text() == 'second'
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_changes_nothing(tmp_path):
    path = tmp_path / 'file.txt'
    path.write_text('old')
    with pytest.raises(ZeroDivisionError), whole_file(path) as partial:
        partial.write_text('new')
        raise ZeroDivisionError
    assert path.read_text() == 'old' and list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_is_named(tmp_path):
    (tmp_path / 'file').write_text('no folder')
    with pytest.raises(UserError, match='cannot write .*file/x.txt: '), whole_file(tmp_path / 'file' / 'x.txt'):
        pass


def test_removes_what_the_dead_have_left_alone(tmp_path):
    dead = tmp_path / partial_name('epoch_3.pth', 999999999)
    folder = tmp_path / partial_name('submission', 999999998)
    living = tmp_path / partial_name('epoch_3.pth', os.getppid())
    elsewhere = tmp_path / '.epoch_3.pth.999999999@0123abcd.partial'  # where another process may have that number
    foreign = tmp_path / '.editor.partial'
    (folder / 'inner').mkdir(parents=True)
    for path in (dead, living, elsewhere, foreign):
        path.write_text('half')
    remove_partial_files(tmp_path)
    assert set(tmp_path.iterdir()) == {living, elsewhere, foreign}
    os.utime(elsewhere, (0, time.time() - 25 * 3600))
    remove_partial_files(tmp_path)
    assert set(tmp_path.iterdir()) == {living, foreign}


def test_the_next_writer_tidies_whatever_it_writes(tmp_path):
    dead = tmp_path / 'figures' / partial_name('a.svg', 999999999)
    dead.parent.mkdir()
    dead.write_text('half')
    with whole_file(tmp_path / 'figures' / 'b.svg') as partial:
        partial.write_text('whole')
    assert not dead.exists()


def test_folders_are_whole_or_not_there(tmp_path, monkeypatch):
    (tmp_path / 'source' / 'inner').mkdir(parents=True)
    (tmp_path / 'source' / 'inner' / 'a').write_text('a')
    with monkeypatch.context() as patch, pytest.raises(UserError, match='cannot write .*target'):
        patch.setattr('os.rename', lambda *_: (_ for _ in ()).throw(OSError(28, 'No space left on device')))
        copy_folder(tmp_path / 'source', tmp_path / 'target')
    assert [path.name for path in tmp_path.iterdir()] == ['source']
    copy_folder(tmp_path / 'source', tmp_path / 'target')
    assert (tmp_path / 'target' / 'inner' / 'a').read_text() == 'a'
    with pytest.raises(UserError, match='cannot write .*target'):
        copy_folder(tmp_path / 'source', tmp_path / 'target')


@pytest.fixture(params=[0o022, 0o027, 0o002])
def new_mode(request):
    before = os.umask(request.param)
    yield 0o666 & ~request.param
    os.umask(before)


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


WRITERS = {
    'text': lambda path: path.write_text('new'),
    'safetensors': lambda path: save_file({'weight': torch.ones(2)}, path),
    'torch': lambda path: torch.save({'weight': torch.ones(2)}, path),
    'hidden': lambda path: (path.touch(0o600), path.write_text('new')),
}


@pytest.mark.parametrize('write', WRITERS.values(), ids=WRITERS)
def test_new_files_are_for_whom_the_umask_says(write, new_mode, tmp_path):
    with whole_file(tmp_path / 'folder' / 'file') as partial:
        write(partial)
    assert mode_of(tmp_path / 'folder' / 'file') == new_mode
    assert mode_of(tmp_path / 'folder') == new_mode | 0o111 & (new_mode >> 2)


@pytest.mark.parametrize('write', WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize('mode', [0o600, 0o640, 0o666])
def test_files_that_are_replaced_keep_their_permissions(write, mode, new_mode, tmp_path):
    path = tmp_path / 'file'
    path.touch()
    path.chmod(mode)
    with whole_file(path) as partial:
        write(partial)
    assert mode_of(path) == mode


def test_what_was_never_written_is_none(tmp_path):
    with pytest.raises(UserError, match='cannot write'), whole_file(tmp_path / 'file'):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_regular_file(tmp_path):
    """At a pipe a reader would wait for ever; what is not there is for the reader to say."""
    (tmp_path / 'file').touch()
    os.mkfifo(tmp_path / 'pipe')
    (tmp_path / 'device').symlink_to('/dev/zero')
    for name in ('file', 'missing'):
        check_regular(tmp_path / name)
    for name, words in dict(pipe='a pipe, socket or device', device='a pipe', **{'.': 'a folder'}).items():
        with pytest.raises(UserError, match=f'is {words}.*, where there must be a file'):
            check_regular(tmp_path / name)


def test_a_place_for_a_folder_is_left_as_it_was(tmp_path):
    (tmp_path / 'there').mkdir()
    (tmp_path / 'file').touch()
    for folder in ('there', 'new', 'there/a/b'):
        check_folder(tmp_path / folder, '--out')
    for folder, message in (
        ('file', 'is no folder'),
        ('file/a', 'cannot be made'),
        ('a/' + 300 * 'b', 'cannot be made'),
    ):
        with pytest.raises(UserError, match=f'^--out .* {message}'):
            check_folder(tmp_path / folder, '--out')
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob('*')) == ['file', 'there']


def test_a_place_for_a_file_is_left_as_it_was(tmp_path):
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'file').write_text('kept')
    os.mkfifo(tmp_path / 'pipe')
    for file in ('file', 'new', 'folder/a/b'):
        check_file(tmp_path / file, '--out')
    for file, message in (
        ('folder', '^--out .* is a folder: name a file in it'),
        ('file/a', '^--out .*file is no folder'),
        ('pipe', 'is the place of a pipe'),
    ):
        with pytest.raises(UserError, match=message):
            check_file(tmp_path / file, '--out')
    assert (tmp_path / 'file').read_text() == 'kept'
    assert {path.name for path in tmp_path.rglob('*')} == {'folder', 'file', 'pipe'}


def test_pipes_and_devices_are_not_replaced(tmp_path, monkeypatch):
    """As root one could lose /dev/null, which looks like a place to write to."""
    os.mkfifo(tmp_path / 'pipe')
    (tmp_path / 'devices').mkdir()
    (tmp_path / 'devices/stdout').symlink_to(tmp_path / 'redirected')
    (tmp_path / 'redirected').touch()
    monkeypatch.setattr(files, '_DEVICES', tmp_path / 'devices')
    for name in ('pipe', 'devices/stdout'):
        with pytest.raises(UserError, match='is the place of a pipe, socket or device'), whole_file(tmp_path / name):
            pass
    assert (tmp_path / 'pipe').is_fifo() and (tmp_path / 'devices/stdout').is_symlink()
