"""tools/test.py on tiny models: what it writes, and that every mistake is one line without a oracle on disk."""

import importlib.util
import json
import pickle
import re
import sys
from pathlib import Path

import forks
import pytest
import torch
from mmengine.config import Config
from toys import (
    build,
    classification_run,
    depth_run,
    segmentation_run,
    segmentor_cfg,
    write_classification,
    write_depth,
    write_segmentation,
)

from mmssl_robust.utils.precision import bf16_is_fast

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'test.py'


def load_tool():
    spec = importlib.util.spec_from_file_location('test_tool_under_test', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tool(monkeypatch):
    """Call tools/test.py with arguments."""
    module = load_tool()

    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', ['test.py', *map(str, arguments)])
        module.main()

    return call


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a config, a checkpoint and data; the current one, so that stray output would show."""
    write_segmentation(tmp_path / 'data', [(40, 48), (30, 25), (40, 48)])
    cfg = Config(segmentation_run(tmp_path / 'data', tmp_path / 'work'))
    cfg.dump(tmp_path / 'config.py')
    torch.save(dict(state_dict=build(cfg.model).state_dict()), tmp_path / 'model.pth')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys, tool, *arguments):
    """Call the tool, which must end with one line and leave no result, and return that line."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        tool(*arguments, '--out', 'out.json', '--work-dir', 'logs')
    assert stopped.value.code not in (0, None)
    error = capsys.readouterr().err.strip()
    assert error.startswith('error: ') and '\n' not in error
    assert not Path('out.json').exists() and not Path('pictures').exists()
    return error


def test_results(tool, folder, capsys):
    arguments = ['config.py', 'model.pth', '--attack', 'segpgd', 'embed', '--eps', '16/255', '--step-size', '8/255']
    arguments += ['--steps', 2, '--seed', 3, '--keep', 'last', '--show-dir', 'pictures', '--show-images', 1]
    tool(*arguments, '--out', 'deep/out.json', '--batch-size', 1)
    report = json.loads(Path('deep/out.json').read_text())
    assert report['schema_version'] == 1
    assert report['metrics'].keys() >= {'mIoU', 'segpgd/mIoU', 'embed/mIoU', 'segpgd/aAcc'}
    assert report['images'] == 3 and report['skipped'] == [] and report['batch_size'] == 1
    assert report['precision'] == 'fp32' and report['seed'] == 0 and report['seconds'] > 0
    for attack in report['attacks'].values():
        settings = attack['settings']
        assert (settings['eps'], settings['step_size'], settings['steps']) == (16 / 255, 8 / 255, 2)
        given = settings['arguments']
        assert (given['eps'], given['step_size'], given['seed'], given['keep']) == ('16/255', '8/255', 3, 'last')
        assert settings['norm'] == 'linf' and 'fell' in attack
        assert attack['images'] == 3 and attack['forwards_per_image'] >= 3 and attack['max_norm'] <= 16 / 255 + 1e-6
    assert len(report['config_hash']) == len(report['checkpoint_sha256']) == 64
    assert report['libraries']['torch'] and report['config'] == 'config.py'
    assert len(list(Path('pictures').glob('*/*.png'))) == 2
    printed = capsys.readouterr().out
    assert 'segpgd' in printed and f'{report["metrics"]["aAcc"]:.2f}' in printed


def test_an_encoder_that_is_named_counts(tool, folder):
    """Not the one that lies beside the head, as a training leaves it; unless the two were trained together."""
    whole = torch.load('model.pth')['state_dict']
    encoder = {key: value for key, value in whole.items() if key.startswith('backbone.')}
    torch.save({key.removeprefix('backbone.'): -value for key, value in encoder.items()}, 'other.pth')
    torch.save({key: value for key, value in whole.items() if key not in encoder}, 'head.pth')
    named = ['--cfg-options', 'model.backbone.init_cfg.type=Pretrained', 'model.backbone.init_cfg.checkpoint=other.pth']
    reports = {}
    for run, checkpoint, more in (
        ('whole', 'model.pth', []),
        ('named', 'model.pth', named),
        ('head', 'head.pth', named),
        ('fine-tuned', 'model.pth', [*named, 'finetune=True']),
    ):
        tool('config.py', checkpoint, *more, '--attack', 'embed', '--steps', 2, '--out', f'{run}.json')
        reports[run] = json.loads(Path(f'{run}.json').read_text())
    sources = {run: [part['source'] for part in report['weights'].values()] for run, report in reports.items()}
    assert sources == {
        'whole': ['model.pth'],
        'named': ['model.pth', 'other.pth'],
        'head': ['head.pth', 'other.pth'],
        'fine-tuned': ['model.pth'],
    }
    metrics = {run: report['metrics'] for run, report in reports.items()}
    assert metrics['named'] == metrics['head'] != metrics['whole'] == metrics['fine-tuned']


def test_several_scales_and_mirror_images_are_averaged(tool, folder):
    """With mmseg's pipeline for it images come in their own size, each of two here."""
    resizes = [dict(type='Resize', scale_factor=scale, keep_ratio=True) for scale in (1.0, 0.5)]
    flips = [dict(type='RandomFlip', prob=prob) for prob in (0.0, 1.0)]
    transforms = [resizes, flips, [dict(type='LoadAnnotations')], [dict(type='PackSegInputs')]]
    cfg = Config.fromfile('config.py')
    cfg.tta_pipeline = [dict(type='LoadImageFromFile'), dict(type='TestTimeAug', transforms=transforms)]
    cfg.dump('config.py')
    tool('config.py', 'model.pth', '--tta', '--attack', 'segpgd', '--eps', '16/255', '--steps', 1, '--out', 'out.json')
    report = json.loads(Path('out.json').read_text())
    assert report['tta'] == dict(scales=[1.0, 0.5], flips=[None, 'horizontal'])
    assert report['images'] == 3 and report['metrics']['segpgd/aAcc'] < report['metrics']['aAcc']


def test_images_leave_at_their_first_success(tool, folder, capsys):
    arguments = ['config.py', 'model.pth', '--attack', 'segpgd', '--eps', '16/255', '--step-size', '8/255']
    arguments += ['--steps', 3]
    tool(*arguments, '--out', 'best.json')
    tool(*arguments, '--out', 'first.json', '--keep', 'first', '--active', 1, '--batch-size', 3)
    best, first = (json.loads(Path(f'{name}.json').read_text()) for name in ('best', 'first'))
    best_segpgd, segpgd = best['attacks']['segpgd'], first['attacks']['segpgd']
    given = segpgd['settings']['arguments']
    assert given['keep'] == 'first' and given['active'] == 1
    assert segpgd['success_rate'] == best_segpgd['success_rate'] > 0
    assert segpgd['forwards_per_image'] < best_segpgd['forwards_per_image']
    assert 'keep first' in capsys.readouterr().out
    assert 'active=0' in refused(capsys, tool, *arguments, '--active', 0)


def test_attacks_of_the_config(tool, folder, capsys):
    attacks = dict(a=dict(type='mmssl_robust.SegPGD', steps=1), b=dict(type='mmssl_robust.SegPGD', steps=2))
    cfg = Config.fromfile('config.py')
    cfg.test_cfg = dict(type='mmssl_robust.AttackTestLoop', attacks=attacks)
    cfg.dump('attacks.py')
    tool('attacks.py', 'model.pth', '--out', 'out.json', '--eps', '2/255', '--max-images', 1, '--amp')
    report = json.loads(Path('out.json').read_text())
    assert [report['attacks'][name]['settings']['steps'] for name in 'ab'] == [1, 2]
    assert report['attacks']['a']['settings']['arguments']['eps'] == '2/255'
    assert report['precision'] == 'bf16' and report['images'] == 1
    tool('attacks.py', 'model.pth', '--out', 'out.json', '--max-images', 1, '--precision', 'fp16')
    assert json.loads(Path('out.json').read_text())['precision'] == 'fp16'
    assert 'examples made in fp16, scored in fp32' in capsys.readouterr().out
    tool('config.py', 'model.pth', '--out', 'clean.json')
    assert json.loads(Path('clean.json').read_text())['attacks'] == {}


def test_corrupt_image_skipped_or_not(tool, folder, capsys):
    Path('data/images/1.png').write_bytes(b'no image')
    tool('config.py', 'model.pth', '--on-corrupt', 'skip', '--out', 'skip.json')
    report = json.loads(Path('skip.json').read_text())
    assert report['images'] == 2 and len(report['skipped']) == 1 and '1.png' in report['skipped'][0]
    assert '1 image skipped' in capsys.readouterr().out
    assert 'data/images/1.png' in refused(capsys, tool, 'config.py', 'model.pth')


class Hostile:
    def __reduce__(self):
        return (Path.touch, (Path('hacked'),))


def test_checkpoint_mistakes(tool, folder, capsys):
    assert 'checkpoint not found: missing.pth' in refused(capsys, tool, 'config.py', 'missing.pth')
    Path('hostile.pth').write_bytes(pickle.dumps(dict(state_dict=Hostile())))
    assert 'hostile.pth' in refused(capsys, tool, 'config.py', 'hostile.pth')
    torch.save(dict(state_dict=Hostile()), 'hostile_zip.pth')
    assert 'refused to load hostile_zip.pth' in refused(capsys, tool, 'config.py', 'hostile_zip.pth')
    assert not Path('hacked').exists()
    Path('cut.pth').write_bytes(Path('model.pth').read_bytes()[:1000])
    assert 'cut.pth' in refused(capsys, tool, 'config.py', 'cut.pth')
    assert not Path('logs').exists()
    torch.save(build(segmentor_cfg(num_classes=7)).state_dict(), 'seven.pth')
    assert 'conv_seg.weight is (7, 16, 1, 1), wanted (4, 16, 1, 1)' in refused(capsys, tool, 'config.py', 'seven.pth')


def test_attack_mistakes(tool, folder, capsys):
    model = ('config.py', 'model.pth')
    unknown = refused(capsys, tool, *model, '--attack', 'segpgd', 'magic')
    known = (
        "'magic'",
        'embed-directions, ',
        'embed-patch, embed-transfer, embed, ',
        'multilabel-apgd, multilabel-pgd, ',
        'sea, segpgd',
    )
    assert all(words in unknown for words in known)
    for eps in ('1.5', '-1/255', 'eight'):
        assert 'eps' in refused(capsys, tool, *model, '--attack', 'segpgd', f'--eps={eps}')
    assert 'norm' in refused(capsys, tool, *model, '--attack', 'segpgd', '--norm', 'l7')
    assert 'steps' in refused(capsys, tool, *model, '--attack', 'segpgd', '--steps=-1')
    assert 'add --attack' in refused(capsys, tool, *model, '--eps', '4/255')
    assert 'add --attack' in refused(capsys, tool, *model, '--show-dir', 'pictures')
    assert 'at least 1' in refused(
        capsys, tool, *model, '--attack', 'segpgd', '--show-dir', 'pictures', '--show-images=0'
    )
    assert 'at least 1' in refused(capsys, tool, *model, '--batch-size', '0')
    assert 'at least 1' in refused(capsys, tool, *model, '--max-images', '0')


def test_data_mistakes(tool, folder, capsys):
    Path('data/labels/1.png').write_bytes(Path('data/labels/0.png').read_bytes())
    line = refused(capsys, tool, 'config.py', 'model.pth', '--attack', 'segpgd', '--show-dir', 'pictures')
    assert re.search(r'labels/1.png is 48x40, its image \S*images/1.png 25x30', line)
    for path in Path('data/images').iterdir():
        path.unlink()
    assert 'data/images is empty' in refused(capsys, tool, 'config.py', 'model.pth')
    Path('data/images').rmdir()
    assert 'not found: ' in refused(capsys, tool, 'config.py', 'model.pth')


def test_model_mistakes(tool, folder, capsys):
    weights = torch.load('model.pth')['state_dict']
    weights['decode_head.conv_seg.bias'].fill_(float('nan'))
    torch.save(weights, 'nan.pth')
    assert 'data/images/0.png holds NaN' in refused(capsys, tool, 'config.py', 'nan.pth', '--attack', 'segpgd')
    cfg = Config.fromfile('config.py')
    cfg.pop('test_dataloader')
    cfg.dump('train_only.py')
    assert 'no test section' in refused(capsys, tool, 'train_only.py', 'model.pth')
    assert 'config not found' in refused(capsys, tool, 'missing.py', 'model.pth')


def test_wrong_task_for_an_attack(tool, folder, capsys):
    line = refused(capsys, tool, 'config.py', 'model.pth', '--attack', 'depthpgd')
    assert 'DepthLoss does not fit a EncoderDecoder' in line


def test_exit_code_of_the_program(folder, capfd):
    assert forks.tool_apart('test.py', 'config.py', 'missing.pth', '--out', 'out.json') == 2
    assert capfd.readouterr().err.strip().splitlines()[-1] == 'error: checkpoint not found: missing.pth'


def test_two_processes_give_the_numbers_of_one(tool, tmp_path, monkeypatch):
    write_classification(tmp_path / 'data')
    (tmp_path / 'data/class3/2.png').unlink()  # 11 images
    (tmp_path / 'data/class1/0.png').write_bytes(b'broken')
    cfg = Config(classification_run(tmp_path / 'data', tmp_path / 'work', batch_size=2))
    cfg.dump(tmp_path / 'config.py')
    torch.save(build(cfg.model).state_dict(), tmp_path / 'model.pth')
    monkeypatch.chdir(tmp_path)
    arguments = ['config.py', 'model.pth', '--attack', 'pgd', 'embed', '--steps', '2', '--on-corrupt', 'skip']
    tool(*arguments, '--out', 'one.json')
    assert forks.tool_together('test.py', *arguments, '--out', 'many.json') == [0, 0]
    one, many = (json.loads(Path(name).read_text()) for name in ('one.json', 'many.json'))
    assert many['processes'] == 2 and many['metrics'] == one['metrics']
    assert many['images'] == one['images'] == 10 and many['skipped'] == one['skipped']
    for name, attack in one['attacks'].items():
        other = many['attacks'][name]
        assert other['images'] == attack['images'] == 10 and other['success_rate'] == attack['success_rate']
        assert other['mean_loss'] == pytest.approx(attack['mean_loss'], rel=1e-3)


def test_two_processes_give_every_digit_where_predictions_are_the_same(tool, tmp_path, monkeypatch):
    """Of images one at a time, which round the same; sums over them do not depend on who has which."""
    write_depth(tmp_path / 'data', [(16, 24)] * 7)
    (tmp_path / 'data/images/2.png').write_bytes(b'broken')
    cfg = Config(depth_run(tmp_path / 'data', tmp_path / 'work', batch_size=1))
    cfg.dump(tmp_path / 'config.py')
    torch.save(build(cfg.model).state_dict(), tmp_path / 'model.pth')
    monkeypatch.chdir(tmp_path)
    arguments = ['config.py', 'model.pth', '--attack', 'depthpgd', 'embed', '--steps', '2', '--on-corrupt', 'skip']
    tool(*arguments, '--out', 'one.json')
    assert forks.tool_together('test.py', *arguments, '--out', 'many.json') == [0, 0]
    one, many = (json.loads(Path(name).read_text()) for name in ('one.json', 'many.json'))
    assert many['processes'] == 2 and many['images'] == one['images'] == 6
    assert many['metrics'] == one['metrics']
    for name, attack in one['attacks'].items():
        assert {**many['attacks'][name], 'seconds': 0} == {**attack, 'seconds': 0}


def test_ensembles_other_norms_and_targets(tool, folder, capsys):
    model = ('config.py', 'model.pth', '--max-images', 2)
    tool(*model, '--attack', 'sea', 'segpgd', '--steps', 4, '--norm', 'l2', '--eps', '0.5', '--out', 'strong.json')
    report = json.loads(Path('strong.json').read_text())
    members = ['jensen-shannon', 'masked-ce', 'balanced-ce', 'cospgd', 'segpgd', 'finish']
    assert set(report['attacks']) == {'sea', 'segpgd', *(f'sea/{name}' for name in members)}
    metrics = report['metrics']
    # of each image the fewest pixels, which need not be the lowest mIoU
    assert metrics['sea/aAcc'] <= min(metrics[f'sea/{name}/aAcc'] for name in members) + 0.005
    assert metrics['worst/mIoU'] <= min(metrics['sea/mIoU'], metrics['segpgd/mIoU']) + 0.005
    assert metrics['worst/mIoU_bound'] <= metrics['worst/mIoU'] + 1e-9
    assert all(attack['max_norm'] <= 0.5 + 1e-5 for attack in report['attacks'].values())
    tool(*model, '--attack', 'segpgd', '--steps', 2, '--targeted', 1, '--out', 'targeted.json')
    settings = json.loads(Path('targeted.json').read_text())['attacks']['segpgd']['settings']
    assert settings['objective'] == 'TargetedCrossEntropy'
    assert settings['objective_arguments'] == dict(target=1, ignore_index=255)
    assert 'needs an eps of its own' in refused(capsys, tool, *model, '--attack', 'segpgd', '--norm', 'l2')
    assert 'no targeted form' in refused(capsys, tool, *model, '--attack', 'sea', '--targeted')


def test_sanity(tool, folder, capsys):
    settings = ('--attack', 'segpgd', '--steps', 2, '--max-images', 1, '--out', 'sane.json')
    tool('config.py', 'model.pth', *settings, '--sanity', '--sanity-images', 1)
    assert 'Is it believable?' in capsys.readouterr().out
    checks = json.loads(Path('sane.json').read_text())['sanity']['segpgd']
    assert {check['name'] for check in checks} >= {'gradients are not zero', 'Square is no stronger'}
    assert all(isinstance(check['passed'], bool) and check['figures'] for check in checks)
    assert bf16_is_fast('cpu') == ('bfloat16 is as strong' in {check['name'] for check in checks})
    assert 'no attack to change, to show or to check' in refused(capsys, tool, 'config.py', 'model.pth', '--sanity')


def test_sanity_by_transfer(tool, folder, capsys):
    own = ('config.py', 'model.pth', '--max-images', 1, '--batch-size', 1, '--sanity', '--attack', 'embed')
    tool(*own, '--steps', 1, '--sanity-other', 'model.pth', '--out', 'sane.json')
    assert 'On 1 image' in capsys.readouterr().out  # of the 16 there is one
    checks = json.loads(Path('sane.json').read_text())['sanity']['embed']
    assert 'a transfer is no stronger' in {check['name'] for check in checks}
    assert '--sanity-images=0' in refused(capsys, tool, *own, '--sanity-images', 0)
    assert '--sanity-other gone.pth not found' in refused(capsys, tool, *own, '--sanity-other', 'gone.pth')


@pytest.mark.parametrize('name', ['classification/mini_cifar10', 'segmentation/mini_camvid', 'depth/mini_hololens'])
def test_the_data_of_the_training_need_not_be_there(name, tool, config, data_root, tmp_path, monkeypatch):
    for test in data_root.glob('*/**/test'):
        link = tmp_path / 'data' / test.relative_to(data_root)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(test)
    monkeypatch.setenv('DATA_ROOT', str(tmp_path / 'data'))
    head = f'mmssl_robust://mini/{Path(name).name}.safetensors'
    out = tmp_path / 'out.json'
    tool(config(f'{name}.py'), head, '--max-images', 1, '--work-dir', tmp_path / 'logs', '--out', out)
    assert json.loads(out.read_text())['images'] == 1
