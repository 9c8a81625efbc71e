"""The model zoo: what it takes from metafiles, and that these agree with the texts."""

import re
from pathlib import Path

import pytest
from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[2]
# Where the numbers of the metafiles were published first.
TEXTS = [
    'docs/results.md',
    'configs/retrieval/README.md',
    *(f'mmssl_robust/assets/{name}/README.md' for name in ('mini', 'mini_deacl', 'mini_wide', 'mini_robust')),
]


@pytest.fixture
def zoo(tool):
    return tool('model_zoo')


@pytest.fixture
def entries(zoo):
    return {entry.name: entry for entry in zoo.entries(ROOT)}


def test_every_metafile_of_the_index_is_read(entries):
    metafiles = [path.read_text() for path in ROOT.glob('configs/*/metafile.yml')]
    assert len(entries) == sum(len(re.findall(r'^  - Name: .*\n    In Coll', text, re.M)) for text in metafiles)


def test_published_numbers_are_those_of_the_paper(zoo):
    numbers = zoo.published()
    assert numbers['deacl_vitb16_cifar10'] == '91 / 73 / 2'
    assert numbers['dinov2_vits14_nyu'] == '0.49 / 1.54 / 2.60'
    assert len(numbers) == 28


def test_what_was_not_measured_was_not_run(zoo, entries):
    assert zoo.ours(entries['dino_vitb16_cifar10']) == 'not run'
    assert zoo.ours(entries['mini_wide_nyu']) == 'NYU-Depth-v2, 320 x 240: 0.833'


def test_what_was_measured_stands_in_the_order_of_the_published_numbers(zoo, entries):
    assert zoo.ours(entries['mini_cifar10']) == 'CIFAR-10: 66.55<br>CIFAR-10 (200 images): 69.50 / 10.00 / 0.00'


def test_numbers_of_metafiles_stand_in_the_texts(zoo, entries):
    texts = ' '.join((ROOT / name).read_text() for name in TEXTS)
    known = {float(number) for number in re.findall(r'\d+\.\d+', texts)}
    for entry in entries.values():
        for result in entry.results:
            for metric, value in result['Metrics'].items():
                assert value in known, f'{entry.name}: {metric} {value}'


def test_weights_that_ship_have_their_own_hash(zoo, entries):
    from mmssl_robust.utils.files import sha256

    cfg = Config.fromfile(ROOT / 'configs/_base_/models/mini_vit.py')
    links, digests = zoo.weights(cfg, entries['mini_camvid'], ROOT / 'docs/model_zoo.md')
    files = [ROOT / f'mmssl_robust/assets/mini/{name}.safetensors' for name in ('encoder', 'mini_camvid')]
    assert digests == '<br>'.join(f'`{sha256(file)[:12]}`' for file in files)
    assert links.startswith('[`encoder.safetensors`](../mmssl_robust/assets/mini/encoder.safetensors)<br>')


@pytest.mark.parametrize(
    ('place', 'shown'),
    [
        (
            'https://host/a_20220825-85fcc4de.pth',
            ('[`a_20220825-85fcc4de.pth`](https://host/a_20220825-85fcc4de.pth)', '`85fcc4de`'),
        ),
        ('https://host/a.pth', ('[`a.pth`](https://host/a.pth)', '-')),
        ('{{$MINE:weights/a.pth}}', ('`$MINE`', '-')),
        ('timm:vit', ('`timm:vit`', '-')),
    ],
)
def test_weights_from_elsewhere(zoo, place, shown):
    entry = zoo.Entry('a', 'a.py', 'c', {}, (), '')
    cfg = Config(dict(encoder=dict(init_cfg=dict(checkpoint=place))))
    assert zoo.weights(cfg, entry, ROOT / 'docs/model_zoo.md') == shown


def test_cost_says_what_is_known(zoo):
    entry = zoo.Entry('a', 'a.py', 'c', {'Epochs': 3}, (), '')
    assert zoo.cost(entry, 35.1234) == '35.1 GFLOP, 3 epochs'
    assert zoo.cost(entry._replace(metadata={}), None) == '-'


def test_operations_are_those_of_the_encoders(zoo):
    runs = zoo.make_runs(ROOT / 'configs')
    known = zoo.read_operations()
    assert known.keys() == {zoo.stem_of(run) for run in runs if run.folder == 'classification'}
    (small,) = zoo.count_operations([run for run in runs if run.name == 'dino_vits16_cifar10'])
    assert known['dino_vits16'] == pytest.approx(small[1], rel=1e-3)
