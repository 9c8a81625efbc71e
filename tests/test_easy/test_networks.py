"""Plain networks in a few lines: closed forms, any kind of batches, MAITE's protocols."""

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from mmssl_robust import attack, evaluate
from mmssl_robust.attacks import FGSM, PGD, CrossEntropy, DepthRMSE, Margin, MaskedCrossEntropy, Square
from mmssl_robust.easy import api
from mmssl_robust.utils.errors import UserError


class Brightness(nn.Module):
    """Class 1 where the mean pixel is above one half; a change of eps moves the mean by eps."""

    def forward(self, images):
        mean = images.mean(dim=(1, 2, 3)) - 0.5
        return 100 * torch.stack((-mean, mean), dim=1)


class Threshold(nn.Module):
    """The same for each pixel."""

    def forward(self, images):
        value = images.mean(dim=1, keepdim=True) - 0.5
        return 100 * torch.cat((-value, value), dim=1)


class Far(nn.Module):
    """Ten times the pixel, in metres."""

    def forward(self, images):
        return 10 * images.mean(dim=1)


def grey(*levels, size=6):
    return torch.tensor(levels)[:, None, None, None].expand(-1, 3, size, size).contiguous()


LEVELS = (0.2, 0.48, 0.51, 0.9)
LABELS = torch.tensor([0, 0, 1, 1])
PGD8 = PGD(CrossEntropy(), eps='8/255', steps=10)


def test_five_lines():
    loader = DataLoader(TensorDataset(grey(*LEVELS), LABELS), batch_size=3)
    results = evaluate(Brightness(), loader, attacks=[PGD8, 'fgsm'])
    assert results.value() == 100 and results.value('pgd') == 50  # 0.48 and 0.51 are within 8/255 of one half
    table = results.to_pandas()
    assert isinstance(table, pd.DataFrame) and set(table['attack']) == {'clean', 'pgd', 'fgsm'}
    assert table[table['attack'] == 'pgd']['fell'].tolist() == [2]


def test_a_built_attack_is_called_what_its_user_calls_it(tmp_path):
    results = evaluate(
        Brightness(), [(grey(*LEVELS), LABELS)], attacks={'pgd': {'steps': 2}, 'mine': PGD8}, out=tmp_path
    )
    assert list(dict.fromkeys(results.table['attack'])) == ['clean', 'pgd', 'mine'] and results.value('mine') == 50
    with pytest.raises(UserError, match='give an attack as its name'):
        evaluate(Brightness(), [(grey(*LEVELS), LABELS)], attacks={8: PGD8})


def test_what_is_kept(tmp_path):
    data = [(grey(*LEVELS), LABELS)]
    results = evaluate(Brightness(), data, attacks=[PGD8], out=tmp_path)
    for name in ('a.csv', 'a.json', 'a.parquet'):
        assert results.save(tmp_path / name).stat().st_size
    assert pd.read_csv(tmp_path / 'a.csv')['value'].tolist() == results.table['value'].tolist()
    assert 'Brightness' in results.report().read_text()
    with pytest.raises(UserError, match='is no .csv, .json, .parquet'):
        results.save('a.xlsx')
    with pytest.raises(UserError, match='no accuracy under segpgd: there are clean, pgd, with accuracy'):
        results.value('segpgd')
    again = evaluate(Brightness(), data, attacks=[PGD8, FGSM(CrossEntropy())], out=tmp_path)  # goes on
    assert again.value('fgsm') == 50
    with pytest.raises(UserError, match='were made with images None, not 2'):
        evaluate(Brightness(), data, attacks=[PGD8], out=tmp_path, max_images=2)


@pytest.mark.parametrize('kind', ['dicts', 'integers', 'scores', 'dataset', 'lists'])
def test_batches_of_any_kind(kind):
    images = grey(*LEVELS)
    data = dict(
        dicts=[dict(pixel_values=images, labels=LABELS)],
        integers=[((images * 255).round().byte(), LABELS)],
        scores=[(images, torch.eye(2)[LABELS])],
        dataset=TensorDataset(images, LABELS),
        lists=[(list(images[:2]), [0, 0]), (list(images[2:]), [1, 1])],
    )[kind]
    network = nn.Sequential(Brightness())
    if kind == 'integers':
        network = lambda pixels: Brightness()(pixels / 255)  # noqa: E731
    results = evaluate(network, data, attacks=[PGD8])
    assert (results.value(), results.value('pgd')) == (100, 50)


class MaiteDataset:
    """MAITE's protocol: (image, target, metadata), arrays, one-hot targets."""

    metadata = dict(id='four greys')

    def __len__(self):
        return len(LEVELS)

    def __getitem__(self, index):
        return grey(*LEVELS)[index].numpy(), np.eye(2)[int(LABELS[index])], dict(id=index)


class MaiteModel:
    """MAITE's protocol: a batch of arrays in, a sequence of scores out."""

    metadata = dict(id='brightness')

    def __call__(self, batch):
        return list(Brightness()(torch.stack(list(batch))))


def test_objects_of_maite():
    results = evaluate(MaiteModel(), MaiteDataset(), attacks=[PGD8])
    assert (results.value(), results.value('pgd')) == (100, 50)
    assert results.table['data'].unique().tolist() == ['four greys']


def test_a_model_without_gradients_is_searched():
    def network(images):
        return Brightness()(images.detach())

    data = [(grey(*LEVELS), LABELS)]
    with pytest.raises(UserError, match='without no_grad'):
        evaluate(network, data, attacks=[PGD8])
    results = evaluate(network, data, attacks=[Square(Margin(), eps='8/255', queries=300)])
    assert results.value('square') == 50  # as by gradients


def test_label_maps():
    images = grey(0.2, 0.52)
    labels = torch.zeros(2, 6, 6, dtype=torch.long)
    labels[1] = 1
    labels[:, 0] = -1  # does not count
    results = evaluate(Threshold(), [(images, labels)], 'segmentation', [PGD(MaskedCrossEntropy(), steps=10)])
    assert results.value('clean', 'aAcc') == 100 and results.value('pgd', 'aAcc') == 50
    assert results.table['images'].unique().tolist() == [2]


def test_depth():
    depth = torch.full((2, 6, 6), 5.0)
    depth[:, 0] = 0  # unknown
    results = evaluate(Far(), [(grey(0.4, 0.3), depth)], 'depth', [PGD(DepthRMSE(), steps=10), 'depthpgd'])
    assert results.value('clean', 'rmse') == pytest.approx(1.5, abs=1e-5)
    assert results.value('pgd', 'rmse') == pytest.approx(1.5 + 80 / 255, abs=1e-3)


@pytest.mark.parametrize(
    'data, words',
    [
        ([], 'hold no image'),
        ([(grey(0.5), [0, 1])], '1 images and 2 targets'),
        ([(grey(0.5)[:, :, 0], [0])], r'give \(3, H, W\)'),
        ([(grey(2.0), [0])], r'pixels lie in \[2, 2\]: give images in \[0, 1\]'),
        ([dict(x=1)], 'name its images image'),
        ([grey(0.5)], 'pairs of images and targets'),
        ([(grey(0.5), torch.zeros(1, 6, 6))], 'wants a class index'),
    ],
)
def test_data_that_are_none(data, words):
    with pytest.raises(UserError, match=words):
        evaluate(Brightness(), data, attacks=[PGD8])


def test_networks_that_do_not_fit():
    data = [(grey(*LEVELS), LABELS)]
    with pytest.raises(UserError, match=r'gives \(4, 2, 6, 6\) .*: it has to give logits \(B, K\)'):
        evaluate(Threshold(), data, attacks=[PGD8])
    with pytest.raises(UserError, match='has outputs and no embedding'):
        evaluate(Brightness(), data, attacks=['embed'])
    with pytest.raises(UserError, match='embedding is no task of a network'):
        evaluate(Brightness(), data, 'embedding')
    with pytest.raises(UserError, match='labels: of a network nothing of that is known'):
        evaluate(Brightness(), data, labels='masks')
    with pytest.raises(UserError, match='is evaluated on a folder'):
        evaluate('mini', data)
    with pytest.raises(UserError, match='a built attack is for a network'):
        evaluate('mini', 'photos', attacks=[PGD8])


def test_attacking_a_batch():
    result = attack(Brightness(), grey(*LEVELS), LABELS, eps='8/255', steps=10)
    assert result.success.tolist() == [False, True, True, False]
    dictionary = lambda images: SimpleNamespace(logits=Brightness()(images))  # noqa: E731
    assert attack(dictionary, grey(*LEVELS), LABELS, PGD8).success.tolist() == result.success.tolist()
    with pytest.raises(UserError, match='give targets'):
        attack(Brightness(), grey(0.5))
    with pytest.raises(UserError, match='eps change a preset'):
        attack(Brightness(), grey(0.5), LABELS[:1], PGD8, eps='1/255')


def test_attacking_an_encoder():
    images = torch.rand(2, 3, 64, 64)
    result = attack('mini', images, attack='embed-cls', steps=2)
    assert (result.adv - images).abs().max() <= 8 / 255 + 1e-6 and (result.loss > 0).all()
    with pytest.raises(UserError, match='an encoder has an embedding and no prediction'):
        attack('mini', images, attack='pgd')
    ensemble = attack('mini', images, attack='embed-ensemble', steps=1)
    assert (ensemble.score <= attack('mini', images, attack='embed', steps=1, step_size='2/255').score).all()
    with pytest.raises(UserError, match='a JointAttack needs heads: evaluate a config'):
        attack('mini', images, attack='joint')
    assert torch.equal(attack('mini', images, steps=2).adv, attack('mini', images, attack='embed', steps=2).adv)


def test_one_attack_is_as_a_list_of_it():
    data = [(grey(*LEVELS), LABELS)]
    assert evaluate(Brightness(), data, attacks='fgsm').value('fgsm') == 50
    assert evaluate(Brightness(), data, attacks=PGD8).value('pgd') == 50


def test_results_are_shown_as_the_command_shows_them():
    shown = repr(evaluate(Brightness(), [(grey(*LEVELS), LABELS)], attacks='fgsm'))
    assert 'Brightness on' in shown and 'fgsm 8/255' in shown and 'Records: ' in shown


@pytest.mark.parametrize(
    ('model', 'data', 'words'),
    [
        (Brightness(), 'photos', 'on batches, not on the folder photos'),
        ([(grey(0.5), LABELS[:1])], Brightness(), 'a list is no network'),
    ],
)
def test_a_network_needs_batches(model, data, words):
    with pytest.raises(UserError, match=words):
        evaluate(model, data)


@pytest.mark.parametrize(
    ('images', 'targets', 'words'),
    [
        (torch.rand(2, 8, 8, 3), None, r'\(2, 8, 8, 3\): give \(B, 3, H, W\)'),
        (torch.rand(3, 8, 8), None, r'give \(B, 3, H, W\)'),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), None, 'no numbers in'),
        (torch.full((1, 3, 8, 8), 255.0), None, 'no numbers in'),
        (torch.rand(1, 3, 8, 8), 'embed', "attack='embed'"),
        ('photos', None, 'have to be tensors'),
    ],
)
def test_what_is_no_batch_to_attack_is_refused(images, targets, words):
    with pytest.raises(UserError, match=words):
        attack('mini', images, targets)


def test_targets_may_be_a_list():
    result = attack(Brightness(), grey(*LEVELS), LABELS.tolist(), steps=10)
    assert result.success.tolist() == [False, True, True, False]


@pytest.mark.parametrize('sizes', [1, 1.0, np.float32(1), np.int64(1), torch.tensor(1.0), [1], np.array([1.0]), None])
def test_sizes_of_any_kind(sizes, monkeypatch, tmp_path):
    """Also the number of images may be one of NumPy's, and the encoder a path."""
    plans = []
    monkeypatch.setattr(api, 'run_plan', lambda plan, *_: plans.append(plan))
    evaluate(tmp_path / 'a.pth', tmp_path, eps=sizes, max_images=np.int64(3), out=tmp_path, seed=np.uint8(1))
    (plan,) = plans
    assert plan.encoder == f'{tmp_path}/a.pth' and type(plan.max_images) is type(plan.seed) is int
    assert [float(size) for size in plan.eps] == ([] if sizes is None else [1.0])


def test_a_script_says_what_it_prints_and_without_a_folder_leaves_nothing(tmp_path):
    lines = (
        'import torch',
        'from mmssl_robust import evaluate',
        'net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 2))',
        "results = evaluate(net, [(torch.rand(2, 3, 4, 4), torch.tensor([0, 1]))], attacks='fgsm')",
        'assert results.work_dir.is_dir()',
        'print(results)',
    )
    environment = os.environ | dict(TMPDIR=str(tmp_path))
    done = subprocess.run([sys.executable, '-c', '\n'.join(lines)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert done.stdout.split()[:3] == ['Sequential', 'on', 'list,']
    assert not list(tmp_path.glob('mmssl_robust-*'))


def test_an_interval_is_as_exact_as_its_number_and_its_limits_are_said():
    shown = str(evaluate(Brightness(), [(grey(*LEVELS), LABELS)], attacks=[PGD8]))
    assert '[39.8, 100]*' in shown and '* Clopper-Pearson: all images agree' in shown  # 0.025 ** (1 / 4)
    assert 'too narrow' not in shown
    maps = LABELS[:, None, None].expand(-1, 6, 6)
    shown = str(evaluate(Threshold(), [(grey(*LEVELS), maps)], 'segmentation', attacks=[]))
    assert 'From fewer than about 60 images the intervals of a mIoU are too narrow' in ' '.join(shown.split())
