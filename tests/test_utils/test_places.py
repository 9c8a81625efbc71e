"""Where files lie on a machine is left out of what is published, and addresses stay whole."""

import pytest

from mmssl_robust.utils.places import without_places


@pytest.mark.parametrize(
    'text, left',
    [
        ('/secret/photos', 'photos'),
        ('evaluate /secret/w.pth --data-root=/secret/photos', 'evaluate w.pth --data-root=photos'),
        ('timm:resnet50?checkpoint=/secret/w.pth', 'timm:resnet50?checkpoint=w.pth'),
        ('hf:/secret/model', 'hf:model'),
        ('hub:/secret/clone:make', 'hub:clone:make'),
        ('compare hf:~/secret/model mini', 'compare hf:model mini'),
        ('C:\\Users\\me\\x.pth', 'x.pth'),
        ({'~/a/b': ['/a/b', 3]}, {'b': ['b', 3]}),
    ],
)
def test_places_are_left_out(text, left):
    assert without_places(text) == left


@pytest.mark.parametrize(
    'text', ['https://host/a/b.pth', 'hf://OWNER/NAME/a/b.pth', 'mmssl_robust://mini/x.pth', 'hf:a/b', '4/255', 'a / b']
)
def test_addresses_stay(text):
    assert without_places(text) == without_places([text])[0] == text
