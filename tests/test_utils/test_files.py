"""Files are whole or not there."""

import os

import pytest

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import remove_partial_files, whole_file


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
    dead = tmp_path / '.epoch_3.pth.999999999.partial'
    living = tmp_path / f'.epoch_3.pth.{os.getppid()}.partial'
    for path in (dead, living):
        path.write_text('half')
    remove_partial_files(tmp_path)
    assert list(tmp_path.iterdir()) == [living]
