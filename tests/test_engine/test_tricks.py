"""What makes attacks fast changes no metric of the mini encoders."""

import json

import pytest
from toys import small_images

from mmssl_robust.models.backbones import dino_vit
from mmssl_robust.utils.assets import ASSETS
from mmssl_robust.victims import dense

# Attack, steps and images.
SETTINGS = {
    'classification/mini_cifar10': ('pgd', 4, 12),
    'segmentation/mini_camvid': ('segpgd', 2, 2),
    'depth/mini_hololens': ('depthpgd', 2, 2),
}


@pytest.mark.parametrize('config', SETTINGS)
def test_metrics_are_the_same_without(config, run_tool, tmp_path, monkeypatch):
    attack, steps, images = SETTINGS[config]
    monkeypatch.setenv('DATA_ROOT', str(ASSETS / 'samples'))
    head = f'mmssl_robust://mini/{config.partition("/")[2]}.safetensors'
    small = small_images(f'configs/{config}.py', tmp_path)
    arguments = [small, head, '--attack', 'embed', attack, '--steps', steps, '--max-images', images]

    def metrics(*options):
        out = tmp_path / 'out.json'
        run_tool('test.py', *arguments, *options, '--out', out)
        return json.loads(out.read_text())['metrics']

    fast = metrics()
    slim = metrics('--attack-memory', 1, '--active', 5)
    monkeypatch.setattr(dense, 'has_linear_tail', lambda *_: False)
    monkeypatch.setattr(dino_vit, 'cls_only', lambda block, x: block(x)[:, :1])
    plain = metrics()
    # mIoU is given to two digits; a pixel that lies between two classes may follow the rounding.
    assert fast == pytest.approx(plain, abs=0.02) and slim == pytest.approx(plain, abs=0.02)
    assert fast[f'{attack}/{"rmse" if attack == "depthpgd" else [*fast][0]}'] != fast[[*fast][0]]
