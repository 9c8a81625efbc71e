"""Attack a network of timm in plain PyTorch: PGD within 8/255 on a few photographs."""

import timm
import torch
from PIL import Image
from torchvision.transforms.functional import center_crop, pil_to_tensor

from mmssl_robust.attacks import PGD, Margin, frozen
from mmssl_robust.utils.assets import ASSETS

PHOTOS = sorted((ASSETS / 'samples/hololens/images/test').iterdir())[:4]
NETWORK, PRETRAINED = 'resnet18', False  # True downloads the weights; random ones show the way

net = timm.create_model(NETWORK, pretrained=PRETRAINED).eval()
mean, std = (torch.tensor(net.pretrained_cfg[name]).view(3, 1, 1) for name in ('mean', 'std'))


def model(pixels):
    """Logits (B, K) of pixels (B, 3, H, W) in [0, 1]: attacks know nothing of a normalisation."""
    return net((pixels - mean) / std)


pictures = [center_crop(Image.open(path).convert('RGB'), [128, 128]) for path in PHOTOS]
images = torch.stack([pil_to_tensor(picture) for picture in pictures]) / 255
with torch.no_grad():
    targets = model(images).argmax(1)  # in place of labels: what the network says of the clean images

attack = PGD(objective=Margin(), norm='linf', eps='8/255', step_size='2/255', steps=10, seed=0)
with frozen(net):  # no gradients of parameters
    result = attack(model, images, targets)

print(f'largest change: {255 * (result.adv - images).abs().max():.2f} of 255')
for path, loss, success in zip(PHOTOS, result.loss, result.success):
    print(f'{path.name}: margin {loss:+.3f}, {"another class" if success else "the same class"}')
