"""What a suite of one's own trainings reads from the environment: which encoders, on how many images, within what."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


def last_checkpoint(folder: str | Path) -> str:
    """The checkpoint that a training wrote last.

    Args:
        folder: The training's ``work_dir``.

    Raises:
        OSError: If it holds no ``last_checkpoint``.
    """
    return (Path(folder) / 'last_checkpoint').read_text(encoding='utf-8').strip()


def trained_encoders(standard: str, folder: str) -> dict[str, str]:
    """Variant -> checkpoint: ``Standard``, and each training below ``$STUDY`` that has written one, by its folder.

    Args:
        standard: The encoder that all started from.
        folder: Where the trainings are if ``$STUDY`` does not say.
    """
    begun = sorted(Path(os.environ.get('STUDY') or folder).glob('*/last_checkpoint'))
    return dict(Standard=standard) | {path.parent.name: last_checkpoint(path.parent) for path in begun}


def standard_heads(configs: Sequence[str]) -> dict[str, str] | None:
    """Config -> the last checkpoint of its head on the standard encoder, below ``$STUDY_HEADS``; None if unset.

    Args:
        configs: Paths of the configs; a head is looked for in a folder of the config's name.

    Raises:
        ValueError: If there is none.
    """
    folder_of_all = os.environ.get('STUDY_HEADS')
    if not folder_of_all:
        return None
    folders = {config: Path(folder_of_all) / Path(config).stem for config in configs}
    heads = {
        config: last_checkpoint(folder) for config, folder in folders.items() if (folder / 'last_checkpoint').is_file()
    }
    if not heads:
        raise ValueError(f'STUDY_HEADS: no head was trained in any of {", ".join(map(str, folders.values()))}')
    return heads


def own_heads(variants: Iterable[str]) -> dict[tuple[str, str], str]:
    """Heads that were trained on each encoder: those of ``$STUDY_HEADS/VARIANT/CONFIG``, none if it is unset.

    Args:
        variants: Folders of encoders below ``$STUDY``, and ``Standard``.

    Returns:
        Variant and name of the head's config -> its last checkpoint.

    Raises:
        ValueError: If ``$STUDY_HEADS`` has none.
    """
    folder = os.environ.get('STUDY_HEADS')
    if not folder:
        return {}
    found = [path.parent for variant in variants for path in sorted(Path(folder, variant).glob('*/last_checkpoint'))]
    if not found:
        raise ValueError(f'STUDY_HEADS: there is no ENCODER/CONFIG/last_checkpoint below {folder}, for any encoder')
    return {(path.parent.name, path.name): last_checkpoint(path) for path in found}


def images(default: str = 'all all all') -> list[int | None]:
    """Images of CIFAR-10, CamVid and NYU-Depth-v2 in ``$STUDY_IMAGES``, such as '100 8 all'; None is all of them.

    Args:
        default: Those if ``$STUDY_IMAGES`` does not say.

    Raises:
        ValueError: If these are not three numbers.
    """
    words = _words('STUDY_IMAGES', default)
    if len(words) != 3 or not all(re.fullmatch(r'all|[1-9]\d*', word) for word in words):
        raise ValueError(f'STUDY_IMAGES={" ".join(words)!r}: give three numbers, of CIFAR-10, CamVid and NYU-Depth-v2')
    return [None if word == 'all' else int(word) for word in words]


def budgets(default: str) -> list[str]:
    """Budgets in ``$STUDY_EPS``, such as '4/255 8/255'.

    Args:
        default: Those if ``$STUDY_EPS`` does not say.

    Raises:
        ValueError: If one is no multiple of 1/255, or is there twice.
    """
    words = _words('STUDY_EPS', default)
    if len(set(words)) < len(words) or not all(re.fullmatch(r'[1-9]\d*/255', word) for word in words):
        raise ValueError(f'STUDY_EPS={" ".join(words)!r}: give budgets that differ, such as "4/255 8/255"')
    return words


def budget(default: str) -> str:
    """The budget in ``$STUDY_EPS``: as :func:`budgets`, of one."""
    words = budgets(default)
    if len(words) != 1:
        raise ValueError(f'STUDY_EPS={" ".join(words)!r}: give one budget, such as "8/255"')
    return words[0]


def quick_attacks(eps: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Task -> attacks of a quick look: ten steps of the task's own, for depth also "all far".

    Args:
        eps: The budget, such as ``'4/255'``; steps are a quarter of it.
    """
    budget = dict(eps=eps, step_size=f'{int(eps[:-4]) / 4:g}/255', steps=10)
    far = dict(type='mmssl_robust.SignedDepthError', direction='far')
    return dict(
        classification=dict(pgd=budget),
        segmentation=dict(cospgd=budget),
        depth=dict(depthpgd=budget, far=dict(preset='pgd', objective=far, **budget)),
    )


def _words(variable: str, default: str) -> list[str]:
    """What an environment variable says; one that is blank says nothing."""
    return os.environ.get(variable, '').split() or default.split()
