"""``--tta``: what a config says of it, and what is refused."""

import pytest
from mmengine.config import Config
from toys import classification_run, segmentation_run

from mmssl_robust.evaluation.tta import FLIPS, SCALES, use_tta
from mmssl_robust.utils.errors import UserError

RESIZES = [dict(type='Resize', scale_factor=scale, keep_ratio=True) for scale in (0.5, 1.0)]
FLIPPED = [dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0.0, 1.0)]
OTHERS = [dict(type='LoadAnnotations')], [dict(type='PackSegInputs')]


def config(*augmentations, **settings):
    cfg = Config(segmentation_run('data', 'work'))
    if augmentations:
        transforms = [*augmentations, *OTHERS]
        cfg.tta_pipeline = [dict(type='LoadImageFromFile'), dict(type='TestTimeAug', transforms=transforms)]
    cfg.merge_from_dict(settings)
    return cfg


def test_by_default_the_images_of_the_test_pipeline_are_seen_in_dinov2s_scales():
    cfg = config()
    pipeline = cfg.test_dataloader.dataset.pipeline
    use_tta(cfg)
    assert (cfg.model.type, cfg.model.scales, cfg.model.flips) == ('mmssl_robust.TTASegmentor', [*SCALES], [*FLIPS])
    assert cfg.test_dataloader.dataset.pipeline == pipeline


def test_an_openmmlab_config_says_which_views():
    cfg = config(RESIZES, FLIPPED, tta_model=dict(type='mmseg.SegTTAModel'))
    use_tta(cfg)
    assert (cfg.model.scales, cfg.model.flips) == ([0.5, 1.0], [None, 'horizontal'])
    names = [transform.type for transform in cfg.test_dataloader.dataset.pipeline]
    assert names == ['LoadImageFromFile', 'LoadAnnotations', 'PackSegInputs']


def test_a_size_to_fit_into_is_one_too():
    cfg = config([dict(type='mmseg.Resize', scale=(2048, 512), keep_ratio=True)])
    use_tta(cfg)
    assert (cfg.model.scales, cfg.model.flips) == ([(2048, 512)], [None])


@pytest.mark.parametrize(
    ('cfg', 'words'),
    [
        (config([dict(type='Resize', scale=(8, 8))]), 'keep_ratio=True'),
        (config([dict(type='RandomFlip', prob=0.5)]), 'set prob'),
        (
            config([dict(type='Rotate'), dict(type='PhotoMetricDistortion')]),
            'augments by PhotoMetricDistortion, Rotate',
        ),
        (config(tta_model=dict(type='MyTTAModel')), 'tta_model is a MyTTAModel'),
        (Config(classification_run('data', 'work')), 'not for a ImageClassifier'),
    ],
)
def test_what_cannot_be_averaged_is_refused_in_a_line(cfg, words):
    with pytest.raises(UserError, match=words) as error:
        use_tta(cfg)
    assert '\n' not in str(error.value)
