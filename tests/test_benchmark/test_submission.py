"""Submissions: honest ones are believed, and each kind of forgery is noticed."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from toys import small_images

from mmssl_robust.benchmark.options import Options
from mmssl_robust.benchmark.parquet_files import write_parquet
from mmssl_robust.benchmark.results import results_of
from mmssl_robust.benchmark.row_records import read_rows
from mmssl_robust.benchmark.run import SuiteRun
from mmssl_robust.benchmark.submission import Copy, Settings, pack, unpacked, verify
from mmssl_robust.benchmark.submission.findings import bounds, highest_share, lowest_share
from mmssl_robust.benchmark.submission.manifest import MANIFEST, write_manifest
from mmssl_robust.benchmark.submission.row_check import RowCheck
from mmssl_robust.benchmark.suite import Row, Suite
from mmssl_robust.commands.main import run_command
from mmssl_robust.presets import load_preset
from mmssl_robust.publishing import push
from mmssl_robust.tasks import task_named
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import sha256

ROW, LIMIT = 'row', 2**30


def evaluated(folder, task='classification', config='mini_cifar10', own='pgd', steps=3, **settings):
    """The folder of a suite of one row, run to its end; images of dense tasks are small."""
    path = f'configs/{task}/{config}.py'
    path = path if task == 'classification' else small_images(path, folder / 'configs')
    row = Row(
        path, task, data='data', encoder='DeACL', name=ROW, max_images=6, batch_size=3,
        checkpoint='mmssl_robust://mini_deacl/encoder.safetensors',
        head=f'mmssl_robust://mini_deacl/{config}.safetensors',
        attacks={own: load_preset(own, steps=steps, eps='4/255') | settings},
    )  # fmt: skip
    suite = SuiteRun(Suite('own', 'Own', (row,)), folder, folder / 'heads', Options(examples=0))
    suite.check()
    suite.run()
    return folder


@pytest.fixture(scope='module')
def packed(tmp_path_factory, data_root):
    folder = tmp_path_factory.mktemp('packed')
    pack(evaluated(folder / 'work'), folder / 'submission', say=lambda words: None)
    return folder / 'submission'


@pytest.fixture
def copy(packed, tmp_path):
    return Path(shutil.copytree(packed, tmp_path / 'copy'))


def verdict(folder, data, **settings):
    (row,) = verify(folder, Copy([data]), Settings(**dict(images=6, seed=1, steps=0) | settings))
    return row


def reasons(row):
    return {finding.check for finding in row.findings if finding.weight in ('doubt', 'refuted')}


def sign(folder, **changes):
    """Make hashes and numbers of a changed submission fit, as someone who forges would."""
    manifest = json.loads((folder / MANIFEST).read_text())
    _, rows = read_rows(folder)
    table = results_of(rows, resamples=1)[['attack', 'metric', 'value', 'images']]
    manifest['rows'][0] |= dict(results=json.loads(table.to_json(orient='records', double_precision=15))) | changes
    write_manifest(folder, {key: manifest[key] for key in ('title', 'versions', 'rows')})


def edit(path, change):
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def edit_records(folder, attack, change):
    path = folder / 'rows' / ROW / f'{attack}.parquet'
    schema = pq.read_schema(path)
    table = pa.Table.from_pandas(change(pd.read_parquet(path)), schema, preserve_index=False)
    write_parquet(table, path, schema.metadata)


def test_bounds_are_those_of_the_binomial_distribution():
    assert highest_share(0, 8) == pytest.approx(1 - 0.05 ** (1 / 8))
    assert lowest_share(8, 8) == pytest.approx(0.05 ** (1 / 8))
    assert (highest_share(0, 0), lowest_share(0, 8), highest_share(8, 8)) == (1, 0, 1)


def test_bounds_are_said_only_where_they_exclude_something():
    assert bounds(0, 8) == 'at most 31%' and bounds(8, 8) == 'at least 69%'
    assert bounds(4, 8) == 'at least 19% and at most 81%'  # each other's mirror image


def test_an_honest_row_is_believable(packed, data_root):
    row = verdict(packed, data_root, steps=2)
    assert row.verdict == 'believable' and not reasons(row)
    assert {pair.attack for pair in row.pairs} == {'clean', 'pgd'} and len(row.pairs) == 12
    assert max(pair.deviation for pair in row.pairs) < 1e-3
    said = {finding.check: finding.words for finding in row.findings}
    assert {'numbers', 'images', 'attacked again', 'stronger attack'} <= said.keys()
    assert '6 of 6 images came out as recorded' in said['attacked again']
    assert 'called robust are wrong, which means at most' in said['attacked again']
    assert 'speaks against' in row.meaning


def test_an_ensemble_that_leaves_alone_what_has_fallen(tmp_path, data_root):
    evaluated(tmp_path / 'work', own='autoattack', steps=2, queries=10, targets=2)
    pack(tmp_path / 'work', tmp_path / 'out', say=lambda words: None)
    table = pd.read_parquet(tmp_path / f'out/rows/{ROW}/autoattack.parquet')
    assert (table.groupby('index')['member'].agg(set) != {'apgd-ce', 'apgd-t', 'fab-t', 'square'}).any()
    assert verdict(tmp_path / 'out', data_root, images=2).verdict == 'believable'
    edit_records(tmp_path / 'out', 'autoattack', lambda table: table.assign(member='square'))
    sign(tmp_path / 'out')
    assert 'attacks' in reasons(verdict(tmp_path / 'out', data_root, images=2))


def test_a_submission_on_the_hub_is_verified_there(packed, data_root, hub):
    push(packed, 'hf://datasets/me/submission', licence='mit')
    assert (
        'mmssl-robust verify hf://datasets/me/submission'
        in (hub.folder / 'datasets/me/submission/README.md').read_text()
    )
    with unpacked('hf://datasets/me/submission', LIMIT) as folder:
        assert verdict(folder, data_root, images=1).verdict == 'believable'


@pytest.mark.parametrize(
    'task, config, own', [('segmentation', 'mini_camvid', 'segpgd'), ('depth', 'mini_hololens', 'depthpgd')]
)
def test_dense_tasks(tmp_path, data_root, task, config, own):
    pack(evaluated(tmp_path / 'work', task, config, own, steps=1), tmp_path / 'out.zip', say=lambda words: None)
    with unpacked(tmp_path / 'out.zip', LIMIT) as folder:
        assert verdict(folder, data_root, images=2).verdict == 'believable'
        clean = pd.read_parquet(folder / f'rows/{ROW}/clean.parquet')
        answers = [column.name for column in task_named(task).columns] + ['quality']
        edit_records(folder, own, lambda table: table.assign(**{name: clean[name] for name in answers}))
        sign(folder)
        row = verdict(folder, data_root)
        assert row.verdict != 'believable' and reasons(row) & {'attacked again', 'one-sided'}  # one step moves little


def test_nothing_of_the_machine_is_in_it(packed):
    own = [str(Path.home()), os.getcwd(), str(packed.parent), os.uname().nodename]
    for path in (path for path in packed.rglob('*.json')):
        assert not [word for word in own if len(word) > 3 and word in path.read_text()], path


def test_numbers_that_do_not_follow_from_records(copy, data_root):
    edit(copy / MANIFEST, lambda manifest: manifest['rows'][0]['results'][0].update(value=99.0))
    row = verdict(copy, data_root)
    assert row.verdict == 'refuted' and reasons(row) == {'numbers'}


def test_files_changed_after_packing(copy, data_root):
    edit_records(copy, 'pgd', lambda table: table.assign(quality=0.5))
    assert 'files' in reasons(verdict(copy, data_root))


def test_raised_scores(copy, data_root):
    """All hashes and numbers fit; only an attack tells."""
    edit_records(
        copy, 'pgd', lambda table: table.assign(prediction=table['label'], quality=0.9, score=-0.9, success=False)
    )
    sign(copy)
    row = verdict(copy, data_root)
    assert row.verdict == 'refuted' and 'attacked again' in reasons(row)
    said = next(finding.words for finding in row.findings if finding.check == 'attacked again')
    assert 'came out otherwise than recorded' in said and 'at least' in said and 'below 100' not in said


def test_understated_eps(copy, data_root):
    def halve(suite):
        suite['rows'][0]['attacks']['pgd']['eps'] = '2/255'

    edit(copy / 'suite.json', halve)
    edit(
        copy / 'rows' / ROW / 'row.json',
        lambda info: (info['attacks']['pgd']['config'].update(eps='2/255'),
                      info['attacks']['pgd']['settings'].update(eps=2 / 255)),
    )  # fmt: skip
    sign(copy)
    row = verdict(copy, data_root)
    assert row.verdict == 'refuted' and any('largest linf norm' in finding.words for finding in row.findings)


def test_records_of_a_weaker_attack(copy, data_root, tmp_path):
    weak = evaluated(tmp_path / 'weak', steps=1) / 'rows' / ROW / 'pgd.parquet'
    shutil.copyfile(weak, copy / 'rows' / ROW / 'pgd.parquet')
    sign(copy)
    row = verdict(copy, data_root)
    assert row.verdict == 'refuted' and 'cost' in reasons(row)


def test_another_seed(copy, data_root):
    edit_records(copy, 'pgd', lambda table: table.assign(seed=7))
    sign(copy)
    assert reasons(verdict(copy, data_root)) == {'attacks'}


def test_dropped_images(copy, data_root):
    for name in ('clean', 'pgd'):
        edit_records(copy, name, lambda table: table[table['index'] != table['index'].max()])
    sign(copy)
    row = verdict(copy, data_root)
    assert row.verdict == 'refuted' and reasons(row) == {'images'}


def test_better_clean_records_of_the_same_images(copy, data_root):
    edit_records(copy, 'clean', lambda table: table.assign(prediction=table['label'], quality=0.95))
    sign(copy)
    assert 'clean again' in reasons(verdict(copy, data_root))


def test_another_encoder(copy, data_root):
    """The config names other weights than those of the hash; or the hash is theirs, and the records are not."""
    other = 'mmssl_robust://mini/encoder.safetensors'
    config, info = (copy / 'rows' / ROW / name for name in ('config.json', 'row.json'))
    edit(config, lambda parts: parts['model']['backbone']['init_cfg'].update(checkpoint=other))
    sign(copy)
    row = verdict(copy, data_root)
    assert row.verdict == 'refuted' and reasons(row) == {'weights'}
    digest = sha256(Path(__file__).parents[2] / 'mmssl_robust/assets/mini/encoder.safetensors')
    edit(info, lambda info: info['identity'].update(encoder_sha256=digest))
    sign(copy, encoder=dict(name=other, sha256=digest))
    row = verdict(copy, data_root)
    assert row.verdict == 'refuted' and 'clean again' in reasons(row)


def test_another_head(copy, data_root):
    (head,) = (copy / 'heads').iterdir()
    shutil.copyfile(Path(__file__).parents[2] / 'mmssl_robust/assets/mini/mini_cifar10.safetensors', head)
    sign(copy)
    assert reasons(verdict(copy, data_root)) == {'weights'}
    digest = sha256(head)
    edit(copy / 'rows' / ROW / 'row.json', lambda info: info['identity'].update(head_sha256=digest))
    sign(copy, head=dict(sha256=digest, file=f'heads/{head.name}'))
    assert 'clean again' in reasons(verdict(copy, data_root))


def test_images_that_are_not_there(packed, tmp_path):
    (tmp_path / 'empty').mkdir()
    row = verdict(packed, tmp_path / 'empty')
    assert row.verdict == 'doubtful' and 'copy' in reasons(row)


def test_a_label_that_is_not_there_is_named(tmp_path):
    (tmp_path / 'road.jpg').touch()
    files = dict(img_path=dict(path='road.jpg'), seg_map_path=dict(path='road_mask.png'))
    assert Copy([tmp_path]).missing(dict(files=files)) == ['road_mask.png']


@pytest.mark.parametrize('trained', [True, False])
def test_images_beside_may_be_those_that_train_the_head(copy, data_root, trained):
    edit(copy / 'rows' / ROW / 'images.json', lambda images: images.update(size=7))
    if trained:
        edit(copy / 'rows' / ROW / 'row.json', lambda row: row['identity'].update(training_files='9 images'))
    (records,) = read_rows(copy)[1]
    findings = list(RowCheck(records, {}, copy, Copy([data_root]))._copied())
    assert ['which train the head' in finding.words for finding in findings if 'hard images' in finding.words] == [
        trained
    ]


@pytest.mark.parametrize('where', ['backbone', 'neck', 'type', 'norm_layer'])
def test_programs_are_not_run(copy, data_root, monkeypatch, where):
    """Neither as the encoder, nor where one is hidden elsewhere, nor as the type of a part, nor as a layer in it."""
    mark = copy.parent / 'ran'
    program = copy / 'evil.py'
    program.write_text(f"open({str(mark)!r}, 'w').close()\ndef make():\n    raise SystemExit\n")
    spec = dict(type='mmssl_robust.Encoder', spec=f'{program}:make')
    layer = dict(type='TIMMBackbone', model_name='resnet10t', norm_layer='evil.make')
    parts = dict(backbone=spec, neck=spec, type=dict(type='evil.make'), norm_layer=layer)
    key = dict(type='neck', norm_layer='backbone').get(where, where)
    edit(copy / 'rows' / ROW / 'config.json', lambda config: config['model'].update({key: parts[where]}))
    held = dict(name='evil.py:make', sha256=sha256(next((copy / 'heads').iterdir())))
    held['file'] = f'heads/{next((copy / "heads").iterdir()).name}'  # weights at hand make a program no safer
    edit(copy / 'rows' / ROW / 'row.json', lambda info: info['identity'].update(encoder_sha256=held['sha256']))
    sign(copy, encoder=held)
    monkeypatch.syspath_prepend(copy)
    row = verdict(copy, data_root)
    assert row.verdict == 'doubtful' and not mark.exists()
    assert any('--trust-code' in finding.words for finding in row.findings)


def test_an_encoder_elsewhere_is_not_read(copy, data_root):
    manifest = json.loads((copy / MANIFEST).read_text())
    sign(copy, encoder=manifest['rows'][0]['encoder'] | dict(file='../secret.pth'))
    row = verdict(copy, data_root)
    assert row.verdict == 'doubtful' and any('elsewhere' in finding.words for finding in row.findings)


@pytest.mark.parametrize('version', [2, 0, None, '1'])
def test_unknown_schema(copy, data_root, version):
    edit(copy / MANIFEST, lambda manifest: manifest.update(schema_version=version))
    with pytest.raises(UserError, match='schema version'):
        verdict(copy, data_root)


def zip_of(path, *entries):
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def link():
    info = zipfile.ZipInfo('heads/link')
    info.external_attr = 0o120777 << 16
    return info


@pytest.mark.parametrize(
    'entry, words',
    [
        (('../out', 'x'), 'written elsewhere'),
        (('/tmp/out', 'x'), 'written elsewhere'),
        (('a/../../out', 'x'), 'written elsewhere'),
        (('C:\\out', 'x'), 'written elsewhere'),
        ((link(), '/etc/passwd'), 'link'),
        (('bomb', b'0' * 2**24), 'that become'),
    ],
)
def test_dangerous_zips(tmp_path, entry, words):
    with pytest.raises(UserError, match=words), unpacked(zip_of(tmp_path / 'a.zip', entry), LIMIT):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {'a.zip'}


def test_a_zip_that_is_too_large_truncated_or_none(tmp_path):
    path = zip_of(tmp_path / 'a.zip', ('file', os.urandom(2**12)))
    with pytest.raises(UserError, match='unpacks to more than'), unpacked(path, 2**10):
        pass
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match='damaged'), unpacked(path, LIMIT):
        pass
    path.write_bytes(b'no zip')
    with pytest.raises(UserError, match='damaged'), unpacked(path, LIMIT):
        pass


def test_links_in_a_folder(copy, data_root):
    (copy / 'link').symlink_to('/etc/passwd')
    with pytest.raises(UserError, match='no links'):
        verdict(copy, data_root)


def test_the_commands_end_with_what_they_found(tmp_path, data_root, capsys):
    folder = data_root / 'cifar10/test/bird'
    few = ['--max-images', '3', '--steps', '1', '--eps', '4/255', '--attack', 'embed-cls', '--size', '32']
    run_command('evaluate', ['mini', str(folder), *few, '--out', str(tmp_path / 'work')])
    run_command('pack', [str(tmp_path / 'work'), '-o', str(tmp_path / 'out.zip'), '--with-encoders'])
    settings = ['--images', '2', '--seed', '3', '--steps', '0', '--json', str(tmp_path / 'said.json')]
    run_command('verify', [str(tmp_path / 'out.zip'), str(folder), *settings])
    shown = capsys.readouterr().out
    assert 'mini: believable: nothing' in shown and '  ok     numbers: all' in shown and '--seed 3 draws' in shown
    said = json.loads((tmp_path / 'said.json').read_text())
    assert said['schema_version'] == 1 and [row['verdict'] for row in said['rows']] == ['believable']
    with zipfile.ZipFile(tmp_path / 'out.zip') as archive:
        archive.extractall(tmp_path / 'copy')
    edit(tmp_path / 'copy' / MANIFEST, lambda manifest: manifest['rows'][0]['results'][0].update(value=99.0))
    with pytest.raises(SystemExit) as ended:
        run_command('verify', [str(tmp_path / 'copy'), str(folder), *settings])
    assert ended.value.code == 1 and 'refuted' in (tmp_path / 'said.json').read_text()
    with pytest.raises(UserError, match='submission'):
        run_command('verify', [str(folder), str(folder)])
