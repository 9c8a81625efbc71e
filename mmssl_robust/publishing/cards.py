"""Cards: what a repository says of itself, in words and for the Hub."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mmssl_robust.attack_settings import written
from mmssl_robust.tasks import task_named
from mmssl_robust.utils.escaping import markdown
from mmssl_robust.utils.files import whole_file
from mmssl_robust.utils.hub_files import HubRepository
from mmssl_robust.utils.slug import slug

CARD = 'README.md'
_TAGS = ['adversarial-robustness', 'self-supervised-learning']
_TASKS = dict(
    classification='image-classification', segmentation='image-segmentation', depth='depth-estimation'
)  # as the Hub calls them
_OTHER_TASK = 'image-feature-extraction'
_NOTE = (
    'The metric on attacked images, with 95 % intervals over images; `clean` is no attack, `worst case` the worst of '
    'all for each image. Written by `mmssl-robust push` from a record of each image.'
)


def model_card(repository: HubRepository, licence: str, text: Sequence[str], scores: pd.DataFrame | None = None) -> str:
    """The card of weights.

    Args:
        repository: Where they go.
        licence: As the Hub calls it.
        text: Paragraphs; empty ones are left out.
        scores: See :func:`.results.scores_of`.
    """
    from huggingface_hub import ModelCardData  # takes half a second

    facts: dict[str, Any] = dict(license=licence, library_name='mmssl_robust', tags=_TAGS, pipeline_tag=_OTHER_TASK)
    if scores is not None:
        facts |= dict(model_name=_name(repository), eval_results=_evaluations(scores))
    return _card(ModelCardData(**facts), [f'# {_name(repository)}', *text])


def data_card(repository: HubRepository, licence: str, configs: dict[str, str], text: Sequence[str]) -> str:
    """The card of records.

    Args:
        repository: Where they go.
        licence: As the Hub calls it.
        configs: What can be looked at on its page: name -> pattern of files.
        text: Paragraphs.
    """
    from huggingface_hub import DatasetCardData

    shown = [dict(config_name=name, data_files=files) for name, files in configs.items()]
    facts = DatasetCardData(license=licence, tags=_TAGS[:1], pretty_name=_name(repository), configs=shown)
    return _card(facts, [f'# {_name(repository)}', *text])


def write_card(card: str, folder: Path) -> None:
    """Put a card where the Hub looks for it."""
    with whole_file(folder / CARD) as partial:
        partial.write_text(card, encoding='utf-8')


def table_of(scores: pd.DataFrame) -> str:
    """The results for a reader."""
    lines = []
    for line in scores.to_dict('records'):
        metric = task_named(line['task']).metric_named(line['metric'])
        number = f'{{:.{metric.decimals}f}}'.format
        interval = '' if pd.isna(line['low']) else f'{number(line["low"])} to {number(line["high"])}'
        name = f'{line["metric"]} {metric.unit}'.strip()
        lines.append([line['data'], line['images'], _attack(line), name, number(line['value']), interval])
    frame = pd.DataFrame(lines, columns=['data', 'images', 'attack', 'metric', 'value', 'interval']).map(markdown)
    return f'{frame.to_markdown(index=False, disable_numparse=True)}\n\n{_NOTE}'


def _evaluations(scores: pd.DataFrame) -> list[Any]:
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type=_TASKS.get(line['task'], _OTHER_TASK),
            dataset_type=slug(line['data']).lower(),
            dataset_name=line['data'],
            metric_type=line['metric'],
            metric_name=f'{line["metric"]}, {_attack(line)}',
            metric_value=round(float(line['value']), 4),
        )
        for line in scores.to_dict('records')
    ]


def _attack(line: dict[Any, Any]) -> str:
    """An attack with its budget, unless its name has it."""
    budget = '' if pd.isna(line['eps']) else f', {line["norm"]} {written(line["eps"], line["norm"])}'
    return f'{line["attack"]}{budget}'


def _card(facts: Any, text: Sequence[str]) -> str:
    return f'---\n{facts.to_yaml()}\n---\n\n' + '\n\n'.join(filter(None, text)) + '\n'


def _name(repository: HubRepository) -> str:
    return repository.id.rpartition('/')[2]
