import copy

import pytest
import torch
from mmpretrain.models import BaseClassifier, ImageClassifier
from toys import (
    CLASSES,
    build,
    classification_batch,
    classifier_cfg,
    depth_batch,
    depth_estimator_cfg,
    segmentation_batch,
    segmentor_cfg,
)

from mmssl_robust.attacks import PGD, CrossEntropy, DepthPGD, EmbedAttack, Objective, SegPGD
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.precision import PRECISIONS
from mmssl_robust.victims import ClassifierVictim, build_victim, register_victim

CLASSIFIER = classifier_cfg()
PADDING_CLASSIFIER = classifier_cfg(pad_size_divisor=16)
# Original sizes differ in the batch, and 20 x 12 is padded to 24 x 16.
DENSE_CASES = {
    'whole': (segmentor_cfg(), segmentation_batch((16, 24), (16, 24), (16, 24))),
    'padded': (segmentor_cfg(), segmentation_batch((20, 12), (40, 24), (31, 23))),
    'slide': (segmentor_cfg('slide'), segmentation_batch((24, 40), (24, 40), (30, 33))),
    'tta': (
        segmentor_cfg() | dict(type='mmssl_robust.TTASegmentor', scales=[1.0, 1.5], flips=[None, 'horizontal']),
        segmentation_batch((20, 12), (40, 24), (31, 23)),
    ),
    'depth': (depth_estimator_cfg(), depth_batch((20, 12), (40, 24), (31, 23))),
    'slide_depth': (depth_estimator_cfg('slide'), depth_batch((24, 40), (30, 33))),
    'slide_padded': (segmentor_cfg('slide'), segmentation_batch((20, 28), (41, 57))),
}
CASES = {
    'classifier': (CLASSIFIER, classification_batch((16, 16), (16, 16), (16, 16))),
    'padded_classifier': (PADDING_CLASSIFIER, classification_batch((12, 9), (12, 9))),
    **DENSE_CASES,
}


def attack_for(model_cfg, **settings):
    if 'ImageClassifier' in model_cfg['type']:
        return PGD(CrossEntropy(), steps=3, **settings)
    return (DepthPGD if 'Depth' in model_cfg['type'] else SegPGD)(steps=3, **settings)


def output(sample):
    if 'pred_score' in sample:
        return sample.pred_score
    return (sample.seg_logits if 'seg_logits' in sample else sample.pred_depth_map).data


@pytest.fixture(params=CASES)
def case(request):
    model_cfg, batch = copy.deepcopy(CASES[request.param])
    return model_cfg, build(model_cfg), batch


@torch.no_grad()
def test_clean_predictions_are_those_of_test_step(case):
    _, model, batch = case
    victim = build_victim(model, batch)
    for ours, stock in zip(victim.predict(victim.pixels), model.test_step(copy.deepcopy(batch)), strict=True):
        assert torch.equal(output(ours), output(stock))


@torch.no_grad()
def test_attacked_function_is_what_the_metric_sees(case):
    _, model, batch = case
    victim = build_victim(model, batch)
    pixels = (victim.pixels + 0.1).clamp(0, 1)
    attacked = victim.prediction(pixels)
    for row, sample in zip(attacked, victim.predict(pixels), strict=True):
        if 'pred_score' in sample:
            assert torch.equal(row.softmax(0), sample.pred_score)
        else:
            height, width = sample.ori_shape
            torch.testing.assert_close(row[:, :height, :width], output(sample), rtol=1e-5, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize('name', DENSE_CASES)
def test_dense_attacked_function_is_what_the_metric_sees_in_float64(name):
    cfg, batch = copy.deepcopy(DENSE_CASES[name])
    victim = build_victim(build(cfg).double(), batch)
    assert victim.pixels.dtype == torch.float64
    for row, sample in zip(victim.prediction(victim.pixels), victim.predict(victim.pixels), strict=True):
        height, width = sample.ori_shape
        torch.testing.assert_close(row[:, :height, :width], output(sample), rtol=1e-12, atol=1e-12)


@torch.no_grad()
def test_adversarial_images_through_the_data_loader_give_the_same_prediction(case):
    model_cfg, model, batch = case
    victim = build_victim(model, batch)
    adv = victim.attack(attack_for(model_cfg)).adv
    stock = model.test_step(batch | dict(inputs=victim.as_inputs(adv)))
    for ours, theirs in zip(victim.predict(adv), stock, strict=True):
        assert torch.equal(output(ours), output(theirs))


def test_pixels_are_the_images(case):
    _, model, batch = case
    victim = build_victim(model, batch)
    for image, pixels in zip(batch['inputs'], victim.pixels, strict=True):
        _, rows, columns = image.shape
        assert torch.equal((pixels[:, :rows, :columns] * 255), image[[2, 1, 0]].float())
        assert pixels[:, rows:].count_nonzero() == pixels[:, :, columns:].count_nonzero() == 0


@pytest.mark.parametrize('kind', ['task', 'embed'])
def test_padding_is_never_perturbed(case, kind):
    model_cfg, model, batch = case
    victim = build_victim(model, batch)
    attack = attack_for(model_cfg, eps='64/255') if kind == 'task' else EmbedAttack(steps=2, eps='64/255')
    changed = victim.attack(attack).adv != victim.pixels
    assert changed.any()
    for image, change in zip(batch['inputs'], changed, strict=True):
        _, rows, columns = image.shape
        assert not change[:, rows:].any() and not change[:, :, columns:].any()


def test_padding_stays_the_preprocessors_whatever_the_pixels():
    model, batch = build(segmentor_cfg()), segmentation_batch((20, 12), (20, 12))
    victim = build_victim(model, batch)
    noise = torch.rand_like(victim.pixels)
    assert torch.equal(victim.normalise(noise)[..., 20:, :], victim.inputs[..., 20:, :])
    assert not torch.equal(victim.normalise(noise)[..., :20, :12], victim.inputs[..., :20, :12])


def test_attack_lowers_the_score_and_leaves_the_model_as_it_was(case):
    model_cfg, model, batch = case
    for sample, predicted in zip(batch['data_samples'], model.test_step(copy.deepcopy(batch))):
        if 'gt_label' in sample:
            sample.set_gt_label(predicted.pred_label)
        elif 'gt_sem_seg' in sample:
            sample.gt_sem_seg.data = predicted.pred_sem_seg.data
    victim = build_victim(model, batch)
    model.train()
    model.backbone.requires_grad_(False)
    modes = [module.training for module in model.modules()]
    flags = [parameter.requires_grad for parameter in model.parameters()]
    attack = attack_for(model_cfg, eps='64/255', step_size='24/255', random_start=False)
    result = victim.attack(attack)
    model.eval()
    clean = attack.objective.score(victim.prediction(victim.pixels), victim.targets())
    assert (result.score < clean).any() and (result.score <= clean).all()
    model.train()
    assert modes == [module.training for module in model.modules()]
    assert flags == [parameter.requires_grad for parameter in model.parameters()]
    assert all(parameter.grad is None for parameter in model.parameters())


def test_attack_works_where_gradients_are_off(case):
    model_cfg, model, batch = case
    with torch.no_grad():
        off = build_victim(model, copy.deepcopy(batch)).attack(attack_for(model_cfg))
    assert torch.equal(off.adv, build_victim(model, batch).attack(attack_for(model_cfg)).adv)


def test_embedding_attack_works_where_gradients_are_off(case):
    _, model, batch = case
    attack = EmbedAttack(steps=2)
    expected = build_victim(model, copy.deepcopy(batch), memory=1).attack(attack)
    with torch.no_grad():
        result = build_victim(model, batch, memory=1).attack(attack)
    torch.testing.assert_close(result.adv, expected.adv)
    assert (result.score < 0).all()


def test_predictions_do_not_overwrite_each_other(case):
    _, model, batch = case
    victim = build_victim(model, batch)
    clean = victim.predict(victim.pixels)
    before = [output(sample).clone() for sample in clean]
    victim.predict(1 - victim.pixels)
    assert all(torch.equal(output(sample), copy_) for sample, copy_ in zip(clean, before))


def test_clean_embedding_is_computed_once_for_all_attacks():
    model_cfg, batch = copy.deepcopy(CASES['slide'])
    model, images = build(model_cfg), []
    victim, fresh = build_victim(model, batch), build_victim(model, copy.deepcopy(batch))
    attacks = [EmbedAttack(steps=2, eps=eps) for eps in ('2/255', '8/255')]
    alone = [build_victim(model, copy.deepcopy(batch)).attack(attack) for attack in attacks]
    model.backbone.register_forward_pre_hook(lambda _, args: images.append(len(args[0])))
    fresh.embedding(fresh.pixels)
    once = sum(images)
    images.clear()
    together = [victim.attack(attack) for attack in attacks]
    assert sum(images) == once * (1 + 2 * 3)  # clean; two steps and the score of each attack
    for result, expected in zip(together, alone):
        torch.testing.assert_close(result.adv, expected.adv, rtol=0, atol=0)
        assert result.forwards.tolist() == [3] * len(result.adv)
    some = victim.only(torch.tensor([1]))
    torch.testing.assert_close(some.clean_embedding('task'), victim.clean_embedding('task')[1:])


def test_slide_embedding_sees_each_window_once():
    model = build(segmentor_cfg('slide'))
    victim = build_victim(model, segmentation_batch((24, 40), (24, 40)))
    victim.memory = None  # and so nothing is measured first
    seen = []
    model.backbone.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    embedding = victim.embedding(victim.pixels)
    ours, seen = seen, []
    model.backbone._forward_pre_hooks.clear()
    model.backbone.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    victim.predict(victim.pixels)
    # Windows of 16 every 8: 2 rows of 4, each of 2 x 2 patches.
    assert len(seen) == 8 and embedding.shape == (1, 8 * 4, 16)
    assert torch.equal(torch.cat(ours), torch.cat(seen))


def test_slide_embedding_of_a_size_no_multiple_of_the_stride():
    model = build(segmentor_cfg('slide', size_divisor=1))
    model.test_cfg['stride'] = (5, 9)
    victim = build_victim(model, segmentation_batch((18, 30), (18, 30)))
    victim.memory = None
    seen = []
    model.backbone.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    victim.embedding(victim.pixels)
    ours = torch.cat(seen)
    seen.clear()
    victim.predict(victim.pixels)
    assert len(seen) == 2 * 3
    assert torch.equal(ours, torch.cat(seen))


def test_embedding_tokens():
    cfg = classifier_cfg()
    cfg['backbone']['out_type'] = 'featmap_cls'
    model = build(cfg)
    model.neck = None
    victim = build_victim(model, classification_batch((16, 16), (16, 16)))
    shapes = {name: tuple(victim.embedding(victim.pixels, name).shape) for name in ('task', 'cls', 'patch', 'both')}
    assert shapes == {'task': (2, 1, 16), 'cls': (2, 1, 16), 'patch': (2, 4, 16), 'both': (2, 5, 16)}
    both = victim.embedding(victim.pixels, 'both')
    assert torch.equal(both[:, :1], victim.embedding(victim.pixels, 'cls'))
    plain = build_victim(build(classifier_cfg()), classification_batch((16, 16)))
    with pytest.raises(UserError, match='no patch tokens'):
        plain.embedding(plain.pixels, 'patch')


def test_canvas_of_differing_sizes_is_ignored_outside_the_images():
    victim = build_victim(build(segmentor_cfg()), segmentation_batch((16, 24), (16, 30), (40, 24)))
    targets = victim.targets()
    assert targets.shape == (2, 40, 30) and victim.prediction(victim.pixels).shape == (2, 4, 40, 30)
    assert (targets[0, 16:] == 255).all() and (targets[1, :, 24:] == 255).all()
    assert torch.equal(targets[0, :16], victim.data_samples[0].gt_sem_seg.data[0])


def test_depth_outside_the_images_is_unknown():
    victim = build_victim(build(depth_estimator_cfg()), depth_batch((16, 24), (16, 30), (40, 24)))
    targets = victim.targets()
    assert targets.shape == victim.prediction(victim.pixels).shape == (2, 1, 40, 30)
    assert not targets[0, :, 16:].any() and not targets[1, ..., 24:].any()
    assert torch.equal(targets[1, :, :, :24], victim.data_samples[1].gt_depth_map.data)


def test_images_do_not_depend_on_their_batch(case):
    model_cfg, model, batch = case
    together = build_victim(model, copy.deepcopy(batch)).attack(attack_for(model_cfg))
    for index in range(len(batch['inputs'])):
        one = {name: values[index : index + 1] for name, values in batch.items()}
        alone = build_victim(model, one).attack(attack_for(model_cfg))
        different = (alone.adv[0] - together.adv[index]).abs() > 1e-6
        assert different.float().mean() < 0.005


@pytest.mark.parametrize('precision', ['bf16', 'fp16'])
def test_half_precision_examples_are_scored_in_fp32(case, precision):
    model_cfg, model, batch = case
    victim = build_victim(model, batch)
    attack = attack_for(model_cfg)
    result = victim.attack(attack, precision=precision)
    outputs = (victim.compact_prediction if attack.objective.takes_upsampled else victim.prediction)(result.adv)
    assert outputs.dtype == torch.float32
    assert torch.equal(result.score, attack.objective.score(outputs, victim.targets()))
    assert torch.equal(result.loss, attack.objective(outputs, victim.targets(), 3, 3))


@pytest.mark.parametrize('precision', ['fast-fp32', 'bf16', 'fp16'])
def test_gradients_of_other_precisions(case, precision):
    model_cfg, model, batch = case
    victim = build_victim(model, batch)
    attack = attack_for(model_cfg, keep='last')
    plain, other = victim.attack(attack), victim.attack(attack, precision)
    exact = precision == 'fast-fp32'
    torch.testing.assert_close(other.loss, plain.loss, rtol=1e-3 if exact else 0.05, atol=1e-4 if exact else 0.01)
    # Of tiny networks whole patches may have no gradient; float16 adds none.
    torch.testing.assert_close(other.zero_grad, plain.zero_grad, rtol=0, atol=0.01)


def test_float16_gradients_do_not_vanish():
    """A loss so small that its gradient would be zero in float16."""

    class Tiny(CrossEntropy):
        def __call__(self, *args):
            return 1e-7 * super().__call__(*args)

    model_cfg, batch = copy.deepcopy(CASES['classifier'])
    victim = build_victim(build(model_cfg), batch)
    plain, half = (victim.attack(PGD(Tiny(), steps=3), precision) for precision in ('fp32', 'fp16'))
    torch.testing.assert_close(half.zero_grad, plain.zero_grad, rtol=0, atol=0.01)
    assert half.success.equal(plain.success)


def test_only_fp32_decides_when_to_stop():
    model_cfg, batch = copy.deepcopy(CASES['classifier'])
    victim = build_victim(build(model_cfg), batch)
    attack = PGD(CrossEntropy(), steps=1, restarts=2, stop_at_success=True)
    victim = victim.given(victim.prediction(victim.pixels).argmax(dim=1))  # all are right: there is something to attack
    victim.attack(attack, 'fast-fp32')
    for precision in ('bf16', 'fp16'):
        with pytest.raises(UserError, match=f'attack in fp32 or fast-fp32, not in {precision}'):
            victim.attack(attack, precision)
    checks = victim.sanity_measurements(attack, queries=2, half=True)
    assert 'half' not in checks and 'half' in victim.sanity_measurements(
        PGD(CrossEntropy(), steps=1), queries=2, half=True
    )


def test_float_images_round_trip():
    model, batch = build(classifier_cfg()), classification_batch((16, 16))
    batch['inputs'] = [image / 256 * 255 for image in batch['inputs']]
    victim = build_victim(model, batch)
    torch.testing.assert_close(victim.normalise(victim.pixels), victim.inputs, rtol=0, atol=1e-5)


def test_stacked_inputs():
    model, batch = build(classifier_cfg()), classification_batch((16, 16), (16, 16))
    stacked = batch | dict(inputs=torch.stack(batch['inputs']))
    assert torch.equal(build_victim(model, stacked).pixels, build_victim(model, batch).pixels)


def test_without_normalisation():
    cfg = classifier_cfg()
    cfg['data_preprocessor'] = dict(type='mmpretrain.ClsDataPreprocessor')
    batch = classification_batch((16, 16))
    victim = build_victim(build(cfg), batch)
    assert torch.equal(victim.normalise(victim.pixels)[0], batch['inputs'][0].float())
    assert torch.equal(victim.as_inputs(victim.pixels)[0], batch['inputs'][0].float())


def test_images_that_were_normalised_by_the_pipeline():
    batch = classification_batch((16, 16))
    batch['inputs'] = [(image.float() - 120) / 58 for image in batch['inputs']]
    cfg = classifier_cfg()
    cfg['data_preprocessor'] = dict(type='mmpretrain.ClsDataPreprocessor')
    with pytest.raises(UserError, match='not in 0..255'):
        build_victim(build(cfg), batch)


def test_annotation_of_another_size():
    batch = segmentation_batch((16, 24), (16, 24))
    batch['data_samples'][0].set_metainfo(dict(ori_shape=(32, 48), seg_map_path='labels/x.png'))
    with pytest.raises(UserError, match='labels/x.png is 24x16, its image 48x32'):
        build_victim(build(segmentor_cfg()), batch)


@pytest.mark.parametrize('cfg, batch', [(CLASSIFIER, CASES['classifier'][1]), DENSE_CASES['whole']])
def test_nan_in_a_prediction_names_the_image(cfg, batch):
    model, batch = build(cfg), copy.deepcopy(batch)
    list(model.parameters())[-1].data.fill_(float('nan'))
    victim = build_victim(model, batch)
    with pytest.raises(UserError, match='image0.png holds NaN'):
        victim.predict(victim.pixels)


def test_a_victim_is_that_of_the_nearest_kind_of_head_or_model():
    class Head(torch.nn.Module):
        pass

    class Child(ImageClassifier):
        pass

    class Grandchild(Child):
        pass

    @register_victim(Child)
    class OfModel(ClassifierVictim):
        pass

    @register_victim(Head)
    class OfHead(ClassifierVictim):
        pass

    batch = classification_batch((16, 16))
    model = build(classifier_cfg())
    for kind, victim in ((ImageClassifier, ClassifierVictim), (Child, OfModel), (Grandchild, OfModel)):
        model.__class__ = kind
        assert type(build_victim(model, batch)) is victim
    model.head = Head()
    assert type(build_victim(model, batch)) is OfHead


def test_two_victims_of_a_kind():
    with pytest.raises(UserError, match='two victims are of BaseClassifier: ClassifierVictim and Other'):

        @register_victim(BaseClassifier)
        class Other(ClassifierVictim):
            pass

    assert type(build_victim(build(classifier_cfg()), classification_batch((16, 16)))) is ClassifierVictim


@pytest.mark.parametrize('kind', ['ImageClassifier', torch.nn.Module, object, int, None, ClassifierVictim])
def test_what_no_victim_can_be_of(kind):
    with pytest.raises(UserError, match='give the class of a model or of its head'):
        register_victim(kind)


@pytest.mark.parametrize('victim', [ImageClassifier, lambda: None, 'ClassifierVictim'])
def test_what_is_no_victim(victim):
    with pytest.raises(UserError, match='is no victim: make it a child of Victim'):
        register_victim(torch.nn.Linear)(victim)
    with pytest.raises(UserError, match='cannot attack a Linear'):
        build_victim(torch.nn.Linear(2, 2), {})


def test_a_task_that_is_not_registered_hides_no_error():
    victim = build_victim(build(classifier_cfg()), classification_batch((16, 16)))
    victim.task = 'normals'
    with pytest.raises(UserError, match='DepthLoss does not fit a .*use an attack for normals'):
        victim.attack(DepthPGD(steps=1))


class Sums(torch.nn.Module):
    """One number of the features."""

    def forward(self, feats):
        return feats[-1].sum(dim=1)


class SumVictim(ClassifierVictim):
    def targets(self):
        return torch.zeros(len(self.data_samples))


class SquaredError(Objective):
    def __call__(self, outputs, targets, step, steps):
        return (outputs - targets).square()

    def score(self, outputs, targets):
        return -(outputs - targets).abs()

    def success(self, outputs, targets):
        return (outputs - targets).abs() > 9


@pytest.mark.parametrize('precision', PRECISIONS)
def test_one_number_of_an_image_in_every_precision(precision):
    register_victim(Sums)(SumVictim)
    model = build(classifier_cfg())
    model.head = Sums()
    victim = build_victim(model, classification_batch((16, 16), (16, 16)))
    attack = PGD(SquaredError(), eps='8/255', step_size='2/255', steps=5)
    exact, found = (victim.attack(attack, name) for name in ('fp32', precision))
    assert found.loss.shape == (2,)
    torch.testing.assert_close(found.loss, exact.loss, rtol=0.1, atol=1e-3)


def test_what_cannot_be_attacked():
    with pytest.raises(UserError, match='cannot attack a Linear'):
        build_victim(torch.nn.Linear(2, 2), {})
    batch = classification_batch((16, 16))
    batch['data_samples'][0].set_gt_label([0, 1])
    with pytest.raises(UserError, match='more than one'):
        build_victim(build(classifier_cfg()), batch).targets()
    batch = segmentation_batch((16, 24), (16, 24))
    del batch['data_samples'][0].gt_sem_seg
    with pytest.raises(UserError, match='image0.png has no gt_sem_seg'):
        build_victim(build(segmentor_cfg()), batch).targets()
    batch = segmentation_batch((16, 24), (16, 24))
    batch['data_samples'][0].pop('sample_idx')
    with pytest.raises(UserError, match='meta_keys'):
        build_victim(build(segmentor_cfg()), batch)


def test_ground_truth_that_is_missing_or_beyond_the_classes_is_named():
    model, batch = build(classifier_cfg()), classification_batch((16, 16), (16, 16))
    build_victim(model, batch).check_truth()
    batch['data_samples'][1].set_gt_label(CLASSES)
    with pytest.raises(UserError, match=f'image1.png has the label {CLASSES}, but the model has {CLASSES} classes'):
        build_victim(model, batch).targets()
    for sample in batch['data_samples']:
        del sample.gt_label
    victim = build_victim(model, batch)
    for call in (victim.check_truth, victim.targets):
        with pytest.raises(UserError, match='image0.png has no label: sort the images into a folder for each class'):
            call()
    embed = EmbedAttack(norm='linf', eps='8/255', steps=1)
    assert (victim.attack(embed).loss > 0).all(), 'which needs no labels'


def test_annotations_that_are_missing_are_named():
    batch = segmentation_batch((16, 16), (16, 16))
    del batch['data_samples'][0].gt_sem_seg
    with pytest.raises(UserError, match='image0.png has no gt_sem_seg: load annotations'):
        build_victim(build(segmentor_cfg()), batch).check_truth()
