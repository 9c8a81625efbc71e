"""Say whether the records of a submission can be believed: check them, and attack a few images again."""

import mmssl_robust.utils.startup  # noqa: F401

import argparse
import secrets
import sys

from mmengine.logging import MMLogger

from mmssl_robust.benchmark.submission import Copy, RowVerdict, Settings, unpacked, verdicts_as_dict, verify
from mmssl_robust.utils.checkpoint import register_safe_loaders
from mmssl_robust.utils.files import check_file
from mmssl_robust.utils.import_file import import_file
from mmssl_robust.utils.json_files import write_json
from mmssl_robust.utils.launch import init_processes
from mmssl_robust.utils.terminal import console

_MARKS = dict(fine='ok', note='note', doubt='doubt', refuted='WRONG')


def run(args: argparse.Namespace) -> None:
    """Verify, say why, and end with an exit code.

    Raises:
        UserError: If it is no submission.
    """
    MMLogger.get_instance('verify', log_level='ERROR')
    if args.json:
        check_file(args.json, '--json')
    register_safe_loaders()
    for path in args.imports:
        import_file(path)
    settings = Settings(
        images=args.images,
        seed=secrets.randbelow(2**31) if args.seed is None else args.seed,
        steps=args.steps,
        device=init_processes('none'),
        encoders=args.encoder,
        trusts_code=args.trust_code,
    )
    with unpacked(args.submission, int(args.max_gib * 2**30)) as folder:
        verdicts = verify(folder, Copy(args.data), settings, _show)
    words = f'The images were drawn by chance; --seed {settings.seed} draws the same again'
    console.print(words, soft_wrap=True, markup=False, highlight=False)
    if args.json:
        write_json(verdicts_as_dict(verdicts, settings, args.submission.rstrip('/').rpartition('/')[2]), args.json)
    if any(verdict.verdict != 'believable' for verdict in verdicts):
        sys.exit(1)


def _show(row: RowVerdict) -> None:
    console.print(f'{row.name}: {row.verdict}: {row.meaning}', soft_wrap=True, markup=False, highlight=False)
    for finding in row.findings:
        line = f'  {_MARKS[finding.weight]:<5}  {finding.check}: {finding.words}'
        console.print(line, soft_wrap=True, markup=False, highlight=False)
