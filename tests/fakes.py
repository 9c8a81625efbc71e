"""Records of evaluations that never ran, and pictures for them."""

from pathlib import Path

import cv2
import numpy as np

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.benchmark.records import RecordStore
from mmssl_robust.benchmark.suite import Row, Suite
from mmssl_robust.building import build_attack
from mmssl_robust.presets import load_preset, swept
from mmssl_robust.tasks import Example, task_named

CLASSES = dict(
    classification=['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'],
    segmentation=['sky', 'building', 'pole', 'road', 'pavement', 'tree', 'sign & signal', 'fence', 'car', 'cyclist'],
    depth=None,
)
DATA = dict(classification='CIFAR10', segmentation='CamVid', depth='HoloLens')
OWN = dict(classification='pgd', segmentation='segpgd', depth='depthpgd')
_SAMPLES = Path(__file__).resolve().parents[1] / 'mmssl_robust' / 'assets' / 'samples'
# How good predictions are: clean, under EmbedAttack, under the task's own attack.
_SKILL = dict(Standard=(0.9, 0.08, 0.0), DeACL=(0.82, 0.65, 0.3))


def attack_cfg(name, **changes):
    return load_preset(name) | changes


def fake_row(task, variant='Standard', images=40, sweep_images=20, sweeps=True, **fields):
    own = OWN[task]
    attacks = dict(embed=attack_cfg('embed'), own=attack_cfg(own))
    attacks = {own if name == 'own' else name: settings for name, settings in attacks.items()}
    wanted = dict(eps=['1/255', '2/255', '4/255'], steps=[1, 5]) if sweeps else {}
    variants = swept(attacks, wanted)
    defaults = dict(data=DATA[task], encoder='DINO ViT-B/16', name=f'{task}-{variant.lower()}')
    return Row(
        config=f'configs/{task}/x.py',
        task=task,
        variant=variant,
        sweep_images=sweep_images,
        attacks=attacks | {name: config for name, (config, _) in variants.items()},
        sweeps={name: sweep for name, (_, sweep) in variants.items()},
        **(defaults | fields),
    )


def settings_of(row, attack):
    return build_attack(row.attacks[attack]).settings


def skill_of(row, attack):
    clean, embed, own = _SKILL[row.variant or 'Standard']
    if attack == CLEAN:
        return clean
    settings = settings_of(row, attack)
    strength = settings.eps / (8 / 255 if settings.norm == 'linf' else 1) * (0.5 + (settings.steps or 20) / 40)
    worst = embed if settings.reads == 'embedding' else own
    return clean + (worst - clean) * min(strength, 1) ** 0.5


def fake_records(row, attack, images, seed=0):
    """Records of one attack; an image's difficulty is the same under all."""
    rng = np.random.default_rng(seed)
    skill = skill_of(row, attack)
    settings = None if attack == CLEAN else settings_of(row, attack)
    records = []
    for index in range(images):
        columns = dict(
            index=index, file=f'{row.data}/{index}.png', attack=attack, forwards=1, backwards=0, seconds=0.02
        )
        if settings:
            steps, eps = settings.steps or 20, settings.eps
            columns |= dict(seed=0, restart=0, success=True, score=skill, loss_before=0.1, loss_after=2.0)
            columns |= dict(linf=eps, l2=40 * eps, zero_grad=0.001, forwards=steps + 1, backwards=steps)
            columns |= {settings.norm: eps, 'seconds': 0.02 * steps}
        records.append(columns | _prediction(row.task, skill, rng))
    return records


def _prediction(task, skill, rng):
    difficulty = rng.random()
    if task == 'classification':
        label = int(rng.integers(10))
        right = difficulty < skill
        return dict(label=label, prediction=label if right else (label + 3) % 10, quality=skill - difficulty)
    if task == 'depth':
        rmse = (0.4 + 0.4 * difficulty) / (0.2 + 0.8 * skill)
        return dict(
            rmse=rmse, abs_rel=rmse / 3, log10=rmse / 8, delta1=skill, delta2=skill, delta3=1 - rmse / 9, quality=-rmse
        )
    labels = rng.integers(0, 4000, len(CLASSES[task])) * (rng.random(len(CLASSES[task])) < 0.7)
    right = np.round(labels * np.clip(skill * (0.6 + 0.4 * difficulty), 0, 1)).astype(int)
    unions = labels + (labels - right)[::-1]
    return dict(
        labels=labels.tolist(),
        intersections=right.tolist(),
        unions=np.maximum(unions, labels).tolist(),
        quality=float(right.sum() / labels.sum()),
    )


def write_row(work_dir, row, images=40, skip=(), examples=2, precision='fp32', **info):
    """Write the records of a row, all attacks but those in `skip`."""
    store = RecordStore(work_dir / 'rows' / row.name, task_named(row.task))
    classes = CLASSES[row.task]
    palette = (
        np.random.default_rng(1).integers(0, 256, (len(classes), 3)).tolist() if row.task == 'segmentation' else None
    )
    identity = dict(config_hash=row.config, encoder_sha256=row.variant, head_sha256=row.name, max_images=row.max_images)
    environment = dict(device='Fake CPU', cores=2, threads=1, processes=1, libraries=dict(torch='2.5.1', mmcv='2.1.0'))
    known = dict(images=images, classes=classes, palette=palette, skipped=[], environments=[environment])
    store.open(identity | dict(precision=precision, data_root='/data/x'), known | info)
    for attack, config in ({CLEAN: {}} | row.attacks).items():
        store.begin(attack, config, build_attack(config).settings if config else None, row.sweeps.get(attack))
        if attack in skip:
            continue
        count = min(images, row.sweep_images or images) if attack in row.sweeps else images
        store.add(attack, 0, fake_records(row, attack, count))
        store.finish(attack, 1)
        if attack not in row.sweeps and attack != CLEAN:
            for index in range(2 * examples):
                example = fake_example(row.task, attack, index, skill_of(row, CLEAN), skill_of(row, attack))
                example.save(store.folder / 'examples' / attack / f'{index:06d}.npz')
    return store


def write_suite(work_dir, rows=None, title='A benchmark that never ran', **kwargs):
    """Write a suite of all tasks and both variants, finished."""
    if rows is None:
        rows = [fake_row(task, variant) for task in DATA for variant in ('Standard', 'DeACL')]
    Suite('fake', title, tuple(rows)).write(work_dir)
    for row in rows:
        write_row(work_dir, row, **kwargs)
    return rows


def fake_example(task, attack, index, before, after):
    """A photograph of the sample with noise on it and made-up predictions."""
    rng = np.random.default_rng(index)
    folder = dict(classification='cifar10', segmentation='camvid', depth='hololens')[task]
    files = sorted(path for path in (_SAMPLES / folder).rglob('*') if path.suffix in ('.png', '.jpg'))
    files = [path for path in files if not {'depths', 'labels', 'annotations'} & set(path.parts)]
    image = cv2.imread(str(files[index * 7 % len(files)]))[..., ::-1] / 255.0
    delta = np.clip(image + rng.choice([-8, 8], image.shape) / 255, 0, 1) - image
    shared = dict(index=index, file=f'{index}.png', attack=attack, task=task, image=image, delta=delta)
    if task == 'classification':
        return Example(
            **shared,
            quality_before=before - 0.1 * index,
            quality_after=after - 0.2 * index,
            facts=dict(label=3, classes=[3, 5 if index > 1 else 3], confidences=[0.93, 0.71]),
        )
    height, width = image.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    if task == 'depth':
        truth = (1 + 4 * (1 - rows / height)).astype(np.float32)
        truth[:, :20] = 0
        maps = dict(before=truth + 0.2, after=truth + 2 * columns / width, truth=truth)
        return Example(**shared, quality_before=-0.4, quality_after=-0.5 - 0.2 * index, arrays=maps)
    truth = (rows * 5 // height).astype(int)
    truth[:5] = 255
    maps = dict(before=np.clip(truth, 0, 9), after=(truth + columns * 4 // width) % 10, truth=truth)
    return Example(**shared, quality_before=before, quality_after=after - 0.02 * index, arrays=maps)
