"""``--cfg-options``: what is none, what does not fit, and keys that nobody reads."""

import argparse

import pytest
from mmengine.config import Config

import mmssl_robust.engine
import mmssl_robust.models  # noqa: F401
from mmssl_robust.utils.arguments import Parser
from mmssl_robust.utils.cfg_options import Options, merge_options
from mmssl_robust.utils.config_files import find_config, read_config
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.known_keys import unknown_keys


def parsed(*words):
    parser = Parser('tool')
    parser.add_argument('--cfg-options', nargs='+', action=Options, default={})
    args: argparse.Namespace = parser.parse_args(['--cfg-options', *words])
    return args.cfg_options


@pytest.fixture(scope='module')
def usual():
    return read_config(find_config('mini_cifar10'))


@pytest.mark.parametrize(
    'word', ['a', '=', '=3', 'a.=3', '.a=3', 'a..b=3', 'a=[1,', 'a=１２', 'a b=3', 'custom_imports=x']
)
def test_what_is_no_option(word):
    with pytest.raises(UserError, match='^--cfg-options'):
        parsed(word)


def test_what_is_one():
    assert parsed('a.b=1', 'c=[1,2]', 'd=x=y', 'e=日本') == {'a.b': 1, 'c': [1, 2], 'd': 'x=y', 'e': '日本'}


def test_the_option_that_does_not_fit_is_named(usual):
    options = {'train_cfg.max_epochs': 1, 'param_scheduler.7.eta_min': 1}
    with pytest.raises(UserError, match='own: --cfg-options param_scheduler.7.eta_min: Index 7'):
        merge_options(Config(usual.to_dict()), options, 'own')


def notes(usual, **options):
    options = {key.replace('__', '.'): value for key, value in options.items()}
    cfg = Config(usual.to_dict())
    cfg.merge_from_dict(options)
    return list(unknown_keys(options, usual.to_dict(), cfg.to_dict()))


@pytest.mark.parametrize(
    'option, words',
    [
        ('typo__setting', 'typo.setting: nothing reads typo'),
        ('lr', 'lr: nothing reads lr: did you mean optim_wrapper.optimizer.lr?'),
        ('optimizer__lr', 'optimizer.lr: nothing reads optimizer: did you mean optim_wrapper.optimizer.lr'),
        ('train_cfg__max_epoch', 'nothing reads train_cfg.max_epoch: did you mean train_cfg.max_epochs'),
        ('train_dataloader__batchsize', 'did you mean train_dataloader.batch_size'),
        ('model__head__num_clases', 'did you mean model.head.num_classes?'),
        ('model__backbone__arch__embed_dims', 'did you mean model.backbone.arch.embed_dim'),
        ('optim_wrapper__optimizer__wieght_decay', 'did you mean optim_wrapper.optimizer.weight_decay?'),
        ('randomness__sed', 'did you mean randomness.seed?'),
        ('env_cfg__cudnn_benchmrk', 'did you mean env_cfg.cudnn_benchmark?'),
        ('default_hooks__checkpoint__save_bset', 'did you mean default_hooks.checkpoint.save_best'),
    ],
)
def test_keys_that_nobody_reads(usual, option, words):
    (note,) = notes(usual, **{option: 3})
    assert words in note


@pytest.mark.parametrize(
    'option',
    [
        'train_cfg__images_per_epoch',
        'train_cfg__dynamic_intervals',
        'optim_wrapper__clip_grad__max_norm',
        'optim_wrapper__accumulative_counts',
        'optim_wrapper__optimizer__betas',
        'default_hooks__checkpoint__save_best',
        'default_hooks__own__type',
        'train_dataloader__prefetch_factor',
        'train_dataloader__dataset__metainfo__ignore_index',
        'model__backbone__frozen',
        'model__backbone___delete_',
        'model__head__topk',
        'model__train_cfg',
        'randomness__deterministic',
        'env_cfg__dist_cfg__timeout',
        'auto_scale_lr__enable',
        'finetune',
        'find_unused_parameters',
        'work_dir',
        'custom_hooks',
        'model_wrapper_cfg__broadcast_buffers',
        'train_cfg__max_epochs',
        'default_hooks__logger__priority',
        'train_dataloader__disable_subprocess_warning',
        'sync_bn',
        'compile',
        'activation_checkpointing',
        'efficient_conv_bn_eval',
    ],
)
def test_keys_that_somebody_reads_are_no_news(usual, option):
    assert notes(usual, **{option: 3}) == []


@pytest.mark.parametrize(
    'section, option',
    [
        (dict(optim_wrapper=dict(type='OptimWrapper')), 'optim_wrapper__paramwise_cfg__norm_decay_mult'),
        (dict(optim_wrapper=dict(type='OptimWrapper')), 'optim_wrapper__constructor'),
        (dict(param_scheduler=[dict(type='PolyLR')]), 'param_scheduler__0__convert_to_iter_based'),
        (dict(param_scheduler=dict(type='PolyLR')), 'param_scheduler__convert_to_iter_based'),
        (dict(custom_hooks=[dict(type='SyncBuffersHook')]), 'custom_hooks__0__priority'),
        (dict(model=dict(backbone=dict(type='mmpretrain.TIMMBackbone'))), 'model__backbone__img_size'),
    ],
)
def test_what_is_read_before_a_section_is_built_or_handed_on_elsewhere(section, option):
    assert notes(Config(section), **{option: 3}) == []
