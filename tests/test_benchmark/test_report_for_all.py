"""A report on a phone, by the keyboard, and in few words."""

import re
from html.parser import HTMLParser

import pytest
from fakes import fake_row, write_suite

from mmssl_robust.benchmark.report.content import gather
from mmssl_robust.benchmark.report.page import render_page
from mmssl_robust.benchmark.report.summary import BETTER, UNCLEAR, WORSE, summary, verdict_of
from mmssl_robust.benchmark.report.tables import budgets_of, difference_rows, markdown_report


@pytest.fixture(scope='module')
def content(tmp_path_factory):
    folder = tmp_path_factory.mktemp('benchmark')
    tasks, variants = ('classification', 'segmentation', 'depth'), ('Standard', 'DeACL')
    write_suite(folder, [fake_row(task, variant, sweeps=False) for task in tasks for variant in variants], examples=0)
    return gather(folder, 50)


class Cells(HTMLParser):
    """Attributes of the cells, and of what scrolls sideways."""

    def __init__(self, text):
        super().__init__()
        self.cells, self.scrolling = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == 'td':
            self.cells.append(attributes)
        if tag == 'pre' or attributes.get('class') in ('wide', 'figure'):
            self.scrolling.append(attributes)


def test_every_number_says_what_it_is_of_where_the_heads_of_columns_are_hidden(content):
    page = render_page(content, {}, 0)
    cells = Cells(page).cells
    assert cells and all(cell['data-label'] and cell['role'] == 'cell' for cell in cells)
    assert {'clean', 'embed', 'pgd', 'segpgd', 'depthpgd', 'difference'} <= {cell['data-label'] for cell in cells}
    phone = page[page.index('@media (max-width') :]
    assert 'attr(data-label)' in phone and re.search(r'tbody, tr, td \{ display: block', phone)


def test_what_scrolls_is_reached_by_the_keyboard(content):
    page = render_page(content, {}, 0)
    scrolling = Cells(page).scrolling
    assert len(scrolling) >= 6 and all(attributes['tabindex'] == '0' for attributes in scrolling)
    assert ':focus-visible' in page


def test_in_short_is_a_sentence_for_each_model_and_data_set(content):
    sentences = summary(content)
    assert len(sentences) == 3
    assert sentences[0].startswith('CIFAR10, DINO ViT-B/16: accuracy Standard ')
    assert all('DeACL is better than Standard under embed (' in sentence for sentence in sentences)
    assert all('minus' not in sentence for sentence in sentences)


@pytest.mark.parametrize(
    'task, metric, value, low, high, verdict',
    [
        ('classification', 'accuracy', 3.0, 1.0, 5.0, BETTER),
        ('classification', 'accuracy', -3.0, -5.0, -1.0, WORSE),
        ('classification', 'accuracy', 3.0, 0.0, 5.0, UNCLEAR),
        ('depth', 'rmse', 0.3, 0.1, 0.5, WORSE),
        ('depth', 'rmse', -0.3, -0.5, -0.1, BETTER),
    ],
)
def test_better_and_worse_by_the_metric(task, metric, value, low, high, verdict):
    assert verdict_of(dict(task=task, metric=metric, value=value, low=low, high=high)) == verdict


def test_differences_and_columns_say_it_in_words(content):
    assert {cells[0].changes for _, cells in difference_rows(content)} <= {BETTER, WORSE, UNCLEAR}
    assert budgets_of(content, 'classification') == {'embed': 'linf, 8/255', 'pgd': 'linf, 8/255'}
    assert 'pgd<br>linf, 8/255' in markdown_report(content, {})
