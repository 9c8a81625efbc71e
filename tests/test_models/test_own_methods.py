"""What is left to a method of adversarial training, on two that are the test's own."""

import json

import pytest
import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.runner import Runner
from torch.nn.utils import parameters_to_vector
from toys import MEAN, STD, backbone_cfg
from toys import method as build
from toys import method_batch as batch

from mmssl_robust.models.algorithms import AdversarialTraining
from mmssl_robust.registry import MODELS


@MODELS.register_module()
class SquaredDistance(AdversarialTraining):
    """A method that never looks at the student's clean embedding, as FARE does not."""

    def losses(self, batch):
        distance = (batch.adversarial - batch.teacher).square().sum(dim=-1)
        return dict(loss_distance=distance.mean(), teacher_norm=batch.teacher.norm(dim=-1).mean())


class Head(BaseModule):
    """A linear head on one token, with something that must be off in a reference."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(16, 5)
        self.dropout = torch.nn.Dropout(0.5)

    def forward(self, tokens):
        return self.dropout(self.linear(tokens[:, 0]))


@MODELS.register_module()
class ConsistentPredictions(AdversarialTraining):
    """A method that attacks the prediction of a frozen head, where the teacher's is the label."""

    attacked = 'prediction'

    def __init__(self, **settings):
        super().__init__(**settings)
        self.add_reference('head', Head())

    def aim(self, batch):
        head = self.references['head']
        return lambda pixels: head(batch.embed(pixels)), head(batch.teacher).argmax(dim=1)

    def losses(self, batch):
        head = self.references['head']
        return dict(loss=F.cross_entropy(head(batch.adversarial), head(batch.teacher).softmax(dim=1)))


ATTACK = dict(type='PGD', objective=dict(type='EmbeddingDistance'), eps='4/255', step_size='2/255', steps=5)


def test_a_method_states_its_losses(deacl_cfg, work_dir, monkeypatch):
    """Trained by the loop; each step's loss is the formula written out, and no clean forward of the student is paid."""
    deacl_cfg.model.pop('gamma')
    deacl_cfg.model.update(type='mmssl_robust.SquaredDistance', tokens='cls', attack=ATTACK)
    deacl_cfg.train_cfg.max_epochs = 2
    runner = Runner.from_cfg(deacl_cfg)
    model, mean, std = runner.model, *(torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    before, stated, steps = parameters_to_vector(model.parameters()), model.losses, []

    def compared(batch):
        losses = stated(batch)
        adversarial = model.backbone((batch.adv * 255 - mean) / std)[-1][1]
        expected = (adversarial - model.teacher(batch.inputs)[-1][1]).pow(2).sum(dim=1).mean()
        torch.testing.assert_close(losses['loss_distance'], expected)
        steps.append(losses)
        return losses

    monkeypatch.setattr(model, 'losses', compared)
    runner.train()
    assert len(steps) == 6 and not torch.equal(parameters_to_vector(model.parameters()), before)
    scalars = [json.loads(line) for line in next(work_dir.glob('*/vis_data/scalars.json')).read_text().splitlines()]
    costs = [line for line in scalars if 'cost/forwards' in line]
    assert [(line['cost/forwards'], line['cost/backwards']) for line in costs] == [(24 * 7, 24 * 6)] * 2
    state = torch.load(work_dir / 'epoch_2.pth', weights_only=False)
    assert {key.split('.')[0] for key in state['state_dict']} == {'backbone'}
    assert state['meta']['training']['teacher'] == model.fingerprint()


def test_a_method_pays_for_what_it_asks():
    costs = []
    for name in ('SquaredDistance', 'DeACL'):
        model, forwards = build(name=f'mmssl_robust.{name}', attack=ATTACK), []
        for network in (model.teacher, model.backbone):
            network.register_forward_hook(lambda *_, forwards=forwards: forwards.append(1))
        model(**batch(model), mode='loss')
        assert model.cost.forwards == 3 * len(forwards)
        costs.append((model.cost.forwards / 3, model.cost.backwards / 3))
    assert costs == [(7, 6), (8, 7)]


def test_a_method_attacks_a_prediction():
    """Its frozen head is hidden as the teacher is, moves as it does, and has a part in the fingerprint."""
    attack = ATTACK | dict(objective=dict(type='CrossEntropy'))
    model = build(name='mmssl_robust.ConsistentPredictions', attack=attack)
    assert {key.split('.')[0] for key in model.state_dict()} == {'backbone'}
    head, fingerprint = model.references['head'], model.fingerprint()
    assert not head.training and not any(parameter.requires_grad for parameter in head.parameters())
    data, seen = batch(model), []
    aim, perturb = model.aim, model.perturb
    model.aim = lambda made: seen.append(aim(made)) or seen[0]
    model.perturb = lambda made: perturb(made) or seen.append(made)
    model(**data, mode='loss')['loss'].backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    (outputs, labels), made = seen
    assert torch.equal(labels, head(model.teacher(data['inputs'])[-1][:, None]).argmax(dim=1))
    losses = [F.cross_entropy(outputs(pixels), labels) for pixels in (made.pixels, made.adv)]
    assert losses[1] > losses[0]
    with torch.no_grad():
        head.linear.bias.add_(1)
    assert model.fingerprint() != fingerprint
    assert next(model.double().references['head'].parameters()).dtype == torch.float64


def test_a_method_without_losses():
    with pytest.raises(TypeError, match='losses'):
        AdversarialTraining(backbone_cfg('cls_token'), ATTACK)
