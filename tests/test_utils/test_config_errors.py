"""What is said of a config that cannot be used: file, key and reason."""

import pytest
from mmengine.config import Config
from mmengine.registry import Registry

from mmssl_robust.utils.config_errors import config_errors
from mmssl_robust.utils.data_loaders import build_dataloader
from mmssl_robust.utils.errors import UserError, reason_of

PARTS = Registry('part')


@PARTS.register_module()
class Outer:
    """Holds another part, which it builds."""

    def __init__(self, inner=None, width=1):
        if not width:
            raise AssertionError
        self.inner = PARTS.build(inner) if inner else None


@PARTS.register_module()
class Inner:
    """Takes some arguments, and does one thing."""

    def __init__(self, depth=1, steps=1):
        if depth < 0:
            raise ValueError(f'depth={depth} must be positive')
        if steps < 0:
            raise UserError(f'steps={steps}: give more')
        self.depth = depth

    def work(self):
        raise RuntimeError('shapes cannot be multiplied')


def said(cfg, work):
    with pytest.raises(UserError) as caught, config_errors(Config(cfg), 'own.py', ('model',)):
        work(cfg)
    assert '\n' not in str(caught.value)
    return str(caught.value)


def model(**inner):
    return dict(helper=dict(type='Inner', **inner), model=dict(type='Outer', inner=dict(type='Inner', **inner)))


@pytest.mark.parametrize(
    'cfg, line',
    [
        (model(depth=-1), 'own.py: model.inner.depth: depth=-1 must be positive'),
        (model(steps=-1), 'own.py: model.inner: steps=-1: give more'),
        (model(depht=1), 'own.py: model.inner.depht: Inner has no such argument: did you mean depth?'),
        (model(zzz=1), 'own.py: model.inner.zzz: Inner has no such argument: it has depth, steps'),
        (dict(model=dict(type='Outer', width=0)), 'own.py: model: AssertionError in `raise AssertionError`'),
        (dict(model=dict(type='Outer', inner=dict(type='Nope'))), 'own.py: model.inner: there is no part Nope: check'),
        (dict(model=dict(type='Outer', inner=[1])), 'own.py: model: cfg should be a dict'),
    ],
)
def test_what_cannot_be_built(cfg, line):
    assert said(cfg, lambda cfg: PARTS.build(cfg['model'])).startswith(line)


def test_what_fails_at_work_is_named_by_what_was_at_work():
    part = PARTS.build(dict(type='Inner'))
    assert said(model(), lambda _: part.work()) == 'own.py: model.inner: shapes cannot be multiplied'


def test_what_is_of_no_key_is_said_without():
    def work(_):
        raise ValueError('it is odd')

    assert said(dict(model=dict(type='Outer')), work) == 'own.py: it is odd (--debug shows where)'


def test_data_loaders_have_a_key_too():
    cfg = dict(model=dict(type='Outer'), train_dataloader=dict(dataset=[1, 2], batch_size=1, sampler=None, odd=1))
    words = 'own.py: train_dataloader.odd: DataLoader has no such argument'
    assert said(cfg, lambda cfg: build_dataloader(dict(cfg['train_dataloader']))).startswith(words)


@pytest.mark.parametrize('error', [UserError('known'), OSError('full'), MemoryError()])
def test_what_says_what_it_is_about_goes_on_as_it_is(error):
    with pytest.raises(type(error)) as caught, config_errors(Config({}), 'own.py'):
        raise error
    assert caught.value is error


def test_an_error_of_the_package_is_not_the_configs():
    with pytest.raises(AttributeError), config_errors(Config({}), 'own.py'):
        reason_of(None)  # called wrongly


def test_libraries_say_it_in_a_line_of_some_length():
    def work(_):
        raise ValueError('a long list: ' + 'x' * 9999)

    assert len(said(dict(model=dict(type='Outer')), work)) < 300


WAITING = 'Expected to have finished reduction in the prior iteration before starting a new one. '


@pytest.mark.parametrize(
    'more, wanted',
    [
        ('You can enable unused parameter detection by passing the keyword argument ...', True),
        ('Since `find_unused_parameters=True` is enabled, this likely means that not all outputs participate', False),
        ('this error indicates that your training graph has changed', False),
    ],
)
def test_weights_that_rest_in_several_processes(more, wanted):
    def work(cfg):
        raise RuntimeError(WAITING + more)

    assert ('set find_unused_parameters=True (--debug' in said(model(), work)) == wanted
