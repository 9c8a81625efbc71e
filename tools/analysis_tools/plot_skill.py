"""Draw the skill that attacks leave to encoders, by task and against what their training cost, and print both.

Encoders are those of a report with a ranking; the training of one is the folder that is named as its variant.

Example:
    STUDY=work_dirs/robust_study python tools/benchmark.py robust_study --no-sanity
    mmssl-robust report work_dirs/benchmark/robust_study --ranking
    python tools/analysis_tools/plot_skill.py work_dirs/benchmark/robust_study/report --runs work_dirs/robust_study
"""

from mmssl_robust.utils.startup import one_line_errors

import argparse
from pathlib import Path

from mmssl_robust.utils.arguments import Parser
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.escaping import markdown
from mmssl_robust.visualization.figure_files import write_figure
from mmssl_robust.visualization.scalars import training_passes
from mmssl_robust.visualization.skill import Ranked, draw_costs, draw_skills, read_ranking


def parse_args() -> argparse.Namespace:
    parser = Parser(description=__doc__)
    parser.add_argument('report', type=Path, help='folder of the report, with ranking.csv')
    parser.add_argument('--runs', type=Path, help='folder of the trainings, each in a folder of its own')
    parser.add_argument('--out', type=Path, help='folder of the pictures; default that of the report')
    return parser.parse_args()


def passes_of(models: list[Ranked], runs: Path) -> dict[str, float]:
    """Name of a model -> what its training cost, of those that have a folder."""
    folders = {path.name: path for path in sorted(runs.iterdir()) if path.is_dir()} if runs.is_dir() else {}
    if not folders:
        raise UserError(f'no training below {runs}')
    named = {model.name: model.name.split(', ')[-1] for model in models}
    return {name: training_passes(folders[folder]) for name, folder in named.items() if folder in folders}


def table_of(models: list[Ranked], passes: dict[str, float]) -> list[str]:
    """Lines of a Markdown table; of a data set: clean -> attacked (skill)."""
    data_sets = list(dict.fromkeys(name for model in models for name in model.skills))
    lines = [['encoder', 'passes', *data_sets, 'least skill'], ['---'] * (3 + len(data_sets))]
    for model in models:
        cells = [model.skills.get(name) for name in data_sets]
        said = ['' if cell is None else f'{cell.clean:.3g} -> {cell.attacked:.3g} ({cell.value:.3f})' for cell in cells]
        cost = f'{passes[model.name]:.3g}' if passes.get(model.name) else ''
        least = '' if model.least is None else '{:.3f} [{:.3f}, {:.3f}]'.format(*model.least)
        lines.append([markdown(model.name), cost, *said, least])
    return [f'| {" | ".join(line)} |' for line in lines]


@one_line_errors
def main() -> None:
    args = parse_args()
    models = read_ranking(args.report / 'ranking.csv')
    passes = passes_of(models, args.runs) if args.runs else {}
    out = args.out or args.report
    print(*table_of(models, passes), sep='\n')
    figures = {'skill.png': draw_skills(models)}
    if passes:
        figures['skill_cost.png'] = draw_costs(models, passes)
    for name, figure in figures.items():
        write_figure(figure, out / name)
        print(out / name)


if __name__ == '__main__':
    main()
