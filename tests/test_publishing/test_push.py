"""What is pushed reads back from the Hub, and what would tell too much or lacks something is refused."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import timm
import torch
from fakes import fake_row, write_suite
from huggingface_hub import ModelCard
from safetensors.torch import save_file

from mmssl_robust import load_encoder
from mmssl_robust.benchmark.hub_records import FILES, records_at, write_list
from mmssl_robust.benchmark.parquet_files import write_parquet
from mmssl_robust.benchmark.row_records import read_rows
from mmssl_robust.benchmark.submission import unpacked
from mmssl_robust.benchmark.transfers import TRANSFER_FILE
from mmssl_robust.commands import main
from mmssl_robust.publishing import push
from mmssl_robust.utils.assets import ASSETS
from mmssl_robust.utils.checkpoint import read_checkpoint
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import sha256

MODEL, DATA = 'hf://me/model', 'hf://datasets/me/records'
HEAD = ASSETS / 'mini/mini_cifar10.safetensors'


def same(first, second):
    state, other = first.network.state_dict(), second.network.state_dict()
    return (
        first.info == second.info
        and state.keys() == other.keys()
        and all(torch.equal(state[name], other[name]) for name in state)
    )


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    """A work dir whose records are of the shipped encoder, as far as they say."""
    folder = tmp_path_factory.mktemp('work')
    (row,) = write_suite(
        folder, [fake_row('classification', sweeps=False)], examples=1, title=f'Of {Path.home()}/photos', images=20
    )
    path = folder / 'rows' / row.name / 'row.json'
    row = json.loads(path.read_text())
    row['identity']['encoder_sha256'] = sha256(ASSETS / 'mini/encoder.safetensors')
    path.write_text(json.dumps(row))
    return folder


@pytest.fixture
def no_report(monkeypatch):
    """Leave out what takes seconds and is not looked at."""
    monkeypatch.setattr('mmssl_robust.publishing.records.write_report', lambda *_, **__: None)


def test_an_encoder_reads_back_by_its_address_alone(hub, finished):
    said = push('mini', MODEL, licence='cc-by-nc-4.0', trained='By distillation.', results=finished, private=True)
    assert said == 'https://hub/me/model/commit/1'
    assert hub.calls == [('create_repo', 'me/model', 'model', True), ('upload_folder', None)]
    assert same(load_encoder(MODEL), load_encoder('mini'))
    own = ASSETS / 'mini/encoder.safetensors'  # in float16, which is kept
    assert (hub.folder / 'me/model/encoder.safetensors').stat().st_size < 1.01 * own.stat().st_size
    card = ModelCard((hub.folder / 'me/model/README.md').read_text())
    assert (card.data.license, card.data.library_name) == ('cc-by-nc-4.0', 'mmssl_robust')
    found = {result.metric_name: result.metric_value for result in card.data.eval_results}
    assert found['accuracy, clean'] > found['accuracy, pgd, linf 8/255'] == 0
    assert 'By distillation.' in card.text and f"load_encoder('{MODEL}'" in card.text
    assert '| pgd, linf 8/255' in card.text


@pytest.mark.parametrize('name, options', [('test_vit', '&pool=avg'), ('test_vit', '&size=64x96'), ('test_resnet', '')])
def test_an_encoder_of_timm_says_itself_what_it_is_of(hub, tmp_path, name, options):
    save_file(timm.create_model(name, num_classes=3).state_dict(), tmp_path / 'own.safetensors')
    spec = f'timm:{name}?checkpoint={tmp_path}/own.safetensors{options}'
    push(spec, MODEL, licence='mit')
    encoder = load_encoder(MODEL)
    assert same(encoder, load_encoder(spec)) and encoder.network.architecture.startswith(f'timm:{name}')
    with pytest.raises(UserError, match=f'is of timm:{name}.*leave out the options'):
        load_encoder(f'{MODEL}?mean=0.5,0.5,0.5')


def test_its_own_mean_is_kept_and_its_licence_is_asked_for_once(hub):
    push('mini?mean=0.1,0.2,0.3', MODEL, licence='mit')
    push(MODEL, 'hf://me/other@next')
    assert load_encoder('hf://me/other').info.mean == (25.5, 51, 76.5)
    assert ('create_branch', 'next') in hub.calls and hub.calls[-1] == ('upload_folder', 'next')
    assert 'license: mit' in (hub.folder / 'me/other/README.md').read_text()


def test_what_a_file_of_others_says_it_is_of_leads_nowhere_else(tmp_path):
    others = ('timm:hf-hub:me/model', 'timm:local-dir:/x', 'hub:me/model:f', 'x.py:f', 'timm:test_vit?checkpoint=x')
    for stated in others:
        save_file({'x': torch.zeros(1)}, tmp_path / 'a.safetensors', {'mmssl_robust.architecture': stated})
        with pytest.raises(UserError, match='unknown arch='):
            load_encoder(str(tmp_path / 'a.safetensors'))


def test_a_head_joins_its_encoder_and_leaves_the_card(hub):
    push('mini', MODEL, licence='mit')
    card = (hub.folder / 'me/model/README.md').read_text()
    push(HEAD, MODEL, licence='cc-by-4.0', update=True)
    found, own = read_checkpoint(f'{MODEL}/heads/mini_cifar10.safetensors'), read_checkpoint(HEAD)
    assert found.keys() == own.keys() and all(torch.equal(found[name], own[name]) for name in own)
    assert (hub.folder / 'me/model/README.md').read_text() == card
    push(HEAD, 'hf://me/heads', licence='cc-by-4.0')
    assert 'license: cc-by-4.0' in (hub.folder / 'me/heads/README.md').read_text()


def test_records_read_back_and_give_the_same_report(hub, finished, tmp_path, monkeypatch):
    monkeypatch.setattr('mmssl_robust.benchmark.report.draw_figures', lambda *_: {})  # which takes seconds
    push(finished, DATA, licence='cc-by-4.0')
    place = hub.folder / 'datasets/me/records'
    with records_at(DATA) as folder:
        assert folder.name == 'records' and not (folder / 'README.md').exists()
        (ours,), (theirs,) = (read_rows(one)[1] for one in (finished, folder))
        for attack in ours.finished:
            pd.testing.assert_frame_equal(theirs.read(attack), ours.read(attack))
    main.run_command('report', [DATA, '--out', str(tmp_path / 'report')])
    tables = [pd.read_csv(one / 'results.csv') for one in (tmp_path / 'report', place / 'report')]
    pd.testing.assert_frame_equal(*tables)
    words = ''.join(path.read_text() for path in place.rglob('*') if path.suffix in ('.json', '.md', '.html'))
    assert str(Path.home()) not in words and '/data/x' not in words and 'Of photos' in words
    assert not list(place.rglob('*.npz'))


def test_what_encoders_showed_each_other_goes_along(finished, tmp_path, no_report):
    work = Path(shutil.copytree(finished, tmp_path / 'work'))
    table = pd.DataFrame(dict(source=['a'], target=['b'], attack=['pgd']))
    table.to_parquet(work / TRANSFER_FILE)
    push(work, DATA, licence='mit', dry_run=tmp_path / 'out')
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / 'out' / TRANSFER_FILE), table)
    assert TRANSFER_FILE in json.loads((tmp_path / 'out' / FILES).read_text())['files']


def test_a_dry_run_writes_what_would_be_uploaded(hub, tmp_path, capsys):
    command = ['mini', MODEL, '--license', 'mit', '--dry-run', str(tmp_path / 'out')]
    main.run_command('push', command)
    assert 'not uploaded' in capsys.readouterr().out and hub.calls == []
    assert {path.name for path in (tmp_path / 'out').iterdir()} == {'README.md', 'encoder.safetensors'}
    with pytest.raises(UserError, match='is there already'):
        main.run_command('push', command)


@pytest.mark.parametrize(
    'listed, words',
    [
        ({'../x.json': ''}, "names '../x.json', which is no file of records"),
        ({'rows/x.py': ''}, "names 'rows/x.py'"),
        ({'/etc/x.json': ''}, "names '/etc/x.json'"),
        ({'suite.json': 'f'}, 'suite.json of .* has another hash'),
        ([], 'lists no files'),
    ],
)
def test_records_are_what_their_list_says_or_are_refused(hub, finished, listed, words):
    place = hub.folder / 'datasets/me/records'
    shutil.copytree(finished, place)
    (place / FILES).write_text(json.dumps(dict(schema_version=1, files=listed)))
    with pytest.raises(UserError, match=words), records_at(DATA):
        pass


def test_a_name_that_is_a_folder_too_is_refused_in_one_line(tmp_path, monkeypatch):
    (tmp_path / 'a').write_text('{}')
    listed = dict.fromkeys(('rows/a.json', 'rows/a.json/b.json'), sha256(tmp_path / 'a'))
    (tmp_path / FILES).write_text(json.dumps(dict(schema_version=1, files=listed)))
    found = lambda address: tmp_path / (FILES if address.endswith(FILES) else 'a')  # noqa: E731
    monkeypatch.setattr('mmssl_robust.benchmark.hub_records.fetch_from_hub', found)
    with pytest.raises(UserError, match='cannot keep the files of hf://'), records_at(DATA):
        pass


def test_what_would_not_be_fetched_is_not_listed(tmp_path):
    (tmp_path / 'encoders').mkdir()
    (tmp_path / 'encoders/0123.pyth').touch()
    with pytest.raises(UserError, match='encoders/0123.pyth would not be fetched again: of weights make a file .saf'):
        write_list(tmp_path)


def test_a_newer_list_and_a_submission_that_is_too_large_are_refused(hub, finished):
    place = hub.folder / 'datasets/me/records'
    shutil.copytree(finished, place, ignore=shutil.ignore_patterns('examples'))
    write_list(place)
    with pytest.raises(UserError, match='more than 100 bytes'), unpacked(DATA, 100):
        pass
    (place / FILES).write_text(json.dumps(dict(schema_version=2, files={})))
    with pytest.raises(UserError, match='has schema version 2, this is version 1'), records_at(DATA):
        pass


@pytest.mark.parametrize(
    'status, words', [(401, 'hf auth login'), (403, 'no right to write'), (409, '--update'), (500, '500 Client Error')]
)
def test_what_the_hub_refuses_is_said_in_one_line(hub, status, words):
    hub.refuses = status
    with pytest.raises(UserError, match=words) as error:
        push(HEAD, MODEL, licence='mit')
    assert '\n' not in str(error.value) and hub.calls[-1][0] == 'create_repo'


@pytest.mark.parametrize(
    'source, target, settings, words',
    [
        ('mini', MODEL, dict(licence=None), 'under which licence'),
        ('mini', DATA, {}, 'no place for weights: write hf://OWNER/NAME'),
        ('mini', 'hf://me', {}, 'names nothing of the Hub'),
        ('mini', 'hf://me/../x', {}, 'names nothing of the Hub'),
        ('mini', f'{MODEL}/encoder.safetensors', {}, 'no place for weights'),
        ('timm:test_vit', MODEL, {}, 'which are public'),
        ('timm:test_vit?weights=random', MODEL, {}, 'has random weights'),
        ('encoder.py:make', MODEL, {}, 'encoders of checkpoints and of timm'),
        ('hf:facebook/dinov2-small', MODEL, {}, 'encoders of checkpoints and of timm'),
        ('WORK', MODEL, {}, 'no place for records: write hf://datasets/OWNER/NAME'),
        ('WORK', DATA, dict(licence=None), 'under which licence'),
        ('WORK', DATA, dict(trained='so'), 'are for encoders'),
        ('mini_deacl', MODEL, dict(results='WORK'), 'none of the records'),
        ('EMPTY', DATA, {}, 'has no suite.json'),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_pushed(hub, finished, tmp_path, source, target, settings, words):
    places = dict(WORK=finished, EMPTY=tmp_path)
    settings = {name: places.get(value, value) for name, value in (dict(licence='mit') | settings).items()}
    with pytest.raises(UserError, match=words) as error:
        push(places.get(source, source), target, **settings)
    assert '\n' not in str(error.value) and hub.calls == []


def test_unfinished_records_and_those_that_tell_of_this_machine_are_not_pushed(hub, finished, tmp_path, no_report):
    copy = shutil.copytree(finished, tmp_path / 'copy')
    (rows,) = (copy / 'rows').iterdir()
    table = pq.read_table(rows / 'pgd.parquet')
    place = table.schema.get_field_index('file')
    files = pa.array(['/data/of/mine.png'] * len(table))
    write_parquet(table.set_column(place, 'file', files), rows / 'pgd.parquet', table.schema.metadata)
    with pytest.raises(UserError, match="pgd.parquet would tell of '/data/of/mine.png'"):
        push(copy, DATA, licence='mit')
    (rows / 'pgd.parquet').unlink()
    with pytest.raises(UserError, match='lacks pgd'):
        push(copy, DATA, licence='mit')
    with pytest.raises(UserError, match='README.md would tell of'):
        push(HEAD, MODEL, licence='mit', trained=f'On {Path.home()}/photos.')
    assert hub.calls == []
