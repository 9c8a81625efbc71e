"""Kill every writer at random moments, let it go on, and compare what comes of it with an undisturbed run.

    python tests/kill_loop.py                          # ten kills of each writer
    python tests/kill_loop.py --kills 100 --seed 1 --writer training report

Half of the kills come after a random time, half at a random opening, renaming or removal of a file below the folder
that is written, of which there are few in that time. Which ones, follows from the seed (but for the time that a
machine takes). Exit code 1 and a line for each file that differs.
"""

import argparse
import contextlib
import hashlib
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / 'tests')]
os.environ.setdefault('OMP_NUM_THREADS', '1')

import forks
import numpy as np
import torch

import mmssl_robust
from mmssl_robust.benchmark.row_records import read_rows
from mmssl_robust.commands.main import main
from mmssl_robust.datasets.teacher_features import write_teacher_features
from mmssl_robust.utils.checkpoint import read_checkpoint
from mmssl_robust.utils.sole_writer import LOCK_FILE

SAMPLES = Path(mmssl_robust.__file__).parent / 'assets' / 'samples'
_EVENTS = ('open', 'os.rename', 'os.remove', 'os.mkdir', 'os.rmdir')
_AT_ONCE = 3  # kills of a run, until it may end
Results = dict[str, object]


@dataclass
class Writer:
    """Something that writes.

    Attributes:
        name: Its name.
        run: Begins, or goes on, in a folder.
        results: What must be equal, by name.
    """

    name: str
    run: Callable[[Path], None]
    results: Callable[[Path], Results]


@dataclass
class Tally:
    """What happened to a writer."""

    kills: int = 0
    endings: int = 0
    seconds: float = 0.0
    differing: list[str] = field(default_factory=list)


def kill_loop(writer: Writer, kills: int, rng: random.Random, folder: Path) -> Tally:
    """Kill a writer so many times.

    Args:
        writer: The writer.
        kills: How many times.
        rng: Says when.
        folder: For its files.
    """
    tally, start = Tally(), time.monotonic()
    counter = multiprocessing.get_context('fork').Value('q', 0)
    begun = time.monotonic()
    if run_apart(writer, folder / 'whole', counter=counter):
        raise SystemExit(f'{writer.name} fails without any kill')
    whole, events, seconds = writer.results(folder / 'whole'), counter.value, time.monotonic() - begun
    while tally.kills < kills:
        place = folder / f'killed-{tally.endings}'
        for _ in range(min(_AT_ONCE, kills - tally.kills)):
            by_event = rng.random() < 0.5
            when = dict(event=rng.randint(1, events)) if by_event else dict(seconds=rng.uniform(0, seconds))
            code = run_apart(writer, place, **when)
            tally.kills += code == -signal.SIGKILL
            if code not in (0, -signal.SIGKILL):
                tally.differing.append(f'{place} went on with exit code {code} ({when})')
        code = run_apart(writer, place)
        tally.endings += 1
        found = writer.results(place) if code == 0 else {}
        tally.differing += [f'{place}: {name}' for name in {**whole, **found} if whole.get(name) != found.get(name)]
        tally.differing += [f'{path} was left' for path in place.rglob('.*.partial')]
    tally.seconds = time.monotonic() - start
    return tally


def run_apart(
    writer: Writer, folder: Path, event: int | None = None, seconds: float | None = None, counter: object = None
) -> int:
    """Run a writer in a process of its own, killed at an event or after a time; returns its exit code."""
    process = multiprocessing.get_context('fork').Process(target=_run, args=(writer, folder, event, counter))
    process.start()
    process.join(seconds if seconds is not None else 600)
    if process.is_alive():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.join()
    return process.exitcode


def _run(writer: Writer, folder: Path, event: int | None, counter: object) -> None:
    os.setsid()
    forks.forget_mmengine()
    log = os.open(folder.with_suffix('.log'), os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    _watch(folder, event, counter)
    writer.run(folder)


def _watch(folder: Path, event: int | None, counter: object) -> None:
    """Count what happens to files below a folder, and die at one of these events."""
    seen, place = 0, str(folder)

    def hook(name: str, arguments: tuple) -> None:
        nonlocal seen
        if name not in _EVENTS or place not in str(arguments[0]):
            return
        if name == 'open' and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR):
            return
        seen += 1
        if seen == event:
            os.killpg(0, signal.SIGKILL)
        if counter is not None:
            counter.value = seen

    sys.addaudithook(hook)


def files_of(folder: Path) -> Results:
    """Files by name, with a hash of their bytes."""
    files = [folder] if folder.is_file() else [path for path in folder.rglob('*') if path.is_file()]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.name != LOCK_FILE
    }


def records_of(folder: Path) -> Results:
    """Records without their times, examples, and heads."""
    found: Results = {}
    for records in read_rows(folder)[1]:
        for name in records.attacks:
            table = records.read(name).drop(columns='seconds')
            found[f'{records.row.name}/{name}'] = table.to_json(double_precision=15)
        found |= files_of(records.store.folder / 'examples')
    heads = folder.rglob('heads/*/head.safetensors')
    # Their folders are called by a config that names the folder of this run.
    return found | {f'head {place}': files_of(path) for place, path in enumerate(sorted(heads))}


def _state(value: object) -> object:
    """A checkpoint's content as text that says every bit."""
    if isinstance(value, torch.Tensor):
        return hashlib.sha256(value.numpy().tobytes()).hexdigest() + str(value.dtype)
    if isinstance(value, dict):
        return {str(key): _state(entry) for key, entry in value.items()}
    return [_state(entry) for entry in value] if isinstance(value, (list, tuple)) else repr(value)


def training_results(folder: Path) -> Results:
    """Weights, optimiser and schedules of the last checkpoint, and which checkpoints are there."""
    checkpoint = read_checkpoint(folder / 'epoch_4.pth')
    parts = {part: _state(checkpoint[part]) for part in ('state_dict', 'optimizer', 'param_schedulers')}
    return parts | dict(files=sorted(path.name for path in folder.glob('*.pth')))


def writers(folder: Path) -> list[Writer]:
    """All writers, on small data that is made in a folder."""
    from trainings import segmentor_training

    cfg = segmentor_training(folder)
    cfg.default_hooks = dict(checkpoint=dict(type='mmssl_robust.SafeCheckpointHook', interval=1, max_keep_ckpts=2))
    cfg.dump(folder / 'train.py')
    photos, finished = SAMPLES / 'cifar10/test', folder / 'finished'
    small = ['--max-images', '4', '--batch-size', '2', '--size', '32', '--steps', '1', '--no-report']
    evaluation = ['evaluate', 'mini', str(photos), '--task', 'classification', '--attack', 'pgd', 'embed', *small]
    if not (finished / 'suite.json').is_file():
        main([*evaluation, '--out', str(finished)])
    suite = folder / 'suite.py'
    suite.write_text(_SUITE)
    rng = np.random.default_rng(0)
    stl10 = folder / 'stl10'
    stl10.mkdir(exist_ok=True)
    (stl10 / 'class_names.txt').write_text('airplane\nbird\n')
    for split in ('train', 'test'):
        rng.integers(0, 256, (12, 96, 96, 3), np.uint8).tofile(stl10 / f'{split}_X.bin')
        (np.arange(12) % 2 + 1).astype(np.uint8).tofile(stl10 / f'{split}_y.bin')

    def command(*words: object) -> Callable[[Path], None]:
        """A command that takes a folder in place of `{}`."""
        return lambda place: main([str(word).replace('{}', str(place)) for word in words])

    def unless_there(run: Callable[[Path], None], name: str) -> Callable[[Path], None]:
        """For commands that refuse what is there already: whole or not there is what they promise."""
        return lambda place: None if (place / name).exists() else run(place)

    push = ('push', finished, 'hf://datasets/me/records', '--license', 'cc0-1.0', '--dry-run', '{}/mirror')
    convert = ('convert', 'safetensors', Path(mmssl_robust.__file__).parent / 'assets/mini/encoder.safetensors')
    heads = ('benchmark', suite, '--work-dir', '{}/work', '--heads', '{}/heads', '--only-heads')
    return [
        Writer('training', command('train', folder / 'train.py', '--work-dir', '{}', '--resume'), training_results),
        Writer('head', command(*heads), lambda place: files_of_heads(place / 'heads')),
        Writer('evaluation', command(*evaluation, '--out', '{}'), records_of),
        Writer('benchmark', command('benchmark', suite, '--work-dir', '{}', '--heads', '{}/heads'), _benchmark),
        Writer('report', command('report', finished, '--out', '{}', '--resamples', 50), files_of),
        Writer('features', _features, files_of),
        Writer('packed file', command('pack', finished, '--out', '{}/packed.zip'), files_of),
        Writer('packed folder', unless_there(command('pack', finished, '--out', '{}/out'), 'out'), files_of),
        Writer('push', unless_there(command(*push), 'mirror'), files_of),
        Writer('data', command('convert', 'stl10', stl10, '{}', '--partial'), files_of),
        Writer('weights', command(*convert, '{}/encoder.safetensors'), files_of),
    ]


def files_of_heads(folder: Path) -> Results:
    """Heads, without the logs of their training."""
    return {str(path.relative_to(folder)): files_of(path) for path in folder.rglob('*.safetensors')}


def _benchmark(folder: Path) -> Results:
    return records_of(folder) | {path.name: path.is_file() for path in (folder / 'report').glob('*.*')}


def _features(folder: Path) -> None:
    def image(index: int) -> np.ndarray:
        time.sleep(0.002)
        return np.random.default_rng(index).integers(0, 256, (28, 28, 3), dtype=np.uint8)

    def encode(pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        patches = torch.nn.functional.adaptive_avg_pool2d(pixels, 2)
        return patches.mean((2, 3)), patches

    for _ in write_teacher_features(folder, image, 200, encode, student_size=16, batch_size=4):
        pass


_SUITE = """
title = 'A small one'
row_defaults = dict(
    encoder='mini ViT', batch_size=2, max_images=4, sanity_images=2,
    attacks=dict(embed=dict(steps=1), pgd=dict(steps=2)),
)
sweeps = dict(eps=['4/255'])
rows = [dict(config='configs/classification/mini_cifar10.py', task='classification', data='CIFAR-10')]
"""


def run() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--kills', type=int, default=10, help='of each writer')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--writer', nargs='+', help='some of them; default all')
    parser.add_argument('--folder', type=Path, help='of what is written; default a temporary one')
    args = parser.parse_args()
    os.environ['DATA_ROOT'] = str(SAMPLES)
    os.chdir(ROOT)
    torch.set_num_threads(1)
    failed = False
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for writer in writers(folder):
            if args.writer and writer.name not in args.writer:
                continue
            place = folder / 'runs' / writer.name.replace(' ', '_')
            place.mkdir(parents=True)
            tally = kill_loop(writer, args.kills, random.Random(f'{args.seed} {writer.name}'), place)
            failed |= bool(tally.differing)
            print(
                f'{writer.name:14} {tally.kills:4} kills, {tally.endings:3} runs to the end, {tally.seconds:6.0f} s, '
                f'{"equal" if not tally.differing else f"{len(tally.differing)} DIFFER"}',
                flush=True,
            )
            for line in tally.differing:
                print(f'    {line}', flush=True)
    sys.exit(failed)


if __name__ == '__main__':
    run()
