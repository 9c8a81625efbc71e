"""What is to be evaluated: an encoder, a folder, a task, attacks."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from mmssl_robust.attack_settings import Sweep
from mmssl_robust.building import build_attack
from mmssl_robust.datasets.folders import Found, class_folders, pairs, photographs
from mmssl_robust.datasets.label_maps import with_classes, with_depth_range
from mmssl_robust.presets import changed_all, check_names, load_presets, swept
from mmssl_robust.tasks import task_named
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import check_integer, check_number, parse_number

from .defaults import IMAGES, PROTOCOLS, WEAKER

_LABELLED = ('segmentation', 'depth')


@dataclass(frozen=True)
class Plan:
    """An evaluation of anyone's encoder on anyone's images.

    Attributes:
        encoder: See :func:`mmssl_robust.encoders.parse_spec`.
        folder: The images.
        task: ``'embedding'``, ``'classification'``, ``'segmentation'`` or ``'depth'``.
        labels: Folder of label maps or depth maps.
        depth_scale: What a metre is in the depth maps, such as 1000 for millimetres.
        classes: Names of the classes; None for those of the folders, or the labels that occur.
        ignore: The label of pixels that do not count, besides 255.
        bank: Without labels, the folder of the images with which those that are attacked are compared, and on which
            linear probes are fitted; None for the images' own folder, without probes.
        attacks: Names or paths of presets, or name -> settings to change; None for the task's.
        eps: Sizes of the perturbation; the largest is the attacks' own, the others make a curve.
        steps: Steps of the attacks; None for theirs.
        max_images: How many images are attacked, evenly spread; None for :data:`IMAGES`.
        size: Shorter side of the images in pixels; None for the encoder's, at most 224.
        batch_size: Images at a time.
        protocol: How heads are trained: ``'quick'``, on cached features, or ``'paper'``, as the paper does.
        sanity: Whether to check on few images that the attacks are to be believed.
        seed: Of the split into training and test images.
        defence: What stands before the encoder, by name or file, as `--defence` takes it.
        norm: ``'linf'``, ``'l2'`` or ``'l1'``, another than an attack's with an ``eps`` of its own; None for theirs.
        step_size: Of the attacks, such as ``'1/255'``; None for theirs, or a quarter of eps in another norm.
        restarts: Random starts of the attacks; None for theirs.
        keep: Which iterate of an image counts, ``'best'``, ``'last'`` or ``'first'``; None for theirs.

    Raises:
        UserError: If settings do not fit each other.
    """

    encoder: str
    folder: Path
    task: str = 'embedding'
    labels: Path | None = None
    depth_scale: float | None = None
    classes: tuple[str, ...] | None = None
    ignore: int | None = None
    bank: Path | None = None
    attacks: Sequence[str] | Mapping[str, Mapping[str, Any]] | None = None
    eps: tuple[str, ...] = ()
    steps: int | None = None
    max_images: int | None = None
    size: int | None = None
    batch_size: int = 8
    protocol: str = 'quick'
    sanity: bool = False
    seed: int = 0
    defence: str | None = None
    norm: str | None = None
    step_size: str | float | None = None
    restarts: int | None = None
    keep: str | None = None

    def __post_init__(self) -> None:
        if self.task not in IMAGES:
            raise UserError(f'unknown task {self.task!r}: use one of {", ".join(IMAGES)}')
        if (self.labels is None) == (self.task in _LABELLED):
            need = 'needs labels: give the folder of its maps (--labels)' if self.labels is None else 'has no --labels'
            raise UserError(f'{self.task} {need}')
        if (self.depth_scale is None) == (self.task == 'depth'):
            need = 'needs the scale of its maps: --depth-scale 1000 for millimetres, 1 for metres'
            raise UserError(f'{self.task} {need if self.task == "depth" else "has no --depth-scale"}')
        if self.depth_scale is not None:
            check_number(self.depth_scale, 'depth_scale', above=0)
        if self.classes and self.task not in ('classification', 'segmentation'):
            raise UserError(f'{self.task} has no classes: leave their names out')
        if self.ignore is not None and self.task != 'segmentation':
            raise UserError(f'{self.task} has no label that does not count: leave it out')
        if self.bank is not None and self.task != 'embedding':
            raise UserError(f'{self.task} has no bank of images: leave it out')
        if self.protocol not in PROTOCOLS:
            raise UserError(f'unknown protocol {self.protocol!r}: use one of {", ".join(PROTOCOLS)}')
        for name, least in dict(max_images=1, size=1, batch_size=1, steps=1, restarts=1, seed=0, ignore=0).items():
            if getattr(self, name) is not None:
                check_integer(getattr(self, name), name, least)

    @property
    def identity(self) -> str:
        """What tells it from others, and where it lies: settings other than their defaults.

        A setting that a later version adds leaves the folders of earlier evaluations where they are.
        """
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return repr({name: value for name, value in given.items() if value != getattr(type(self), name, MISSING)})

    def find(self) -> Found:
        """Look for images and labels.

        Raises:
            UserError: If there are none, or they do not fit the task; names files.
        """
        if self.task == 'embedding':
            return photographs(self.folder)
        if self.task == 'classification':
            return class_folders(self.folder, self.classes, self.seed)
        assert self.labels is not None
        if self.task == 'segmentation':
            return with_classes(pairs(self.folder, self.labels, 'seg_map_path', self.seed), self.classes, self.ignore)
        assert self.depth_scale is not None
        return with_depth_range(pairs(self.folder, self.labels, 'depth_map_path', self.seed), self.depth_scale)

    def variants(self) -> tuple[dict[str, dict[str, Any]], dict[str, Sweep]]:
        """Return the attacks by name, those of other sizes among them, and the latters' places in their curves.

        Raises:
            UserError: If there is no such attack, or a setting does not fit it.
        """
        attacks = load_presets(task_named(self.task).attacks if self.attacks is None else self.attacks)
        check_names(attacks)
        sizes = sorted(dict.fromkeys(self.eps), key=lambda eps: parse_number(eps, 'eps'))
        changes = {name: getattr(self, name) for name in ('norm', 'step_size', 'steps', 'restarts', 'keep')}
        attacks = changed_all(attacks, changes | dict(eps=sizes[-1] if sizes else None))
        if not sizes and self.task == 'embedding' and self.attacks is None:
            sizes = list(WEAKER)
        self._check_attacks(attacks)
        found = swept(attacks, dict(eps=sizes) if sizes and attacks else {})
        configs = {name: config for name, (config, _) in found.items()}
        return attacks | configs, {name: sweep for name, (_, sweep) in found.items()}

    def _check_attacks(self, attacks: Mapping[str, dict[str, Any]]) -> None:
        """Find attacks that read what the task does not have, before anything is trained."""
        for name, config in attacks.items():
            reads = build_attack(config).settings.reads
            if self.task == 'embedding' and reads != 'embedding':
                raise UserError(
                    f'{name} attacks a prediction, and images without labels have none: use '
                    f'{", ".join(task_named("embedding").attacks)}, or give a --task'
                )
