"""Where figures can be written."""

import pytest

from mmssl_robust.utils.errors import UserError
from mmssl_robust.visualization.figure_files import check_figure


def test_what_is_no_picture_or_cannot_be_written_is_known_before_the_work(tmp_path):
    for name in ('a.png', 'new/b.PDF', 'c.svg'):
        check_figure(tmp_path / name, '--out')
    assert not list(tmp_path.iterdir())
    (tmp_path / 'file').write_text('')
    for place, words in ((tmp_path / 'a.txt', '--out .* is no picture'), (tmp_path / 'file' / 'a.png', '--out')):
        with pytest.raises(UserError, match=words) as caught:
            check_figure(place, '--out')
        assert '\n' not in str(caught.value)
