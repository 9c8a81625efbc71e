"""Commands that are asked to stop by real signals end where nothing is lost, and go on as if they had not stopped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import forks
import pytest
from mmengine.dist import get_rank
from trainings import assert_same_training, is_same, segmentor_training

from mmssl_robust.benchmark.records import RecordStore
from mmssl_robust.benchmark.row_records import read_rows
from mmssl_robust.commands.main import main
from mmssl_robust.utils.checkpoint import read_checkpoint
from mmssl_robust.utils.data_loaders import build_dataloader
from mmssl_robust.utils.stopping import asked, going_on_later
from mmssl_robust.visualization.scalars import training_passes

ROOT = Path(__file__).resolve().parents[2]
TERM, USR1 = 128 + signal.SIGTERM, 128 + signal.SIGUSR1


def signals(**when):
    return dict(type='killers.SignalInEpoch', **when)


@pytest.mark.parametrize(
    'hook, accumulated, workers',
    [
        pytest.param(signals(epoch=3, batch=1), 1, 1, marks=pytest.mark.slow),
        (signals(epoch=3, batch=2, name='SIGUSR1'), 2, 0),
        pytest.param(signals(epoch=1, batch=0), 1, 0, marks=pytest.mark.slow),
    ],
    ids=['with a worker that persists', 'amid an accumulated step', 'in the first epoch'],
)
def test_a_training_goes_on_amid_its_epoch(hook, accumulated, workers, deacl_cfg, train, write_config, tmp_path, capfd):
    deacl_cfg.model.backbone.drop_path_rate = 0.3  # draws random numbers in each step
    deacl_cfg.train_dataloader.num_workers = workers
    deacl_cfg.train_dataloader.persistent_workers = bool(workers)
    deacl_cfg.optim_wrapper.accumulative_counts = accumulated
    if accumulated > 1:
        deacl_cfg.train_cfg.total_batch_size = 8
    expected = train(tmp_path / 'whole')
    stopped = tmp_path / 'stopped'
    code = USR1 if 'name' in hook else TERM
    assert forks.tool_apart('train.py', write_config(hook), '--work-dir', stopped) == code
    left = stopped / f'stopped_in_epoch_{hook["epoch"]}.pth'
    said = capfd.readouterr().err.splitlines()
    name = hook.get('name', 'SIGTERM')
    assert said == [
        f'{name}: stopping where nothing is lost; a second signal ends at once',
        f'stopped by {name}: {left} has all that was done; the same command with --resume goes on',
    ]
    done = read_checkpoint(left)['meta']['iter'] - (hook['epoch'] - 1) * 3 * accumulated
    assert done == -(-(hook['batch'] + 1) // accumulated) * accumulated
    assert_same_training(train(stopped, '--resume'), expected)
    assert not left.exists(), 'the epoch has a checkpoint of its own'
    assert training_passes(stopped) == training_passes(tmp_path / 'whole') > 0


def test_two_signals_end_at_once(write_config, tmp_path):
    hooks = [signals(epoch=2), signals(epoch=2, name='SIGUSR1')]
    assert forks.tool_apart('train.py', write_config(*hooks), '--work-dir', tmp_path) == -signal.SIGUSR1
    assert sorted(path.name for path in tmp_path.glob('*.pth')) == ['epoch_1.pth']


@pytest.fixture
def segmentor(tmp_path):
    """Write a config of four epochs of a tiny segmentor with BatchNorm and an average of its weights, validated."""
    cfg = segmentor_training(tmp_path)

    def write(*hooks, **changes):
        cfg.custom_hooks = [dict(type='EMAHook'), *hooks]
        for name, value in changes.items():
            cfg[name] = value
        cfg.dump(tmp_path / 'config.py')
        return tmp_path / 'config.py'

    return write


def test_a_training_stops_in_its_validation(segmentor, run_tool, tmp_path, capfd):
    """The weights in training are kept, not their average that is validated; the validation is made again."""
    stopped, whole = tmp_path / 'stopped', tmp_path / 'whole'
    arguments = [segmentor(signals(epoch=2, batch=1, validation=True)), '--work-dir', stopped]
    assert forks.tool_apart('train.py', *arguments) == TERM
    assert f'{stopped}/stopped_in_epoch_3.pth has all that was done' in capfd.readouterr().err
    assert not (stopped / 'epoch_2.pth').exists()
    for folder, wish in ((whole, ()), (stopped, ('--resume',))):
        forks.forget_mmengine()
        run_tool('train.py', segmentor(), '--work-dir', folder, *wish)
    assert_same_training(*(read_checkpoint(folder / 'epoch_4.pth') for folder in (stopped, whole)))


@pytest.mark.parametrize('rank', [pytest.param(0, marks=pytest.mark.slow), 1])
def test_processes_agree_on_the_step(rank, segmentor, tmp_path, capfd):
    """Although only one hears the signal; each goes on with its own running statistics."""
    stopped, whole = tmp_path / 'stopped', tmp_path / 'whole'
    hook = signals(epoch=2, batch=1, rank=rank)
    assert forks.tool_together('train.py', segmentor(hook), '--work-dir', stopped) == [TERM, TERM]
    said = capfd.readouterr().err
    assert said.count('stopped by SIGTERM: ') == 1 and 'Traceback' not in said
    for folder, wish in ((whole, ()), (stopped, ('--resume',))):
        assert forks.tool_together('train.py', segmentor(), '--work-dir', folder, *wish) == [0, 0]
    assert_same_training(*(read_checkpoint(folder / 'epoch_4.pth') for folder in (stopped, whole)))
    if rank:
        return
    # Amid an epoch it cannot go on in another number of processes.
    again = tmp_path / 'again'
    assert forks.tool_together('train.py', segmentor(hook), '--work-dir', again) == [TERM, TERM]
    assert forks.tool_apart('train.py', segmentor(), '--work-dir', again, '--resume') == 2
    assert 'was stopped amid an epoch by 2 processes' in capfd.readouterr().err


@pytest.mark.parametrize('kind, length, says', [('Epoch', 'epochs', ''), ('Iter', 'iters', 'iter_2.pth has all')])
def test_loops_of_mmengine(kind, length, says, segmentor, tmp_path, capfd):
    """One by steps goes on from any, one by epochs from its last checkpoint."""
    loop = {'type': f'{kind}BasedTrainLoop', f'max_{length}': 8}
    hooks = dict(checkpoint=dict(type='CheckpointHook', interval=5, by_epoch=kind == 'Epoch'))
    config = segmentor(signals(epoch=1, batch=1), train_cfg=loop, default_hooks=hooks)
    assert forks.tool_apart('train.py', config, '--work-dir', tmp_path / 'run') == TERM
    left = [path.name for path in (tmp_path / 'run').glob('*.pth')]
    assert left == ([] if kind == 'Epoch' else ['iter_2.pth'])
    (said,) = capfd.readouterr().err.splitlines()[1:]
    assert says in said and said.endswith('the same command with --resume goes on')


@pytest.fixture
def evaluation(tmp_path, data_root, monkeypatch):
    """Evaluate three batches under two attacks in so many processes, one of which is asked to stop after a record."""
    arguments = [
        'evaluate',
        'mini',
        data_root / 'cifar10/test/bird',
        '--max-images',
        6,
        '--batch-size',
        2,
        '--size',
        32,
    ]
    arguments += ['--attack', 'embed-cls', '--eps', '2/255', '4/255', '--steps', 1, '--no-report', '--out']

    def run(out, processes=1, ask=None):
        with monkeypatch.context() as patch:
            if ask:
                _signal_after(patch, *ask)
            more = ['--launcher', 'pytorch'] if processes > 1 else []
            ranks = forks.ranks(processes) if processes > 1 else [{}]
            return forks.together(_command, *arguments, tmp_path / out, *more, environments=ranks)

    return run


def _command(*words):
    main([str(word) for word in words])


def _signal_after(patch, records, rank, signum):
    """After so many records of its own a process sends itself a signal."""
    add, added = RecordStore.add, []

    def adding(self, *arguments):
        add(self, *arguments)
        added.append(arguments)
        if (len(added), get_rank()) == (records, rank):
            os.kill(os.getpid(), signum)

    patch.setattr(RecordStore, 'add', adding)


def records_of(folder):
    (row,) = read_rows(folder)[1]
    return {name: row.read(name).drop(columns='seconds') for name in row.attacks}


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    'processes, records, rank',
    [(1, 5, 0), *(pytest.param(*case, marks=SLOW) for case in [(1, 1, 0), (2, 1, 0), (2, 1, 1)])],
)
def test_an_evaluation_goes_on_between_attacks(processes, records, rank, evaluation, tmp_path, capfd):
    assert evaluation('out', processes, ask=(records, rank, signal.SIGUSR1)) == [USR1] * processes
    said = capfd.readouterr().err
    assert said.count('stopped by SIGUSR1: the same command goes on from here') == 1 and 'Traceback' not in said
    parts = list((tmp_path / 'out').rglob('parts/*/*.parquet'))
    assert len(parts) == records if processes == 1 else 1 <= len(parts) < 9
    assert evaluation('out', processes) == [0] * processes
    assert evaluation('whole') == [0]
    stopped, whole = records_of(tmp_path / 'out'), records_of(tmp_path / 'whole')
    assert stopped.keys() == whole.keys() and all(stopped[name].equals(whole[name]) for name in whole)


@pytest.mark.slow
def test_two_signals_end_an_evaluation_at_once(evaluation, monkeypatch):
    _signal_after(monkeypatch, 1, 0, signal.SIGUSR1)
    assert evaluation('out', ask=(1, 0, signal.SIGTERM)) == [-signal.SIGTERM]


def test_the_same_signal_again_within_a_second_is_no_second_one():
    for pauses, code in (((0, 0), 7), ((0, 1.1), -signal.SIGTERM)):
        pid = os.fork()
        if not pid:
            with going_on_later():
                os.kill(os.getpid(), signal.SIGTERM)
                for pause in pauses:
                    time.sleep(pause)
                    os.kill(os.getpid(), signal.SIGTERM)
                os._exit(7 if asked() == signal.SIGTERM else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == code


def test_workers_stay_at_work_when_all_processes_are_asked():
    """As `timeout` and schedulers ask them; PyTorch takes a worker that has ended for a lack of memory."""
    seen = []
    with going_on_later():
        loader = build_dataloader(
            dict(dataset=range(12), batch_size=1, num_workers=1, sampler=dict(type='DefaultSampler', shuffle=False))
        )
        batches = iter(loader)
        for batch in batches:
            if not seen:
                (worker,) = batches._workers
                subprocess.run(['kill', '-TERM', str(worker.pid)], check=True)
            seen += batch
    assert seen == list(range(12))


@pytest.mark.slow
def test_torchrun_hands_the_signal_on(segmentor, tmp_path):
    """From outside, at whatever moment it comes; torchrun waits for its processes."""
    environment = os.environ | dict(
        PYTHONPATH=f'{ROOT}:{ROOT / "tests"}', PATH=f'{Path(sys.executable).parent}:{os.environ["PATH"]}'
    )
    hooks = dict(checkpoint=dict(type='mmssl_robust.SafeCheckpointHook', interval=1))
    loop = dict(type='mmssl_robust.SeededTrainLoop', max_epochs=12)
    config = segmentor(train_cfg=loop, default_hooks=hooks)

    def start(folder, *more):
        command = ['bash', ROOT / 'tools/dist_train.sh', config, '2', '--work-dir', folder, *more]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    stopped, whole = tmp_path / 'stopped', tmp_path / 'whole'
    process = start(stopped)
    while not (stopped / 'epoch_1.pth').exists() and process.poll() is None:
        time.sleep(0.01)
    process.terminate()
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 1 and said.count('stopped by SIGTERM: ') == 1, said
    assert start(stopped, '--resume').wait(240) == start(whole).wait(240) == 0
    checkpoints = [read_checkpoint(folder / 'epoch_12.pth') for folder in (stopped, whole)]
    for part in ('state_dict', 'optimizer'):
        assert is_same(*(checkpoint[part] for checkpoint in checkpoints)), part
