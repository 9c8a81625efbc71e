import pytest
from mmengine.registry import DATASETS, TRANSFORMS, DefaultScope

from mmssl_robust.utils.scopes import scope_problem
from mmssl_robust.utils.terminal import one_line_errors


@pytest.mark.parametrize(
    'registry, scope, name, owner',
    [
        (DATASETS, 'mmseg', 'CustomDataset', 'mmpretrain'),
        (DATASETS, 'mmengine', 'NYUDataset', 'mmseg'),
        (DATASETS, 'mmfoo', 'NYUDataset', 'mmseg'),
        (TRANSFORMS, 'mmpretrain', 'PackSegInputs', 'mmseg'),
        (DATASETS, 'mmseg', 'CamVidDataset', 'mmssl_robust'),
    ],
)
def test_the_library_that_has_the_name_is_said(registry, scope, name, owner, capsys):
    @one_line_errors
    def tool():
        with DefaultScope.overwrite_default_scope(scope):
            registry.build(dict(type=name))

    with pytest.raises(SystemExit):
        tool()
    said = capsys.readouterr().err
    assert said.count('\n') == 1 and f'it is of {owner}: ' in said and f"name it '{owner}.{name}'" in said
    assert ('set default_scope' in said) == (owner != 'mmssl_robust')


def test_what_is_nowhere_and_what_is_no_name():
    missing = KeyError('Nope is not in the mmseg::model registry. Please check')
    assert scope_problem(missing) == 'there is no model Nope: check its spelling, and custom_imports if it is your own'
    assert scope_problem(KeyError('gt_label')) is None
