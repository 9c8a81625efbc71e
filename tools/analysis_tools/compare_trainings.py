"""Compare training methods by several trainings of each, which differ in their seed, and print two Markdown tables.

Encoders are those of a report with a ranking, whose variants are called METHOD_seedN. The first table has of each
method the mean over its trainings, with the lowest and the highest, of its skill, and of how much of the best model's
skill it keeps on clean images. The second has of any two methods the least and the largest difference of a training
of the one from one of the other, and of the least its 95 % interval over images: the weakest of these trainings of a
method against the strongest of the other's.

Example:
    STUDY=work_dirs/seeds python tools/benchmark.py robust_study --no-sanity --work-dir work_dirs/benchmark/seeds
    mmssl-robust report work_dirs/benchmark/seeds --ranking
    python tools/analysis_tools/compare_trainings.py work_dirs/benchmark/seeds/report
"""

from mmssl_robust.utils.startup import one_line_errors

import argparse
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from mmssl_robust.tasks import task_named
from mmssl_robust.tasks.skill import skill
from mmssl_robust.utils.arguments import Parser
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.escaping import markdown
from mmssl_robust.utils.import_file import import_file
from mmssl_robust.utils.shared_arguments import add_import_argument

LEAST = 'least skill'
_TRAINING = re.compile(r'(?P<method>.+)_seed\d+')
_WANTED = {'kind', 'model', 'against', 'task', 'data'}
_NUMBERS = ['chance', 'clean', 'value', 'low', 'high']


def parse_args() -> argparse.Namespace:
    parser = Parser(description=__doc__)
    parser.add_argument('report', type=Path, help='folder of the report, with ranking.csv')
    add_import_argument(parser)
    return parser.parse_args()


def read_ranking(path: Path) -> pd.DataFrame:
    """Lines of the ranking, with the methods of both models, which only trainings have, and what a line is of."""
    try:
        table = pd.read_csv(path)
        if not set(table.columns) >= _WANTED.union(_NUMBERS):
            raise ValueError('columns are missing')
        table[_NUMBERS] = table[_NUMBERS].apply(pd.to_numeric)
    except (OSError, ValueError) as error:
        raise UserError(f'{path} is no ranking of a report: make one by `mmssl-robust report --ranking`') from error
    for name, column in (('method', 'model'), ('other', 'against')):
        table[name] = table[column].astype('string').str.extract(f'^{_TRAINING.pattern}$')['method']
    if table['method'].dropna().nunique() == 0:
        raise UserError(f'{path} ranks no trainings: call variants METHOD_seed0, METHOD_seed1, ...')
    tasks = table.groupby('data')['task'].nunique()
    several = table['data'].map(tasks) > 1
    table['of'] = table['data'].where(~several, table['task'] + ', ' + table['data']).fillna(LEAST)
    return with_short_names(table)


def with_short_names(table: pd.DataFrame) -> pd.DataFrame:
    """The same, without the encoder where all methods are of one."""
    encoders = table['method'].dropna().str.partition(', ')
    if encoders[0].nunique() == 1 and (encoders[2] != '').all():
        for name in ('method', 'other'):
            table[name] = table[name].str.partition(', ')[2].mask(table[name].isna())
    return table


def check_complete(skills: pd.DataFrame) -> None:
    """Refuse a training without one of the data sets: a mean over some of a method's trainings would hide it."""
    for model, lines in skills.groupby('model'):
        lacking = sorted(set(skills['of']) - set(lines['of']))
        if lacking:
            raise UserError(f'{model} has no skill on {lacking[0]}: evaluate it there, or leave it out of the report')


def with_clean_skills(table: pd.DataFrame) -> pd.DataFrame:
    """The skills of trainings, with that on clean images as a share of the best model's."""
    skills = table[(table['kind'] == 'skill') & table['value'].notna()].copy()
    for _, lines in skills.groupby('of'):
        task = task_named(lines['task'].iloc[0])
        clean = lines['clean'].to_numpy()
        best = clean.max() if task.metric.higher_is_better else clean.min()
        found = skill(np.array([best, *clean]), lines['chance'].iloc[0], best, task)
        skills.loc[lines.index, 'kept'] = found[1:] / found[0]
    skills = skills.dropna(subset='method')
    check_complete(skills)
    return skills


def least_of(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Method -> the least skills of its trainings, that with the best mean first."""
    lines = table[(table['kind'] == 'overall') & table['method'].notna()]
    found = {str(method): part['value'] for method, part in lines.groupby('method')}
    return dict(sorted(found.items(), key=lambda item: -item[1].mean()))


def methods_of(table: pd.DataFrame) -> Iterator[list[str]]:
    """Rows of the first table."""
    skills = with_clean_skills(table)
    data = list(dict.fromkeys(skills['of']))
    kept, left = ([f'{name}, {what}' for name in data] for what in ('clean skill kept', 'attacked'))
    yield ['method', 'trainings', *kept, *left, LEAST]
    for method, least in least_of(table).items():
        own = dict(list(skills[skills['method'] == method].groupby('of')))
        clean = [spread(own[name]['kept']) for name in data]
        attacked = [spread(own[name]['value']) for name in data]
        yield [method, str(len(least)), *clean, *attacked, spread(least)]


def spread(values: pd.Series) -> str:
    """Mean, with the lowest and the highest."""
    return f'{values.mean():.3f} ({values.min():.3f} to {values.max():.3f})'


def pairs_of(table: pd.DataFrame) -> Iterator[list[str]]:
    """Rows of the second table."""
    own = table[(table['kind'] == 'difference') & table['method'].notna() & table['other'].notna()]
    yield ['method', 'against', 'of', 'difference, least to largest', 'the least, 95 % interval']
    for first, second in combinations(least_of(table), 2):
        forward = own[(own['method'] == first) & (own['other'] == second)]
        backward = own[(own['method'] == second) & (own['other'] == first)]
        turned = backward.assign(value=-backward['value'], low=-backward['high'], high=-backward['low'])
        for data, lines in pd.concat([forward, turned]).groupby('of', sort=False):
            worst = lines.sort_values('value').iloc[0]
            between = f'{lines["value"].min():.3f} to {lines["value"].max():.3f}'
            yield [first, second, str(data), between, f'[{worst["low"]:.3f}, {worst["high"]:.3f}]']


def print_table(rows: Iterator[list[str]]) -> None:
    """Print rows as Markdown, the first of them as the header."""
    header, *lines = rows
    for row in (header, ['---'] * len(header), *lines):
        print(f'| {" | ".join(markdown(cell) if cell[:1].isalpha() else cell for cell in row)} |')


def print_others(table: pd.DataFrame) -> None:
    """Name what is no training, so that nobody looks for it."""
    others = list(dict.fromkeys(table.loc[table['method'].isna(), 'model']))
    if others:
        print(f'\nNot compared, as no METHOD_seedN: {", ".join(map(markdown, others))}.')


@one_line_errors
def main() -> None:
    args = parse_args()
    for file in args.imports:
        import_file(file)
    table = read_ranking(args.report / 'ranking.csv')
    print_table(methods_of(table))
    if len(least_of(table)) > 1:
        print()
        print_table(pairs_of(table))
    print_others(table)


if __name__ == '__main__':
    main()
