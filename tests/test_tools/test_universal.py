"""The command that makes one perturbation for all images, and the attack that adds it."""

import json

import pytest
import torch
from mmengine.config import Config
from toys import (
    build,
    classification_run,
    depth_run,
    segmentation_run,
    write_classification,
    write_depth,
    write_segmentation,
)

from mmssl_robust.benchmark.records import RecordStore
from mmssl_robust.building import build_attack
from mmssl_robust.presets import load_preset
from mmssl_robust.tasks import task_named
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.perturbation_files import read_perturbation, write_perturbation

WRITERS = dict(
    classification=(classification_run, write_classification, ()),
    segmentation=(segmentation_run, write_segmentation, ([(24, 20), (30, 26)],)),
    depth=(depth_run, write_depth, ([(24, 20), (30, 26)],)),
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def prepared(folder, task):
    run, write, sizes = WRITERS[task]
    write(folder / task, *sizes)
    cfg = Config(run(folder / task, folder / 'work'))
    cfg.dump(folder / f'{task}.py')
    torch.save(dict(state_dict=build(cfg.model).state_dict()), folder / f'{task}.pth')
    return f'{task}.py', f'{task}.pth'


@pytest.mark.parametrize(
    ('task', 'own'),
    [
        ('classification', 'pgd'),
        pytest.param('segmentation', 'segpgd', marks=pytest.mark.slow),
        pytest.param('depth', 'embed', marks=pytest.mark.slow),
    ],
)
def test_it_is_made_of_any_task_and_added_to_images(task, own, folder, run_tool, capsys):
    config, weights = prepared(folder, task)
    run_tool(
        'universal.py', config, weights, '--attack', own, '--epochs', 2, '--eps', '16/255', '--out', 'one.safetensors'
    )
    assert 'under the perturbation' in ' '.join(capsys.readouterr().out.split())
    found = read_perturbation('one.safetensors')
    notes, delta = found.notes, found.delta
    assert (found.norm, found.eps, notes['seed'], notes['epochs']) == ('linf', 16 / 255, '0', '2')
    assert len(notes['model_sha256']) == 64 and str(folder) not in str(notes)
    assert delta.abs().max() <= 16 / 255 + 1e-6 and delta.ne(0).all()
    added = ('--attack', 'universal', '--perturbation', 'one.safetensors', '--eps', '16/255')
    run_tool('test.py', config, weights, *added, '--out', 'result.json')
    settings = json.loads((folder / 'result.json').read_text())['attacks']['universal']['settings']
    assert settings['kind'] == 'universal' and len(settings['arguments']['sha256']) == 64


def test_the_same_seed_gives_the_same_file_and_no_epoch_noise(folder, run_tool, capsys):
    config, weights = prepared(folder, 'classification')
    for name, *more in (('a',), ('b',), ('noise', '--epochs', 0, '--norm', 'l2', '--eps', 0.5)):
        run_tool('universal.py', config, weights, '--epochs', 1, '--out', f'{name}.safetensors', *more)
    assert (folder / 'a.safetensors').read_bytes() == (folder / 'b.safetensors').read_bytes()
    assert read_perturbation('noise.safetensors').delta.norm().item() == pytest.approx(0.5, rel=1e-5)


def test_records_of_another_file_are_not_gone_on_with(tmp_path):
    store = RecordStore(tmp_path / 'row', task_named('classification'))
    store.open({}, {})
    path = tmp_path / 'delta.safetensors'
    for sign in (1, 1, -1):
        write_perturbation(path, sign * torch.full((3, 4, 4), 0.01), 'linf', '8/255', {})
        config = load_preset('universal', perturbation=str(path))
        if sign == 1:
            store.begin('universal', config, build_attack(config).settings)
            continue
        with pytest.raises(UserError, match='universal .* were made with sha256') as caught:
            store.begin('universal', config, build_attack(config).settings)
        assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        *(
            (('--attack', name), 'is not one attack in a ball')
            for name in ('autoattack', 'transfer', 'patch', 'minimal')
        ),
        (('--out', 'delta.pth'), 'ends in .safetensors'),
        *((('--step-size', step), '--step-size=') for step in ('far', '0', '-1')),
    ],
)
def test_mistakes_are_one_line(arguments, words, folder, run_tool, capsys):
    config, weights = prepared(folder, 'classification')
    with pytest.raises(SystemExit) as caught:
        run_tool('universal.py', config, weights, '--out', 'delta.safetensors', *arguments)
    assert caught.value.code == 2 and words in capsys.readouterr().err.splitlines()[-1]
    assert not (folder / 'delta.safetensors').exists()
