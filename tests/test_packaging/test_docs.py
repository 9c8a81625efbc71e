"""What the documents name is there."""

import inspect
import re
import subprocess
from pathlib import Path

import pytest

from mmssl_robust.attacks import objectives

ROOT = Path(__file__).resolve().parents[2]
TRACKED = subprocess.run(['git', 'ls-files'], cwd=ROOT, capture_output=True, text=True).stdout.split()
DOCUMENTS = [path for path in TRACKED if path.endswith('.md')]
KINDS = 'py|ipynb|md|sh|yml|toml|txt|csv|json|svg|png|html|j2|cff'
FOLDERS = 'mmssl_robust|configs|tools|tests|docs|docker|examples|requirements'
# What a command writes, a data set brings, or the reader of the document makes.
ELSEWHERE = {
    *('result.json', 'results.csv', 'results.json', 'row.json', 'ENCODER_DATA.py', 'my_method.py', 'my_method_mini.py'),
    *('my_attack.py', 'my_objective.py', 'my_preset.py', 'my_dataset.py', 'my_photos.py', 'my_encoder.py'),
    *('my_config.py', 'config.py', 'suite.json', 'encoder.py', 'transfer.csv', 'files.json', 'submission.json'),
    *('report/results.csv', 'report/results.json', 'report/ranking.csv', 'report/ranking.json', 'ranking.json'),
    *('settings.json', 'summary.json', 'images.csv', 'report/transfer.csv', 'rows/ROW/row.json'),
    *('report.html', 'ranking.html', 'build/site/index.html', 'build/sbom.json'),
    *('my_encoder_photos.py', 'my_task.py', 'my_suite.py', 'my_defence.py', 'my_defended.py'),
    *('my_number.py', 'my_victim.py', 'my_error.py', 'my_error_pgd.py', 'my_number_task.py'),
    *('my_rooms.py', 'my_room_depth.py'),
    *('_gtFine_labelTrainIds.png', 'ImageSets/Segmentation/aug.txt'),
    *('configs/deacl/my_method_mini.py', 'configs/TASK/mini_', 'configs/...'),
}


def prose(document):
    """Text without blocks of code, in which a reader's own files are named too."""
    return re.sub(r'^```.*?^```', '', (ROOT / document).read_text(), flags=re.M | re.S)


@pytest.mark.parametrize('document', DOCUMENTS)
def test_links_lead_somewhere(document):
    links = re.findall(r'\]\((?!https?:|mailto:|#)([^)#\s]+)', prose(document))
    assert [link for link in links if not ((ROOT / document).parent / link).exists()] == []


def anchors(path):
    """What headings are linked by, as code hosts and the site make it of their words."""
    headings = re.findall(r'^#{1,6} +(.+?) *$', prose(path), re.M)
    words = [re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', heading) for heading in headings]
    return {re.sub(r'[^\w\- ]', '', text.lower()).replace(' ', '-') for text in words}


@pytest.mark.parametrize('document', DOCUMENTS)
def test_links_into_a_page_find_their_heading(document):
    links = re.findall(r'\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)', prose(document))
    pages = [((ROOT / document).parent / name if name else ROOT / document, anchor) for name, anchor in links]
    assert [(page.name, anchor) for page, anchor in pages if page.suffix == '.md' and anchor not in anchors(page)] == []


def is_there(name, folder):
    name = name.removeprefix('./').rstrip('/')
    places = (folder / name, ROOT / name)
    return (
        name in ELSEWHERE
        or any(place.exists() for place in places)
        or any(f'/{path}'.endswith(f'/{name}') for path in TRACKED)
    )


@pytest.mark.parametrize('document', DOCUMENTS)
def test_files_that_are_named_exist(document):
    spans = re.findall(r'`([^`\n]+)`', prose(document))
    named = [name for span in spans for name in re.findall(rf'[\w./-]+\.(?:{KINDS})\b(?![\w/])', span)]
    named += [span for span in spans if re.fullmatch(rf'(?:{FOLDERS}|weights)/[\w./-]*\.\.\.', span)]
    folder = (ROOT / document).parent
    assert [name for name in named if not is_there(name, folder)] == []


@pytest.mark.parametrize('document', DOCUMENTS)
def test_paths_in_commands_exist(document):
    text, folder = (ROOT / document).read_text(), (ROOT / document).parent
    paths = re.findall(rf'(?<![\w/.])(?:\.\./)*(?:{FOLDERS})/[\w./-]+', text)
    assert [path for path in paths if not is_there(path.rstrip('./'), folder) and path not in ELSEWHERE] == []


@pytest.mark.parametrize(
    'page, words',
    {
        'clusters': ('Slurm', 'multi-GPU', 'DDP'),
        'defences': ('defense',),
        'attacks/optimisers': ('optimizer',),
        'licences': ('license',),
        'your_own': ('your own encoder', 'custom dataset'),
        'report': ('confidence interval',),
        'questions': ('BibTeX', 'license'),
    }.items(),
)
def test_pages_have_the_words_that_users_search_for(page, words):
    text = prose(f'docs/{page}.md').lower()
    assert [word for word in words if word.lower() not in text] == []


def test_every_preset_and_objective_is_in_the_reference():
    presets = {path.stem for path in (ROOT / 'configs/_base_/attacks').glob('*.py')}
    listed = set(re.findall(r'`([\w-]+)`', (ROOT / 'docs/attacks.md').read_text().partition('## Presets')[2]))
    assert presets - listed == set()
    explained = set(re.findall(r'\w+', (ROOT / 'docs/attacks/objectives.md').read_text()))
    classes = [part for part in vars(objectives).values() if inspect.isclass(part) and not inspect.isabstract(part)]
    assert {part.__name__ for part in classes if issubclass(part, objectives.Objective)} - explained == set()
