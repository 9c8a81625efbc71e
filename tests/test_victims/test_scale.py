"""What white is among the images of a data loader, and that eps is a share of it."""

import pytest
import torch
from mmengine.model import ImgDataPreprocessor
from mmpretrain.models import BaseClassifier, ClsDataPreprocessor, SelfSupDataPreprocessor
from mmpretrain.structures import DataSample
from toys import MEAN, STD, build, segmentation_batch, segmentor_cfg

from mmssl_robust.attacks import PGD, CrossEntropy
from mmssl_robust.functional.pixel_space import PixelSpace
from mmssl_robust.utils.errors import UserError
from mmssl_robust.victims import build_victim

UNIT = dict(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
BYTES = dict(mean=MEAN, std=STD)
WORDS = dict(mean=[257 * part for part in MEAN], std=[257 * part for part in STD])
IDENTITY = dict(mean=[0, 0, 0], std=[1, 1, 1])
SIZE, LEVEL, LIMIT = 8, 100, 97  # a margin of 3/255


class Brightness(BaseClassifier):
    """Two classes, told apart by whether the mean of an image is above 97/255; linear in its pixels.

    What `white` is in the unit of the preprocessor's mean is for the test to say.
    """

    def __init__(self, preprocessor, white):
        super().__init__()
        self.data_preprocessor = preprocessor
        self.white = white
        self.dummy = torch.nn.Parameter(torch.zeros(1))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        mean, std = getattr(self.data_preprocessor, 'mean', 0), getattr(self.data_preprocessor, 'std', 1)
        pixels = (inputs * std + mean) / self.white
        bright = pixels.mean(dim=(1, 2, 3)) - LIMIT / 255
        logits = 50 * torch.stack([-bright, bright], dim=1)
        if mode == 'tensor':
            return logits
        return [s.set_pred_score(row.softmax(0)).set_pred_label(row.argmax()) for s, row in zip(data_samples, logits)]

    def extract_feat(self, inputs, stage='neck'):
        raise NotImplementedError


class Divided(ClsDataPreprocessor):
    """Mean and standard deviation in 0..1, for images in 0..255."""

    def forward(self, data, training=False):
        return super().forward(data | dict(inputs=[image.float() / 255 for image in data['inputs']]), training)


def image(dtype=torch.uint8, white=255, level=LEVEL):
    """An image whose mean is `level` of 255, of two values in each channel, none near black or white."""
    pixels = torch.full((3, SIZE, SIZE), float(level))
    pixels[:, ::2] += 20
    pixels[:, 1::2] -= 20
    pixels[0] += 30
    pixels[2] -= 30
    if white == 255:
        return pixels.to(dtype)
    return (pixels * 257).to(dtype) if white == 65535 else pixels.to(dtype) / 255 * white


def batch_of(*images):
    samples = [DataSample(metainfo=dict(sample_idx=place)).set_gt_label(1) for place in range(len(images))]
    return dict(inputs=list(images), data_samples=samples)


class Owns(ClsDataPreprocessor):
    """Mean and standard deviation as a user may keep them, of images divided by 255."""

    def __init__(self, form):
        super().__init__()
        self.mean, self.std = form([0.4, 0.4, 0.4]), form([0.2, 0.2, 0.2])

    def forward(self, data, training=False):
        mean, std = (torch.as_tensor(part).reshape(-1, 1, 1) for part in (self.mean, self.std))
        images = torch.stack(data['inputs']).float() / 255
        return dict(inputs=(images - mean) / std, data_samples=data['data_samples'])


@pytest.mark.parametrize('form', [list, tuple, torch.tensor, lambda values: values[0]])
def test_mean_and_std_of_an_own_preprocessor(form):
    own = build_victim(Brightness(Owns(form), 1), batch_of(image()))
    assert own.space.image_white == 255 and float(own.space.white) == 1
    torch.testing.assert_close(own.pixels[0], image() / 255)
    torch.testing.assert_close(own.normalise(own.pixels), own.inputs, rtol=1e-6, atol=1e-6)


# A preprocessor, the image before it, white in the unit of its mean.
KNOWN = {
    'stock': (ClsDataPreprocessor(**BYTES, to_rgb=True), image(), 255),
    'stock, floats': (ClsDataPreprocessor(**BYTES, to_rgb=True), image(torch.float32), 255),
    'caffe': (ClsDataPreprocessor(mean=MEAN, std=[1, 1, 1]), image(torch.float32), 255),
    'symmetric': (ClsDataPreprocessor(mean=[127.5] * 3, std=[127.5] * 3), image(torch.float32), 255),
    'to unit': (ClsDataPreprocessor(mean=[0] * 3, std=[255] * 3), image(torch.float32), 255),
    'none, integers': (ClsDataPreprocessor(), image(), 255),
    'none, bright floats': (ClsDataPreprocessor(), image(torch.float32), 255),
    'identity, integers': (ClsDataPreprocessor(**IDENTITY), image(), 255),
    'ToTensor': (ClsDataPreprocessor(**UNIT), image(torch.float32, white=1), 1),
    'ToTensor, swapped': (ClsDataPreprocessor(**UNIT, to_rgb=True), image(torch.float32, white=1), 1),
    'ToTensor, symmetric': (ClsDataPreprocessor(mean=[0.5] * 3, std=[0.5] * 3), image(torch.float32, white=1), 1),
    'ToTensor, identity': (ClsDataPreprocessor(**IDENTITY), image(torch.float32, white=1), 1),
    'float64': (ClsDataPreprocessor(**UNIT), image(torch.float64, white=1), 1),
    'mmengine': (ImgDataPreprocessor(**UNIT, bgr_to_rgb=True), image(torch.float32, white=1), 1),
    'views': (SelfSupDataPreprocessor(**BYTES, to_rgb=True), image(), 255),
    'views, ToTensor': (SelfSupDataPreprocessor(**UNIT), image(torch.float32, white=1), 1),
    'sixteen bits': (ClsDataPreprocessor(**WORDS), image(torch.int32, white=65535), 65535),
    'divided': (Divided(**UNIT, to_rgb=True), image(), 1),
}


@pytest.mark.parametrize('name', KNOWN)
def test_eps_is_a_share_of_white(name):
    """An image 3/255 above the threshold is robust up to there, and its adversarial example differs by eps x white."""
    preprocessor, one, white = KNOWN[name]
    for eps, robust in (('2.9/255', True), ('3.1/255', False)):
        model = Brightness(preprocessor, white)
        victim = build_victim(model, batch_of(one, one))
        attack = PGD(CrossEntropy(), eps=eps, step_size='1/255', steps=8, keep='last')
        result = victim.attack(attack)
        assert result.success.tolist() == [not robust] * 2
        values = victim.normalise(result.adv) * getattr(preprocessor, 'std', 1) + getattr(preprocessor, 'mean', 0)
        clean = victim.inputs * getattr(preprocessor, 'std', 1) + getattr(preprocessor, 'mean', 0)
        assert float((values - clean).abs().max()) == pytest.approx(attack.settings.eps * white, rel=1e-3)
        images = victim.as_inputs(result.adv)
        apart = (torch.stack(images) - one.float()).abs().max() / victim.space.image_white
        assert float(apart) == pytest.approx(attack.settings.eps, rel=1e-3)


@pytest.mark.parametrize('name', KNOWN)
def test_clean_inputs_are_those_of_the_preprocessor(name):
    preprocessor, one, white = KNOWN[name]
    victim = build_victim(Brightness(preprocessor, white), batch_of(one))
    tolerance = 1e-6 if name in ('sixteen bits', 'float64') else 0
    torch.testing.assert_close(victim.normalise(victim.pixels), victim.inputs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize('preprocessor, white', [(ClsDataPreprocessor(**BYTES), 255), (Divided(**UNIT), 1)])
@pytest.mark.parametrize('level', [0, 1])
def test_a_dark_image_changes_no_unit(preprocessor, white, level):
    for dtype in (torch.uint8, torch.float32) if white == 255 else (torch.uint8,):
        dark = torch.full((3, SIZE, SIZE), level, dtype=dtype)
        victim = build_victim(Brightness(preprocessor, white), batch_of(dark))
        assert victim.space.image_white == 255 and float(victim.space.white) == white
        torch.testing.assert_close(victim.pixels, torch.full_like(victim.pixels, level / 255))


REFUSED = {
    'ToTensor alone': (
        ClsDataPreprocessor(),
        image(torch.float32, white=1),
        'nothing says what white is.*mean=.0, 0, 0',
    ),
    'dark floats': (ClsDataPreprocessor(), image(torch.float32) / 100, 'nothing says what white is'),
    'normalised by the pipeline': (
        ClsDataPreprocessor(),
        (image(torch.float32, white=1) - 0.45) / 0.225,
        'not in 0..255',
    ),
    'normalised twice': (ClsDataPreprocessor(**UNIT), (image(torch.float32, white=1) - 0.45) / 0.225, 'not in 0..1: '),
    'bytes for a unit': (ClsDataPreprocessor(**UNIT), image(), 'uint8, 0..255, mean and std are for 0..1'),
    'floats for a unit': (ClsDataPreprocessor(**UNIT), image(torch.float32), r'in \[50, 150\], but 0..1 is the unit'),
    'integers for a unit': (ClsDataPreprocessor(**UNIT), image(torch.int32), r'in \[50, 150\], but 0..1 is the unit'),
    'floats, mean and std change nothing': (
        ClsDataPreprocessor(**IDENTITY),
        image(torch.float32),
        'but 0..1 is the unit of mean and std: load them as uint8',
    ),
    'a unit for bytes': (
        ClsDataPreprocessor(**BYTES),
        image(torch.float32, white=1),
        r'in \[0.1961, 0.5882\], but 0..255 is the unit',
    ),
    'an enlarged unit for bytes': (
        ClsDataPreprocessor(**BYTES),
        image(torch.float32, white=1) * 2.4 - 0.5,
        'but 0..255 is the unit',
    ),
    'a unit for words': (ClsDataPreprocessor(**WORDS), image(torch.float32, white=1), 'but 0..65535 is the unit'),
    'twelve bits': (
        ClsDataPreprocessor(mean=[2000.0] * 3, std=[900.0] * 3),
        image(torch.int32, white=65535),
        'what white',
    ),
}


@pytest.mark.parametrize('name', REFUSED)
def test_what_does_not_say_its_unit_is_refused(name):
    preprocessor, one, message = REFUSED[name]
    with pytest.raises(UserError, match=message) as caught:
        build_victim(Brightness(preprocessor, 1), batch_of(one))
    assert '\n' not in str(caught.value) and ('data_preprocessor' in str(caught.value) or 'uint8' in str(caught.value))


class Shifted(ClsDataPreprocessor):
    def forward(self, data, training=False):
        return super().forward(data | dict(inputs=[image.float() / 127.5 - 1 for image in data['inputs']]), training)


class Standardised(ClsDataPreprocessor):
    def forward(self, data, training=False):
        images = [(image.float() - image.float().mean()) / image.float().std() for image in data['inputs']]
        return super().forward(data | dict(inputs=images), training)


class Shrunk(ClsDataPreprocessor):
    def forward(self, data, training=False):
        return super().forward(data | dict(inputs=[image[:, ::2, ::2] for image in data['inputs']]), training)


@pytest.mark.parametrize('kind', [Shifted, Standardised, Shrunk])
def test_a_preprocessor_that_does_more_is_refused(kind):
    with pytest.raises(UserError, match=f'{kind.__name__} does more to images than'):
        build_victim(Brightness(kind(), 255), batch_of(image()))


def test_an_own_preprocessor_may_say_what_white_is():
    preprocessor = ClsDataPreprocessor(mean=[2000.0] * 3, std=[900.0] * 3)
    preprocessor.white = 4095.0
    victim = build_victim(Brightness(preprocessor, 4095), batch_of(image(torch.int32, white=65535) // 16))
    assert float(victim.space.white) == victim.space.image_white == 4095


@pytest.mark.parametrize('white, setting', [(1, UNIT), (255, BYTES)])
def test_what_a_resampling_overshoots_by_is_clipped(white, setting):
    """Edges of black and white, enlarged bicubically as floats."""
    checks = torch.zeros(1, 3, 4, 4)
    checks[..., :2] = white
    large = torch.nn.functional.interpolate(checks, scale_factor=4, mode='bicubic')[0]
    assert large.min() < -0.01 * white and large.max() > 1.01 * white
    victim = build_victim(Brightness(ClsDataPreprocessor(**setting), white), batch_of(large))
    torch.testing.assert_close(victim.pixels[0], (large / white).clamp(0, 1), rtol=0, atol=1e-6)
    adv = victim.attack(PGD(CrossEntropy(), eps='4/255', steps=2)).adv
    assert adv.min() >= 0 and adv.max() <= 1
    assert float((adv - victim.pixels).abs().max()) == pytest.approx(4 / 255, rel=1e-4)


def test_a_segmentor_on_unit_images():
    cfg, batch = segmentor_cfg(), segmentation_batch((16, 24), (16, 24))
    cfg['data_preprocessor'] |= UNIT
    batch['inputs'] = [one / 255 for one in batch['inputs']]
    victim = build_victim(build(cfg), batch)
    assert victim.space.image_white == 1
    torch.testing.assert_close(victim.pixels[0], batch['inputs'][0].flip(0), rtol=0, atol=0)


def test_training_reads_the_unit_from_mean_and_std():
    inputs = torch.rand(2, 3, 4, 4)
    to_unit = dict(mean=[0] * 3, std=[255] * 3)  # inputs in 0..1 of images in 0..255
    for setting, white in ((UNIT, 1), (BYTES, 255), (WORDS, 65535), (to_unit, 255)):
        preprocessor = ClsDataPreprocessor(**setting)
        space = PixelSpace(preprocessor, (inputs * white - preprocessor.mean) / preprocessor.std)
        values = space.to_inputs(inputs) * preprocessor.std + preprocessor.mean
        torch.testing.assert_close(values / white, inputs, rtol=1e-5, atol=1e-6)
    with pytest.raises(UserError, match='nothing says what white is'):
        PixelSpace(ClsDataPreprocessor(), inputs)
