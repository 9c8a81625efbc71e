"""Links of a code host as the site follows them."""

import pytest


@pytest.fixture
def mend(tool, tmp_path):
    """Mend a link of docs/page.md in a small repository."""
    links = tool('code_host_links')
    for name in (
        'README.md',
        'docs/index.md',
        'configs/deacl/README.md',
        'docs/mini/report.md',
        'docs/mini/report.html',
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / 'configs/_base_').mkdir()
    return lambda text: links.LINK.sub(
        lambda found: links.mended(found, tmp_path / 'docs', tmp_path, 'docs/index'), text
    )


@pytest.mark.parametrize(
    ('link', 'mended'),
    [
        ('[a](../configs/deacl)', '[a](../configs/deacl/README.md)'),
        ('[a](../configs/deacl/#data)', '[a](../configs/deacl/README.md#data)'),
        ('[a](mini)', '[a](mini/report.md)'),
        ('[a](../README.md#x)', '[a](index.md#x)'),
        ('[`a`](../configs/_base_)', '`a`'),
        ('[a](other.md#x)', '[a](other.md#x)'),
        ('[a](https://example.org)', '[a](https://example.org)'),
        ('![a](images/a.png)', '![a](images/a.png)'),
    ],
)
def test_links(mend, link, mended):
    assert mend(link) == mended
