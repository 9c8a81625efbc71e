"""Addresses of the Hub, and where their files are looked for."""

import pytest

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.hub_files import HubRepository, fetch_from_hub, parse_repository


@pytest.mark.parametrize(
    'address, repository, file',
    [
        ('hf://me/x', HubRepository('me/x'), ''),
        ('hf://me/x.y-1/a/b.pth', HubRepository('me/x.y-1'), 'a/b.pth'),
        ('hf://me/x@main/a.pth', HubRepository('me/x', revision='main'), 'a.pth'),
        ('hf://datasets/me/x', HubRepository('me/x', True), ''),
        ('hf://datasets/me/x@v1.0/suite.json', HubRepository('me/x', True, 'v1.0'), 'suite.json'),
    ],
)
def test_an_address_is_a_repository_and_a_file(address, repository, file):
    assert parse_repository(address) == (repository, file)
    assert address.startswith(str(repository))


@pytest.mark.parametrize(
    'address', ['hf://me', 'hf://me/', 'hf://../x', 'hf://me/..', 'hf://me/x/../../y', 'hf://me/x y', 'me/x', 'hf:me/x']
)
def test_what_names_nothing_is_refused_in_one_line(address):
    with pytest.raises(UserError, match='names nothing of the Hub') as error:
        parse_repository(address)
    assert '\n' not in str(error.value)


def test_the_mirror_holds_models_and_data(hub):
    for place in ('me/x/encoder.safetensors', 'me/x/a/b.pth', 'datasets/me/x/suite.json'):
        (hub.folder / place).parent.mkdir(parents=True, exist_ok=True)
        (hub.folder / place).write_text(place)
    assert fetch_from_hub('hf://me/x').read_text() == 'me/x/encoder.safetensors'
    assert fetch_from_hub('hf://me/x@any/a/b.pth').read_text() == 'me/x/a/b.pth'
    assert fetch_from_hub('hf://datasets/me/x/suite.json').read_text() == 'datasets/me/x/suite.json'
    with pytest.raises(UserError, match='names no file'):
        fetch_from_hub('hf://datasets/me/x')
    with pytest.raises(UserError, match=r'cannot get hf://datasets/me/y/a.json .*\$MMSSL_WEIGHTS/datasets/me/y/a.json'):
        fetch_from_hub('hf://datasets/me/y/a.json')
