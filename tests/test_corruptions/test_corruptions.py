"""Images under a corruption: what it is, what it follows from, and what is refused."""

import sys
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from mmssl_robust.corruptions import COMMON, EDITS, check_corruption, corrupted
from mmssl_robust.corruptions.common import common
from mmssl_robust.utils.errors import UserError

IMAGE = torch.randint(0, 256, (3, 33, 40), generator=torch.Generator().manual_seed(0)).float() / 255
LEVELS = (IMAGE * 255).to(torch.uint8).permute(1, 2, 0).numpy()


def as_image(levels):
    return torch.from_numpy(np.array(levels)).permute(2, 0, 1).float() / 255


def test_exposure_is_a_factor():
    lighter, darker = (corrupted(IMAGE, name, 3, 0, 0) for name in ('lighten', 'darken'))
    assert torch.allclose(lighter, (IMAGE * 1.5).clamp(max=1), atol=0.51 / 255)
    assert torch.allclose(darker, IMAGE / 1.5, atol=0.51 / 255)


def test_jpeg_is_pillows():
    file = BytesIO()
    Image.fromarray(LEVELS).save(file, 'JPEG', quality=10)
    assert torch.equal(corrupted(IMAGE, 'jpeg', 5, 0, 0), as_image(Image.open(file)))


def test_a_crop_is_a_part_in_the_size_of_the_whole():
    """Of a ramp it is a ramp that is flatter by the share that is kept."""
    ramp = torch.linspace(0, 1, 100).expand(3, 50, 100)
    found = corrupted(ramp, 'crop', 4, 0, 5)
    slopes = [float(part[0, 25, 80] - part[0, 25, 20]) for part in (found, ramp)]
    assert found.shape == ramp.shape and slopes[0] == pytest.approx(0.7 * slopes[1], abs=2 / 255)
    assert not torch.equal(found, corrupted(ramp, 'crop', 4, 0, 6))
    assert torch.equal(found, corrupted(ramp, 'crop', 4, 0, 5))


@pytest.mark.parametrize('name', [*EDITS, 'gaussian_noise', 'impulse_noise', 'frost', 'pixelate'])
def test_it_follows_from_seed_and_key_alone_and_grows(name):
    if name in COMMON:
        pytest.importorskip('imagecorruptions')
    state = np.random.get_state()[1].copy()
    weak, strong, again = (corrupted(IMAGE, name, severity, 1, 2) for severity in (1, 5, 5))
    assert torch.equal(strong, again) and (np.random.get_state()[1] == state).all()
    assert strong.shape == IMAGE.shape and 0 <= strong.min() <= strong.max() <= 1
    assert (strong - IMAGE).norm() > (weak - IMAGE).norm() > 0
    random = name in ('gaussian_noise', 'impulse_noise', 'frost', 'crop')
    others = [corrupted(IMAGE, name, 5, 2, 2), corrupted(IMAGE, name, 5, 1, 3)]
    assert [torch.equal(strong, other) for other in others] == [not random] * 2


def test_gaussian_noise_is_that_of_the_paper():
    pytest.importorskip('imagecorruptions')
    grey = torch.full((3, 100, 100), 128 / 255)
    assert float((corrupted(grey, 'gaussian_noise', 1, 0, 0) - grey).std()) == pytest.approx(0.08, rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize('severity', [1, 5])
def test_all_of_them_for_images_that_are_not_square(severity):
    library = pytest.importorskip('imagecorruptions')
    assert tuple(library.get_corruption_names()) == COMMON
    for name in COMMON:
        found = corrupted(IMAGE, name, severity, 0, 0)
        assert found.shape == IMAGE.shape and torch.equal(found, corrupted(IMAGE, name, severity, 0, 0)), name
        assert not torch.equal(found, IMAGE), name


def test_what_is_refused(monkeypatch):
    with pytest.raises(UserError, match="unknown corruption 'rain': use one of gaussian_noise, .*crop"):
        check_corruption('rain', 3)
    for severity in (0, 6, 2.0, True):
        with pytest.raises(UserError, match='severity=.*give an integer'):
            check_corruption('fog', severity)
    with pytest.raises(UserError, match='fog is made for images of at least 32x32 pixels, not of 40x31'):
        common(LEVELS[:31], 'fog', 3, 0)
    monkeypatch.setitem(sys.modules, 'imagecorruptions', None)
    with pytest.raises(UserError, match='need the package imagecorruptions-imaug: run `pip install'):
        common(LEVELS, 'fog', 3, 0)
