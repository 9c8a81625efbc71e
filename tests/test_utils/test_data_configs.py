"""Configs in JSON and YAML run nothing; what they may say, they may."""

import json

import mmengine
import pytest
import yaml

import mmssl_robust.registry  # noqa: F401
from mmssl_robust.utils.config_files import read_config
from mmssl_robust.utils.errors import UserError

WRITERS = {'json': json.dumps, 'yaml': yaml.dump, 'yml': yaml.dump}


def write(path, value):
    path.write_text(WRITERS[path.suffix[1:]](value))
    return path


@pytest.mark.parametrize('suffix', WRITERS)
def test_data_may_say_what_it_wants(suffix, tmp_path):
    own = dict(model=dict(type='mmssl_robust.DeACL', backbone=dict(type='ResNet', spec='mini')), hooks=[dict(type='A')])
    own['model'] |= dict(norm_layer='LN', auto_wrap_policy=dict(type='A'), dtype='bfloat16', trust_remote_code=False)
    own['model'] |= dict(weights_only=True, decode_backend='numpy')
    write(tmp_path / f'base.{suffix}', own)
    path = write(tmp_path / f'a.{suffix}', dict(_base_=f'base.{suffix}', epochs=3))
    assert read_config(path).to_dict() == own | dict(epochs=3)


@pytest.mark.parametrize('suffix', WRITERS)
@pytest.mark.parametrize(
    'value, says',
    [
        (dict(custom_imports=dict(imports=['evil'])), 'custom_imports'),
        (dict(hook=[dict(model=dict(type='os.system', command='touch x'))]), "type 'os.system'"),
        (dict(type='mmengine.utils.misc.import_modules_from_strings'), "type 'mmengine.utils"),
        (dict(type=['os.system']), 'type '),
        (dict(type='mmengine.put_text', obj='x', filepath='marker'), "type 'mmengine.put_text'"),
        (dict(type='evil'), "type 'evil'"),
        (dict(optim_wrapper=dict(constructor='evil')), "constructor 'evil'"),
        (dict(default_scope='evil'), "default_scope 'evil'"),
        (dict(model=dict(type='A', _scope_='evil')), "_scope_ 'evil'"),
        (dict(backbone=dict(spec='evil.py:make')), "spec 'evil.py:make'"),
        (dict(backbone=dict(spec=' hub:evil:make')), "spec ' hub:evil:make'"),
        (dict(heads=dict(a=dict(config='evil.py'))), "config 'evil.py'"),
        (dict(attacks=['evil.py']), "entry 'evil.py'"),
        (dict(runner_type='evil.X'), "runner_type 'evil.X'"),
        (dict(backbone=dict(type='mmpretrain.TIMMBackbone', norm_layer='evil.X')), "norm_layer 'evil.X'"),
        (dict(model_wrapper_cfg=dict(auto_wrap_policy='evil.X')), "auto_wrap_policy 'evil.X'"),
        (dict(model=dict(type='mmpretrain.HuggingFaceClassifier', trust_remote_code=True)), 'trust_remote_code True'),
        (dict(model=dict(type='mmpretrain.HuggingFaceClassifier', weights_only=False)), 'weights_only False'),
        (dict(pipeline=[dict(type='LoadBiomedicalImageFromFile', decode_backend='pickle')]), "decode_backend 'pickle'"),
        (dict(pipeline=[dict(type='torchvision/ConvertImageDtype', dtype='int8 if f() else 0')]), "dtype 'int8 if"),
        (dict(_base_='evil.py'), "_base_ 'evil.py'"),
        (dict(_base_=['base.yaml']), "type 'os.system'"),
    ],
)
def test_data_runs_nothing(suffix, value, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'evil.py').write_text('open("marker", "w")\n')
    write(tmp_path / 'base.yaml', dict(type='os.system'))
    with pytest.raises(UserError, match='would run a program, which a .py config may') as error:
        read_config(write(tmp_path / f'a.{suffix}', value))
    assert says in str(error.value)
    assert not (tmp_path / 'marker').exists()


@pytest.mark.parametrize('key', ['{{$NOTHING:type}}', '{{ fileBasenameNoExtension }}'])
def test_nothing_is_put_in_place_of_another_text(key, tmp_path):
    path = write(tmp_path / 'type.json', {'model': {key: 'os.system', 'command': 'touch x'}})
    with pytest.raises(UserError, match='write what its {{...}} stands for, or make it a .py'):
        read_config(path)


@pytest.mark.parametrize(
    'text, says',
    [
        ('a: !!pairs [? {type: A} : {type: os.system}]', "type 'os.system' would run a program"),
        ('a: !!python/object/apply:os.mkdir [marker]', 'could not determine a constructor'),
        ('a: [', 'while parsing'),
        ('\n'.join(f'x{i}: &x{i} [{", ".join([f"*x{i - 1}" if i else "1"] * 10)}]' for i in range(9)), 'more than'),
    ],
)
def test_yaml(text, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'a.yaml').write_text(text)
    with pytest.raises(UserError, match=says):
        read_config(tmp_path / 'a.yaml')
    assert not (tmp_path / 'marker').exists()


def test_annotations(tmp_path, monkeypatch):
    """MMEngine's data sets read whatever `ann_file` names, by the suffix."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'a.yml').write_text('a: !!python/object/apply:os.mkdir [marker]')
    with pytest.raises(yaml.YAMLError):
        mmengine.load(tmp_path / 'a.yml')
    mmengine.dump(dict(a=1), tmp_path / 'a.pkl')
    for source in (tmp_path / 'a.pkl', str(tmp_path / 'a.pkl')):
        with pytest.raises(UserError, match='could run code: store it as JSON'):
            mmengine.load(source)
    assert not (tmp_path / 'marker').exists()
    mmengine.dump(dict(a=[1, 2]), tmp_path / 'b.yaml')
    assert mmengine.load(tmp_path / 'b.yaml') == dict(a=[1, 2])


@pytest.mark.parametrize('base', ['a.json', ['b.json'], './b.json'])
def test_a_config_that_is_based_on_itself(base, tmp_path):
    write(tmp_path / 'b.json', dict(_base_='a.json'))
    with pytest.raises(UserError, match='is based on itself, by'):
        read_config(write(tmp_path / 'a.json', dict(_base_=base)))


@pytest.mark.parametrize('base', [3, None, dict(a=1), [['x']]])
def test_bases_that_are_none(base, tmp_path):
    with pytest.raises(UserError, match='refused to use the config .*its _base_'):
        read_config(write(tmp_path / 'a.json', dict(_base_=base)))
