"""Settings that mean nothing are found before anything is built."""

import pytest
from mmengine.config import Config

import mmssl_robust.engine
import mmssl_robust.models  # noqa: F401
from mmssl_robust.utils.config_files import find_config, read_config, run_configs
from mmssl_robust.utils.config_values import check_values
from mmssl_robust.utils.errors import UserError

NAN = float('nan')
ONE = (0, -1, 1.5, True, 'x', NAN)
NOTHING = (-1, 1.5, True, 'x', NAN)
SECTION = (3, 'x', [1], True)
WRONG = {
    'model': (*SECTION, None, {}),
    'model.backbone': (*SECTION, None),
    'model.head': SECTION,
    'model.head.num_classes': (*ONE, None),
    'model.head.in_channels': (0, -1, 'x', True, None),
    'model.data_preprocessor.std': ([0, 1, 1], [-1, 1, 1], [NAN, 1, 1], ['x', 1, 1], [1]),
    'train_cfg': SECTION,
    'train_cfg.max_epochs': (*ONE, None),
    'train_cfg.val_interval': ONE,
    'train_cfg.images_per_epoch': ONE,
    'train_cfg.total_batch_size': ONE,
    'train_cfg.max_skipped_steps': NOTHING,
    'train_cfg.val_at_start': (5, 'x', None),
    'val_cfg.attacks': SECTION,
    'train_dataloader.batch_size': ONE,
    'train_dataloader.num_workers': NOTHING,
    'train_dataloader.prefetch_factor': ONE,
    'train_dataloader.persistent_workers': (5, 'x'),
    'train_dataloader.dataset': (*SECTION, None),
    'train_dataloader.dataset.pipeline': (3, None, 'x'),
    'optim_wrapper': SECTION,
    'optim_wrapper.accumulative_counts': ONE,
    'optim_wrapper.optimizer': (*SECTION, None),
    'optim_wrapper.optimizer.type': ('NoSuch',),
    'optim_wrapper.optimizer.lr': (-1, NAN, float('inf'), 'x', None, True),
    'optim_wrapper.optimizer.weight_decay': (-1, NAN, 'x', True),
    'optim_wrapper.clip_grad': SECTION,
    'optim_wrapper.clip_grad.max_norm': (-1, 0, NAN, 'x'),
    'param_scheduler': (3, 'x'),
    'randomness': SECTION,
    'randomness.seed': (-1, 1.5, 'x', True, 2**32),
    'env_cfg': SECTION,
    'env_cfg.mp_cfg.mp_start_method': ('x', 3),
    'default_hooks': SECTION,
    'default_hooks.checkpoint.interval': (0, -2, 1.5, 'x', True),
    'default_hooks.checkpoint.max_keep_ckpts': (0, -2, 'x'),
    'default_hooks.logger.interval': (0, 'x'),
    'custom_hooks': (5, 'x', [5]),
    'log_level': ('LOUD', None),
    'log_processor.window_size': ONE,
    'auto_scale_lr.base_batch_size': ONE,
    'load_from': (5, True),
    'resume': ('x', 1),
}


@pytest.fixture(scope='module')
def usual():
    return read_config(find_config('mini_cifar10'))


@pytest.mark.parametrize('key', WRONG)
def test_what_means_nothing_is_named(key, usual):
    for value in WRONG[key]:
        cfg = Config(usual.to_dict())
        section = cfg
        *above, name = key.split('.')
        for word in above:
            if word not in section:
                section[word] = {}
            section = section[word]
        section[name] = value
        with pytest.raises(UserError) as caught:
            check_values(cfg, 'own.py')
        words = key.removesuffix('.std')  # of which mean is a part
        assert str(caught.value).startswith(f'own.py: {words}'), value
        assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    'section, words',
    [
        (dict(type='mmssl_robust.SeededTrainLoop', max_epochs=1, on_corrupt=5), 'on_corrupt=5: give a text'),
        (dict(type='mmssl_robust.AdversarialTrainLoop', max_epochs=1, val_at_start=2), 'val_at_start=2: give True or'),
        (dict(type='mmssl_robust.PanelHook', out_dir='x', max_images=NAN), 'max_images=nan: give an integer'),
        (dict(type='mmssl_robust.DINOHook', base_momentum=NAN), 'base_momentum=nan: give a finite number'),
        (dict(type='mmssl_robust.SafeCheckpointHook', save_last=3), 'save_last=3: give True or False'),
    ],
)
def test_arguments_of_the_packages_own_classes_are_of_their_kind(section, words):
    with pytest.raises(UserError, match=f'own.py: custom_hooks.0.{words}'):
        check_values(Config(dict(custom_hooks=[section])), 'own.py')


@pytest.mark.parametrize(
    'name', ['mini_camvid', 'mini_nyu', 'dino_mini', 'distill_mini', 'lore_mini_wide', 'mini_cifar10_knn']
)
def test_the_packages_configs_mean_something(name):
    check_values(read_config(run_configs()[name]), name)


@pytest.mark.parametrize('part', ['head', 'decode_head', 'neck'])
def test_a_model_may_have_several_heads_and_necks_behind_each_other(part):
    """As MMSegmentation's OCRNet and PointRend, and MMPretrain's HRNet."""
    check_values(Config(dict(model={part: [dict(type='A'), dict(type='B', num_classes=3)]})), 'own.py')
    with pytest.raises(UserError, match=rf'own.py: model.{part}.1=5: give a section'):
        check_values(Config(dict(model={part: [dict(type='A'), 5]})), 'own.py')


@pytest.mark.parametrize('name', ['LARS', 'Lamb', 'mmpretrain.LARS', 'SGD', 'torch.optim.SGD'])
def test_optimisers_of_other_libraries(name):
    """As MMPretrain's configs of linear probes have them."""
    check_values(Config(dict(default_scope='mmpretrain', optim_wrapper=dict(optimizer=dict(type=name)))), 'own.py')


def test_an_optimiser_may_have_two_epsilons():
    optimizer = dict(type='Adafactor', lr=0.01, eps=(None, 1e-3))
    check_values(Config(dict(optim_wrapper=dict(optimizer=optimizer))), 'own.py')
    with pytest.raises(UserError, match='optim_wrapper.optimizer.eps.1=-1'):
        check_values(Config(dict(optim_wrapper=dict(optimizer=dict(optimizer, eps=(None, -1))))), 'own.py')
