"""Measure how fast attacks are, beside two baselines, and say which target is missed.

`textbook` is the plain structure: parameters trainable during the attack, `.backward()`, explicit softmax attention, an
extra final forward, one window after the other, logits at full resolution. `floor` is a bare loop of encoder forward
and input gradient, in the last block for CLS alone where only CLS is read. Both compute what the package computes; the
differences of their gradients are in the JSON. torchattacks and foolbox take part where they are installed. F is one
forward of the encoder, by counted operations. `worst` reports the worst iterate, `fast` takes the fast fp32 route
against the textbook's default, `window` keeps the graph of one window alone; the other lines are the package as it is.

Examples:
    python tools/analysis_tools/benchmark_attacks.py --threads 2 --out work_dirs/speed.json
    python tools/analysis_tools/benchmark_attacks.py --cases embed tail --repeats 10 --fast
    python tools/analysis_tools/benchmark_attacks.py --device cuda --batch-size 64 --peak-tflops 989
"""

from mmssl_robust.utils.startup import one_line_errors

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from attack_speed.cases import CASES
from attack_speed.cases.dense_tasks import LEAST_MEMORY
from attack_speed.contest import Settings
from attack_speed.cuda import gpu_report
from attack_speed.memory import GRIDS, measure
from attack_speed.others import missing
from attack_speed.outcomes import Outcome, as_json, machine, memory_table, table_of
from attack_speed.targets import AGREE, memory_verdicts
from attack_speed.timing import interleave
from mmengine.logging import MMLogger

from mmssl_robust.utils.arguments import Parser, integer, number
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import check_file, whole_file
from mmssl_robust.utils.terminal import console

MEMORY = 'memory'
_LEAST = 3


def parse_args() -> argparse.Namespace:
    parser = Parser(description=__doc__)
    names = [*CASES, MEMORY]
    parser.add_argument('--cases', nargs='+', choices=names, default=names, metavar='CASE', help=', '.join(names))
    parser.add_argument(
        '--repeats', type=integer(1), help='repetitions of each case; default 3, and more while time is left'
    )
    parser.add_argument(
        '--seconds', type=number(above=0), default=6.0, help='for each case, where 3 repetitions take less'
    )
    parser.add_argument('--batch-size', type=integer(1), help="images of each case; default each case's own number")
    parser.add_argument('--attack-memory', help="budget of the package's window graphs, such as 2GB")
    parser.add_argument('--fast', action='store_true', help='the fast fp32 route in every case, not only pgd and embed')
    parser.add_argument('--threads', type=integer(1), help='of the CPU')
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument(
        '--peak-tflops', type=number(above=0), help='what the GPU can do in bf16, to say which share is reached'
    )
    parser.add_argument('--seed', type=integer(0), default=0)
    parser.add_argument('--out', type=Path, help='file for all numbers, JSON')
    return parser.parse_args()


def run_case(name: str, args: argparse.Namespace) -> Outcome:
    settings = Settings(args.device, args.batch_size, args.fast, args.attack_memory, args.seed)
    contest = CASES[name](settings)
    counted, disagreement = contest.examine()
    synchronise = torch.cuda.synchronize if args.device.startswith('cuda') else lambda: None
    budget, least = (0.0, args.repeats) if args.repeats else (args.seconds, _LEAST)
    times = interleave(contest.runs, budget, least, args.seed, synchronise)
    return Outcome(name, contest.images, times, counted, disagreement, contest.notes, contest.valid)


def measure_memory(args: argparse.Namespace) -> dict[str, dict[int, dict[str, float]]]:
    wanted = dict(ours=GRIDS, textbook=[3])
    budget = args.attack_memory or LEAST_MEMORY
    peaks: dict[str, dict[int, dict[str, float]]] = {}
    for name, grids in wanted.items():
        for windows in grids:
            peak = measure(name, windows, args.device, budget, torch.get_num_threads())
            peaks.setdefault(name, {})[windows] = peak
            console.print(f'memory: {name}, {windows} windows: {peak["mib"]:.0f} MiB')
    return peaks


def check(args: argparse.Namespace) -> None:
    if args.device.startswith('cuda') and not torch.cuda.is_available():
        raise UserError('--device is cuda, but PyTorch sees no GPU: leave it out to measure the CPU')
    if args.out:
        check_file(args.out, '--out')


def summary(outcome: Outcome) -> str:
    if outcome.disagreement is None:
        agreement = ''
    elif outcome.disagreement <= AGREE:
        agreement = f", gradients agree with the textbook's (relative difference {outcome.disagreement:.0e})"
    else:
        agreement = f', [bold red]GRADIENTS DIFFER by {outcome.disagreement:.0%}[/bold red]'
    return f'{outcome.case}: {outcome.times.repeats} repetitions{agreement}{outcome.notes and ", " + outcome.notes}'


def write(out: Path | None, report: dict[str, Any]) -> None:
    if out:
        with whole_file(out) as partial:
            partial.write_text(json.dumps(report, indent=1))


@one_line_errors
def main() -> None:
    args = parse_args()
    check(args)
    MMLogger.get_instance('speed', log_level='ERROR')
    if args.device.startswith('cuda'):
        torch.cuda.set_device(args.device)
    torch.set_num_threads(args.threads or torch.get_num_threads())
    begin = time.perf_counter()
    report = dict(machine=machine(args.device), seed=args.seed, not_installed=missing(), cases={})
    if 'pgd' in args.cases and missing():
        console.print(f'not installed, so not timed: {", ".join(missing())}')
    outcomes = []
    for name in CASES:
        if name in args.cases:
            outcomes.append(run_case(name, args))
            report['cases'][name] = as_json(outcomes[-1])
            console.print(summary(outcomes[-1]))
            write(args.out, report)
    if outcomes:
        console.print(table_of(outcomes))
    if MEMORY in args.cases:
        report['memory'] = measure_memory(args)
        report['memory_targets'] = [list(verdict) for verdict in memory_verdicts(report['memory'])]
        console.print(memory_table(report['memory']))
    if args.device.startswith('cuda'):
        report['gpu'] = gpu_report(args.device, args.peak_tflops)
        console.print(report['gpu'])
    report['minutes'] = (time.perf_counter() - begin) / 60
    console.print(f'{report["minutes"]:.1f} minutes')
    write(args.out, report)


if __name__ == '__main__':
    main()
