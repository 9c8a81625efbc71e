"""An objective of your own, as a class, beside PGD's in the evaluation of a classifier."""

import torch
from safetensors.torch import load_file
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import Compose, Resize, ToTensor

from mmssl_robust import evaluate, load_encoder
from mmssl_robust.attacks import PGD, Objective
from mmssl_robust.utils.assets import ASSETS

encoder = load_encoder('mini')
head = load_file(ASSETS / 'mini/mini_cifar10.safetensors')
weight, bias = (head[f'head.fc.{name}'].float() for name in ('weight', 'bias'))  # stored in half precision


class Doubt(Objective):
    """Entropy of the prediction: the attacker wants the classifier unsure, whatever it says."""

    def __call__(self, outputs, targets, step, steps):  # (B,), to be maximised
        return -(outputs.softmax(1) * outputs.log_softmax(1)).sum(1)

    def score(self, outputs, targets):  # what is to be low: each image's best iterate is chosen by it
        return outputs.softmax(1).amax(1)

    def success(self, outputs, targets):
        return outputs.argmax(1) != targets


def classifier(pixels):
    """Logits (B, 10) of pixels (B, 3, H, W) in [0, 1]."""
    return torch.nn.functional.linear(encoder(encoder.normalised(pixels))[0], weight, bias)


photos = ImageFolder(ASSETS / 'samples/cifar10/test', Compose([Resize(64), ToTensor()]))
batches = DataLoader(torch.utils.data.Subset(photos, range(0, len(photos), 5)), batch_size=20)
doubt = PGD(Doubt(), norm='linf', eps='8/255', step_size='2/255', steps=10)
print(evaluate(classifier, batches, attacks={'pgd': {}, 'doubt': doubt}))
