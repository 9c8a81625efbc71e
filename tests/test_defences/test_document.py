"""The defence of one's own in docs/defences.md."""

import re
from pathlib import Path

import torch

from mmssl_robust.defences import defend
from mmssl_robust.defences.in_config import load_defence
from mmssl_robust.registry import MODELS

TEXT = (Path(__file__).parents[2] / 'docs/defences.md').read_text()


def test_it_works_as_written(tmp_path):
    blocks = re.findall(r'^```python\n(.*?)^```', TEXT, re.M | re.S)
    (defence,) = (block for block in blocks if 'register_module' in block)
    (preset,) = (block for block in blocks if block.startswith('custom_imports'))
    (tmp_path / 'my_defence.py').write_text(defence)
    (tmp_path / 'my_defended.py').write_text(preset)
    try:
        module = MODELS.build(load_defence(str(tmp_path / 'my_defended.py')))
        images = torch.rand(2, 3, 9, 8, requires_grad=True)
        found = defend(module, images)
        assert found.shape == images.shape and torch.equal(found, defend(module, images))
        assert not torch.equal(found, defend(module, images, calls=[1, 1])) and (found - images).abs().mean() < 0.3
        found.sum().backward()
        assert torch.equal(images.grad, torch.ones_like(images))
    finally:
        MODELS.module_dict.pop('NoiseAndMedian', None)
