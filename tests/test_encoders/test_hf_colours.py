"""Mean and standard deviation of transformers' own processors."""

import json

import pytest
from hf_models import saved

from mmssl_robust.encoders import Encoder
from mmssl_robust.utils.errors import UserError


@pytest.mark.parametrize(
    ('file', 'settings', 'mean', 'std'),
    [
        ('video_preprocessor_config.json', dict(image_mean=[0.5] * 3, image_std=[0.2] * 3), 127.5, 51),
        ('processor_config.json', dict(image_processor=dict(image_mean=[0.4] * 3, image_std=[0.2] * 3)), 102, 51),
        ('preprocessor_config.json', dict(image_mean=[0.5] * 3, image_std=[0.5] * 3, rescale_factor=0.01), 50, 50),
        ('preprocessor_config.json', dict(image_mean=[9] * 3, image_std=[8] * 3, do_rescale=False), 9, 8),
        ('preprocessor_config.json', dict(do_normalize=False), 0, 255),
        ('preprocessor_config.json', dict(image_mean=0.5, image_std=0.2), 127.5, 51),
    ],
)
def test_mean_and_std_are_found_where_processors_are_saved(file, settings, mean, std, tmp_path):
    saved('Dinov2', tmp_path)
    (tmp_path / 'preprocessor_config.json').unlink()
    (tmp_path / file).write_text(json.dumps(settings))
    info = Encoder(f'hf:{tmp_path}').info
    assert info.mean == pytest.approx((mean,) * 3) and info.std == pytest.approx((std,) * 3)


def test_colours_in_another_order_are_refused(tmp_path):
    saved('Dinov2', tmp_path)
    (tmp_path / 'preprocessor_config.json').write_text('{"do_flip_channel_order": true}')
    with pytest.raises(UserError, match='blue before red'):
        Encoder(f'hf:{tmp_path}')


@pytest.mark.parametrize(
    'settings',
    [dict(image_mean=[0.5], image_std=[0.5]), dict(image_mean=['red'] * 3, image_std=1), dict(rescale_factor=0)],
)
def test_settings_of_no_picture_are_refused(settings, tmp_path):
    saved('Dinov2', tmp_path)
    (tmp_path / 'preprocessor_config.json').write_text(json.dumps(settings))
    with pytest.raises(UserError, match='cannot read how images are prepared'):
        Encoder(f'hf:{tmp_path}')
