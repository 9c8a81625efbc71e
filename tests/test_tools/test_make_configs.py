"""Run configs, metafiles and tables: what is committed is what the tool writes, in a copy also of what is new."""

import runpy
import shutil
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / 'tools' / 'make_configs.py'
VIT = """\
# Tiny ViT, which nobody has trained.
embed_dims = 12
patch_size = 14
encoder = dict(type='mmssl_robust.DINOVisionTransformer', arch=dict(img_size=28, patch_size=14, embed_dim=12, depth=1))
"""
CNN = """\
# Tiny CNN, of another library.
embed_dims = 24
patch_size = 32
encoder = dict(_delete_=True, type='mmpretrain.MobileNetV2')
"""
BY_NAME = """\
# Tiny one, of timm.
embed_dims = 64
patch_size = 16
mean = [1.0, 2.0, 3.0]
std = [4.0, 5.0, 6.0]
architecture = 'Sieve'
licence = 'None at all'
url = 'https://example.org'
encoder = dict(type='mmssl_robust.Encoder', spec='timm:test_vit')
"""
EVERY_DATA_SET = {'classification': 3, 'segmentation': 3, 'depth': 1}


@pytest.fixture
def tree(tmp_path):
    """A copy of what the tool reads and writes."""
    shutil.copytree(ROOT / 'configs', tmp_path / 'configs')
    (tmp_path / 'tools').mkdir()
    shutil.copy(TOOL, tmp_path / 'tools')
    (tmp_path / 'setup.py').touch()
    return tmp_path


@pytest.fixture
def make(tree, monkeypatch, capsys):
    """Run the copied tool; returns the files that it named, and its error if it ended with one."""

    def run(*arguments):
        monkeypatch.setattr('sys.argv', ['make_configs.py', *arguments])
        try:
            runpy.run_path(str(tree / 'tools' / 'make_configs.py'), run_name='__main__')
        except SystemExit as end:
            assert end.code == 2
        captured = capsys.readouterr()
        return set(captured.out.split()), captured.err

    return run


def contents(tree):
    return {path: path.read_text() for path in (tree / 'configs').rglob('*') if path.suffix in ('.py', '.yml', '.md')}


def entries(tree, task):
    return {
        entry['Name']: entry for entry in yaml.safe_load((tree / f'configs/{task}/metafile.yml').read_text())['Models']
    }


def test_nothing_has_drifted(run_tool, capsys):
    run_tool('make_configs.py', '--check')
    assert capsys.readouterr().out == ''


def test_everything_is_written_anew(tree, make):
    before = contents(tree)
    lost = [path for path in before if path.parent.name in EVERY_DATA_SET and path.suffix != '.md']
    for path in lost:
        path.unlink()
    assert make() == ({str(path.relative_to(tree)) for path in lost}, '')
    assert contents(tree) == before


def test_what_was_measured_is_in_the_metafile(tree, make):
    results = [dict(Task='Depth Estimation', Dataset='NYU-Depth-v2', Metrics=dict(RMSE=0.5))]
    measured = dict(dino_vitb16_nyu=dict(Results=results, Weights='https://example.org/head.safetensors'))
    (tree / 'configs/_base_/measured.yml').write_text(yaml.safe_dump(measured))
    make()
    found = entries(tree, 'depth')
    assert {name: found['dino_vitb16_nyu'][name] for name in ('Results', 'Weights')} == measured['dino_vitb16_nyu']
    assert 'Results' not in found['mini_nyu']


@pytest.mark.parametrize('text, neck', [(VIT, None), (CNN, dict(type='GlobalAveragePooling'))], ids=['vit', 'cnn'])
def test_new_encoder(text, neck, tree, make):
    (tree / 'configs/_base_/models/tiny.py').write_text(text)
    before = contents(tree)
    written, error = make()
    assert error == '' and len(written) == 7 + 3 + 3
    for task, count in EVERY_DATA_SET.items():
        new = sorted((tree / 'configs' / task).glob('tiny_*.py'))
        assert len(new) == count and not before.keys() & set(new)
        for path in new:
            cfg = Config.fromfile(path, use_environment_variables=False)
            assert cfg.model.get('neck') == (neck if task == 'classification' else None)
            assert cfg.model['head' if task == 'classification' else 'decode_head'].in_channels == cfg.embed_dims
            assert cfg.model.backbone.type == cfg.encoder.type
            metadata = entries(tree, task)[path.stem]['Metadata']
            assert metadata['Epochs'] == cfg.train_cfg.max_epochs
            assert metadata['Batch Size'] == cfg.train_dataloader.batch_size
        cells = [f'[`{path.stem}`]({path.name})' for path in new]
        assert f'| {text[2:10]} | {" | ".join(cells)} |\n' in (tree / f'configs/{task}/README.md').read_text()
    assert make('--check') == (set(), '')


def test_an_encoder_by_name_brings_its_colours_and_its_licence(tree, make):
    (tree / 'configs/_base_/models/tiny.py').write_text(BY_NAME)
    assert make()[1] == ''
    for task in EVERY_DATA_SET:
        for path in (tree / 'configs' / task).glob('tiny_*.py'):
            cfg = Config.fromfile(path, use_environment_variables=False)
            assert (cfg.model.data_preprocessor.mean, cfg.model.data_preprocessor.std) == ([1, 2, 3], [4, 5, 6])
            assert 16 in cfg.model.data_preprocessor.values() or cfg.model.data_preprocessor.test_cfg.size_divisor == 16
            assert (cfg.model.backbone.spec, cfg.model.get('neck')) == ('timm:test_vit', None)
            metadata = entries(tree, task)[path.stem]['Metadata']
            assert metadata['Encoder License'] == 'None at all' and metadata['Encoder URL'] == 'https://example.org'
        assert 'Sieve' in (tree / f'configs/{task}/metafile.yml').read_text()


def test_new_data_set(tree, make):
    """A file of its own and a line of the tool; epochs and batch size follow from the file."""
    (tree / 'configs/_base_/tasks/svhn.py').write_text(
        "_base_ = 'stl10.py'\ntrain_cfg = dict(max_epochs=3)\ntrain_dataloader = dict(batch_size=8)\n"
    )
    _, error = make()
    assert error.count('\n') == 1 and 'svhn: give it both a file' in error
    tool = tree / 'tools' / 'make_configs.py'
    tool.write_text(tool.read_text().replace("    'ade20k':", "    'svhn': 'SVHN',\n    'ade20k':"))
    written, error = make()
    encoders = {path.stem.removesuffix('_nyu') for path in (tree / 'configs/depth').glob('*_nyu.py')}
    encoders -= {'mini', 'mini_wide', 'small'}
    assert error == ''
    assert written == {f'configs/classification/{encoder}_svhn.py' for encoder in encoders} | {
        'configs/classification/metafile.yml',
        'configs/classification/README.md',
    }
    expected = {'Epochs': 3, 'Batch Size': 8, 'Training Data': ['SVHN']}
    assert entries(tree, 'classification')['mae_vitb16_svhn']['Metadata'] == expected
    readme = (tree / 'configs/classification/README.md').read_text()
    assert '| encoder | CIFAR-10 | CIFAR-100 | STL-10 | SVHN |' in readme


def test_check_names_what_drifted_and_changes_nothing(tree, make):
    changed = tree / 'configs/depth/dino_vitb16_nyu.py'
    changed.write_text(changed.read_text() + 'randomness = dict(seed=1)\n')
    (tree / 'configs/segmentation/mini_camvid.py').unlink()
    task = tree / 'configs/_base_/tasks/stl10.py'
    task.write_text(task.read_text() + 'train_cfg = dict(max_epochs=9)\n')
    before = contents(tree)
    names = {'depth/dino_vitb16_nyu.py', 'segmentation/mini_camvid.py', 'classification/metafile.yml'}
    named, error = make('--check')
    assert named == {f'configs/{name}' for name in names}
    assert error == 'error: 3 files drifted from configs/_base_: run `python tools/make_configs.py`\n'
    assert contents(tree) == before


def test_config_of_no_encoder(tree, make):
    """It is named, and left for a person to delete."""
    (tree / 'configs/_base_/models/mae_vitb16.py').unlink()
    _, error = make()
    assert error.count('\n') == 1 and 'depth/mae_vitb16_nyu.py' in error and 'delete it' in error
    assert (tree / 'configs/depth/mae_vitb16_nyu.py').is_file()
    assert 'mae_vitb16_nyu' not in entries(tree, 'depth')


def test_encoder_without_a_name(tree, make):
    (tree / 'configs/_base_/models/tiny.py').write_text(VIT.split('\n', 1)[1])
    before = contents(tree)
    _, error = make()
    assert error.count('\n') == 1 and 'tiny.py: begin it with `# NAME OF THE ENCODER, `' in error
    assert contents(tree) == before


def test_installed_package(tree, make):
    (tree / 'setup.py').unlink()
    assert make() == (set(), f'error: {tree} is no checkout: run tools/make_configs.py in a clone of the repository\n')
