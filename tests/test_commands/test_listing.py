"""What `list` and `doctor` say, and what the shell completes."""

import argparse
import subprocess
import sys
from importlib import metadata

import pytest

from mmssl_robust.commands import completion, doctor, listing, main
from mmssl_robust.utils.config_files import configs_in, run_configs


@pytest.mark.parametrize(
    'kind, name, words',
    [
        ('encoders', 'dinov2_vits14', 'DINOv2 ViT-S/14'),
        ('attacks', 'segpgd', 'SegPGD'),
        ('suites', 'paper_table1', 'Table 1'),
        ('configs', 'mini_camvid', 'segmentation'),
        ('datasets', 'cifar10', ''),
    ],
)
def test_every_kind_is_listed(capsys, kind, name, words):
    main.main(['list', kind])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(listing.KINDS[kind]()) + (kind == 'encoders')  # and how others are called
    (line,) = (line for line in lines if line.split()[0] == name)
    assert words in line


def test_what_is_no_encoder_is_not_listed():
    assert not {'linear_segmentor', 'knn_classifier', 'deacl'} & set(listing.encoders())


def test_listing_needs_no_openmmlab():
    code = (
        'import sys; from mmssl_robust.commands.main import main; main(["list", "configs"]); '
        'assert "torch" not in sys.modules'
    )
    subprocess.run([sys.executable, '-c', code], check=True, capture_output=True)


def test_a_healthy_installation(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv('DATA_ROOT', str(tmp_path))
    (tmp_path / 'cifar10').mkdir()
    monkeypatch.setattr(metadata, 'requires', lambda name: ['torch>=2.4', 'onedl-mmcv>=2.3; extra == "mm"'])
    main.main(['doctor'])
    text = capsys.readouterr().out
    assert 'torch' in text and 'OpenMMLab' in text and 'mmengine' in text and 'cifar10' in text
    assert not [line for line in text.splitlines() if line.startswith('missing')]


def test_what_is_missing_is_said_with_what_to_type(capsys, monkeypatch):
    monkeypatch.setenv('DATA_ROOT', 'nowhere')
    monkeypatch.setattr(metadata, 'requires', lambda name: ['no-such-library>=3', 'torch>=99'])
    with pytest.raises(SystemExit) as stopped:
        main.main(['doctor'])
    assert stopped.value.code == 1
    missing = [line for line in capsys.readouterr().out.splitlines() if line.startswith('missing')]
    assert len(missing) == 3
    assert 'pip install "no-such-library>=3"' in missing[0]
    assert '>=99 needed' in missing[1]
    assert 'nowhere is no folder' in missing[2]


def test_opencv_without_a_screen_will_do(monkeypatch):
    versions = {'opencv-python-headless': '4.9'}

    def version(name):
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, 'version', version)
    assert not doctor._library(doctor.Requirement('opencv-python>=4.8')).missing
    assert doctor._library(doctor.Requirement('opencv-python>=4.10')).missing


def test_completion_knows_commands_options_and_names():
    parser = completion.completion_parser('mmssl-robust benchmark pa')
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    assert set(commands.choices) == set(main.COMMANDS)
    actions = {action.dest: action for action in commands.choices['benchmark']._actions}
    assert 'max_images' in actions
    assert actions['suite'].completer() == [*configs_in('configs/benchmarks')]
    assert [action.dest for action in commands.choices['test']._actions] == ['help']  # not imported
    parser = completion.completion_parser('mmssl-robust test mini_')
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    actions = {action.dest: action for action in commands.choices['test']._actions}
    assert actions['config'].completer() == [*run_configs()]
    assert 'segpgd' in actions['attack'].completer()


def test_without_argcomplete_nothing_happens(monkeypatch):
    monkeypatch.setitem(sys.modules, 'argcomplete', None)
    completion.complete()
